"""A saved model on the Hugging Face hub, under the card that was written when it was trained."""

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
FROM_DISK = 'from_pretrained(base, ".")'  # how the card in the folder says to load it


def push_to_hub(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    commit_message: str = "Upload model",
    api: HfApi | None = None,
) -> str:
    """Upload a run's model with its card at the top of the repository; the repository's address."""
    folder = Path(folder)
    record = _read_json(folder / "model.json")
    _check_base_is_public(record, folder)
    card = _public_card(folder, repo_id)
    (folder / "README.md").write_text(card, encoding="utf-8")
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


def _public_card(folder: Path, repo_id: str) -> str:
    """The card of the run's adapter, with the way to load it from the hub in place of the one from disk."""
    card = folder / "adapter" / "README.md"
    if not card.is_file():
        raise BackboneError(
            "there is no model card to publish it with",
            remedy="push a run that `bgs fit` finished with adapters",
            file=card,
        )
    text = card.read_text(encoding="utf-8")
    text = text.replace(FROM_DISK, f'from_pretrained(base, "{repo_id}", subfolder="adapter")')
    return text.replace(
        'load_model("..")', f"load_model(FOLDER)  # hf download {repo_id} --local-dir FOLDER"
    )


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
            remedy="give a run folder of `bgs fit`",
            file=file.parent,
        )
    return dict(json.loads(file.read_text(encoding="utf-8")))
