"""A saved model on the Hugging Face hub, with a card that says what it is and how to use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgs.errors import BackboneError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# What belongs to the model; checkpoints, logs and clips stay at home.
UPLOADED = (
    "README.md",
    "model.json",
    "preprocessor.json",
    "head.safetensors",
    "adapter/*",
    "results.json",
    "config.yaml",
)


def push_to_hub(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    commit_message: str = "Upload model",
    api: HfApi | None = None,
) -> str:
    """Write the model card into a saved model's folder and upload it; the address of the repository."""
    folder = Path(folder)
    record = _read_json(folder / "model.json")
    _check_base_is_public(record, folder)
    (folder / "README.md").write_text(model_card(folder, repo_id=repo_id), encoding="utf-8")
    if api is None:
        from huggingface_hub import HfApi

        api = HfApi()
    repository = api.create_repo(repo_id, private=private, exist_ok=True)
    api.upload_folder(
        repo_id=repo_id,
        folder_path=folder,
        allow_patterns=list(UPLOADED),
        commit_message=commit_message,
    )
    return str(repository)


def model_card(folder: str | Path, *, repo_id: str = "USER/MODEL") -> str:
    """The card's text: base, adapter, measured agreement with people, and the two ways to load it."""
    folder = Path(folder)
    record = _read_json(folder / "model.json")
    base, lora = record["backbone"], record["lora"]
    results = folder / "results.json"
    adapter = (
        f"LoRA (rank {lora['r']}, alpha {lora['lora_alpha']}) on the frozen encoder"
        if lora
        else "none: the encoder is frozen as published"
    )
    front = ["---", "library_name: peft", "tags: [bgs, video, human-similarity]"]
    if base["family"] != "features" and not Path(base["base_id"]).exists():
        front.append(f"base_model: {base['base_id']}")
    return "\n".join(
        [
            *front,
            "---",
            f"# {repo_id.split('/')[-1]}",
            "",
            f"A video encoder tuned on human similarity judgments, from `{base['base_id']}`"
            + (f" at revision `{base['revision']}`." if base["revision"] else "."),
            "",
            f"- Adapter: {adapter}",
            f"- Head: {record['head']['kind']}; embeddings have length 1 and are compared by cosine",
            "- Frames: as `preprocessor.json` says, decoded to uint8 and normalised by the model",
            "",
            *(_results_lines(_read_json(results)) if results.is_file() else []),
            "## Use",
            "",
            "```python",
            "from bgs.backbones.saving import load_model  # pip install bgs",
            f"model = load_model(FOLDER)  # after: hf download {repo_id} --local-dir FOLDER",
            "```",
            "",
            "The adapter alone, without this package:",
            "",
            "```python",
            f'PeftModel.from_pretrained(base, "{repo_id}", subfolder="adapter")',
            "```",
            "",
            "The licence of the base weights applies to what is derived from them.",
            "",
        ]
    )


def _results_lines(results: Mapping[str, Any]) -> list[str]:
    """Before and after, exactly as scored; nothing is claimed beyond the numbers."""
    lines = [
        "## Agreement with people on held-out clips",
        "",
        "| | R2 | 95 % CI | odd-one-out (three-way) |",
        "|---|---|---|---|",
    ]
    for stage in ("before", "after"):
        block = results.get(stage)
        if block:
            rsa, odd = block["rsa"], block["odd_one_out"]
            low, high = rsa["ci95"]
            lines.append(
                f"| {stage} | {rsa['r2']:.3f} | [{low:.3f}, {high:.3f}] | {odd['three_way']:.3f} |"
            )
    return [*lines, ""] if len(lines) > 4 else []


def _check_base_is_public(record: Mapping[str, Any], folder: Path) -> None:
    base_id = record["backbone"]["base_id"]
    if record["backbone"]["family"] == "features" or Path(base_id).exists():
        raise BackboneError(
            f"its base is {base_id!r} on this machine, which nobody else has",
            remedy="tune from a published id, or share `bgs export --merge` of it",
            file=folder / "model.json",
        )


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BackboneError(
            f"not a saved model: {file.name} is missing",
            remedy="give a run folder",
            file=file.parent,
        )
    return dict(json.loads(file.read_text(encoding="utf-8")))
