"""A trained model as a folder, and back: bit for bit, or an error.

    adapter/            peft format on the bare encoder; PeftModel.from_pretrained(base, FOLDER/adapter) reads it
    head.safetensors    the projection
    preprocessor.json   the frames the backbone expects
    model.json          base id, revision, a fingerprint of the base weights, head and adapter settings

The frozen base is named, not stored. Its fingerprint is checked on loading, since embeddings from another base
would look right and be wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bgs.backbones.contract import Backbone, FeatureBackbone
from bgs.backbones.lora import add_lora, lora_settings_of, peft_model_of
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.config import HeadSettings, LoraSettings
from bgs.errors import BackboneError
from bgs.whole_files import written_whole

FORMAT = 1
ADAPTER_WEIGHTS = Path("adapter") / "adapter_model.safetensors"
SAVE_AGAIN = "save the model again, or copy the whole folder"


def save_model(model: EmbeddingModel, folder: str | Path) -> Path:
    """Write everything needed to get the same embeddings back; model.json comes last and completes the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wrapped = peft_model_of(model.backbone)
    if wrapped is not None:
        (folder / "adapter").mkdir(exist_ok=True)
        wrapped.peft_config["default"].save_pretrained(str(folder / "adapter"))
        save_tensors(_adapter_weights(wrapped), folder / ADAPTER_WEIGHTS)
    save_tensors(model.head.state_dict(), folder / "head.safetensors")
    frames = model.backbone.spec.frames
    save_json(frames.to_dict() if frames else {}, folder / "preprocessor.json")
    save_json(_describe(model), folder / "model.json")
    return folder


def load_model(folder: str | Path) -> EmbeddingModel:
    """The model of a folder that `save_model` wrote, in eval mode; every key must be there and no other."""
    folder = Path(folder)
    record = _read_record(folder)
    backbone = _open_base(record["backbone"], folder)
    if record["lora"] is not None:
        add_lora(backbone, record["lora"])
        _load_adapter(backbone, folder / ADAPTER_WEIGHTS)
    model = EmbeddingModel(backbone, record["head"])
    model.head.load_state_dict(load_strictly(folder / "head.safetensors", model.head.state_dict()))
    return model.eval()


def fingerprint(encoder: nn.Module) -> str:
    """SHA-256 over the names and bytes of the base weights, adapters left out."""
    digest = hashlib.sha256()
    for key, tensor in sorted(encoder.state_dict().items()):
        if ".lora_" not in key:
            name = key.replace(".base_layer.", ".")  # peft's name for what it wraps
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _describe(model: EmbeddingModel) -> dict[str, Any]:
    spec = model.backbone.spec
    lora = lora_settings_of(model.backbone)
    return {
        "format": FORMAT,
        "backbone": {
            "name": spec.name,
            "family": spec.family,
            "base_id": spec.base_id,
            "revision": spec.revision,
            "options": {**spec.load_options, "pooling": spec.pooling},
            "width": spec.width,
            "weights_sha256": fingerprint(model.backbone.encoder),
        },
        "lora": None if lora is None else lora.model_dump(mode="json"),
        "head": model.head_settings.model_dump(mode="json"),
    }


def _read_record(folder: Path) -> dict[str, Any]:
    file = folder / "model.json"
    if not file.is_file():
        raise BackboneError(
            "not a saved model: model.json is missing",
            remedy="give a run folder of `bgs fit`",
            file=folder,
        )
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise BackboneError(
                f"model format {record['format']!r} but this bgs reads {FORMAT}",
                remedy="update bgs",
                file=file,
            )
        lora = record["lora"]
        return {
            "backbone": record["backbone"],
            "lora": None if lora is None else LoraSettings.model_validate_json(json.dumps(lora)),
            "head": HeadSettings.model_validate_json(json.dumps(record["head"])),
        }
    except (json.JSONDecodeError, KeyError, TypeError, ValidationError) as error:
        raise BackboneError(
            f"not a model record ({error})", remedy=SAVE_AGAIN, file=file
        ) from error


def _open_base(base: Mapping[str, Any], folder: Path) -> Backbone:
    if base["family"] == "features":
        return FeatureBackbone(base["width"], name=base["name"])
    backbone = load_backbone(base["base_id"], revision=base["revision"], **base["options"])
    if fingerprint(backbone.encoder) != base["weights_sha256"]:
        raise BackboneError(
            f"the weights of {base['base_id']!r} are not those this model was trained on",
            remedy="restore the original weights or revision",
            file=folder / "model.json",
        )
    return backbone


def _load_adapter(backbone: Backbone, file: Path) -> None:
    wrapped = peft_model_of(backbone)
    if wrapped is None:
        raise BackboneError(f"{backbone.spec.name!r} has no adapter", remedy=SAVE_AGAIN, file=file)
    expected = _adapter_weights(wrapped)
    set_peft_model_state_dict(wrapped, load_strictly(file, expected))


def _adapter_weights(wrapped: PeftModel) -> dict[str, Tensor]:
    """By default peft asks the network whether the base's vocabulary has grown; there is none here."""
    weights: dict[str, Tensor] = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    return weights


def load_strictly(file: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors whose names and shapes are exactly the expected ones."""
    if not file.is_file():
        raise BackboneError("the file is missing", remedy=SAVE_AGAIN, file=file)
    try:
        found = load_file(file)
    except SafetensorError as error:
        raise BackboneError(
            f"damaged or cut short ({error})", remedy=SAVE_AGAIN, file=file
        ) from error
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    misshapen = [
        key for key in expected if key in found and found[key].shape != expected[key].shape
    ]
    problems = [
        f"{len(keys)} {what} (first {keys[0]!r})"
        for what, keys in (("missing", missing), ("unknown", extra), ("misshapen", misshapen))
        if keys
    ]
    if problems:
        raise BackboneError(
            f"keys do not fit the model: {', '.join(problems)}", remedy=SAVE_AGAIN, file=file
        )
    broken = next((key for key, tensor in found.items() if not tensor.isfinite().all()), None)
    if broken is not None:
        raise BackboneError(
            f"damaged: {broken!r} holds numbers that are not finite", remedy=SAVE_AGAIN, file=file
        )
    return found


def save_tensors(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Write safetensors, whole or not at all."""
    contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with written_whole(file) as draft:
        save_file(contiguous, draft, metadata={"format": "pt"})


def save_json(values: Mapping[str, Any], file: Path) -> None:
    """Write JSON, whole or not at all."""
    with written_whole(file) as draft:
        draft.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
