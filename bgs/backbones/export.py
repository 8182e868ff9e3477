"""A tuned encoder for those who do not use this package: adapters merged into plain weights.

    a transformers family   FOLDER/config.json, model.safetensors    AutoModel reads it
    V-JEPA 2.1              FOLDER/encoder.pt                        in Meta's format

Beside them lie `head.safetensors` (apply it to the pooled tokens, then normalise) and `preprocessor.json`.
Merging adds the adapters' products to the weights, so outputs agree to rounding, not bit for bit.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, cast

from safetensors.torch import save_file
from torch import nn

from bgs.backbones.contract import Backbone
from bgs.backbones.huggingface import quiet
from bgs.backbones.lora import peft_model_of
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.vjepa21 import Vjepa21Encoder
from bgs.backbones.vjepa21_checkpoint import write_checkpoint
from bgs.errors import BackboneError


def export_merged(model: EmbeddingModel, folder: str | Path) -> Path:
    """Write the merged encoder with its head; the model itself stays as it is."""
    backbone = model.backbone
    if backbone.spec.frames is None:
        raise BackboneError(
            f"{backbone.spec.name!r} has no encoder to export",
            remedy="export a model tuned on clips",
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    encoder = merge(backbone)
    if isinstance(encoder, Vjepa21Encoder):
        write_checkpoint(encoder, folder / "encoder.pt")
    else:
        _save_pretrained(encoder, folder)
    preprocessor = json.dumps(backbone.spec.frames.to_dict(), indent=2) + "\n"
    (folder / "preprocessor.json").write_text(preprocessor, encoding="utf-8")
    head = {
        key: tensor.detach().cpu().contiguous() for key, tensor in model.head.state_dict().items()
    }
    save_file(head, folder / "head.safetensors")
    return folder


def merge(backbone: Backbone) -> nn.Module:
    """A copy of the encoder with its adapters added into the weights."""
    copied = copy.deepcopy(backbone)
    wrapped = peft_model_of(copied)
    return copied.encoder if wrapped is None else cast(nn.Module, wrapped.merge_and_unload())


def _save_pretrained(encoder: Any, folder: Path) -> None:
    with quiet():  # its own progress bar says nothing: there is one shard
        encoder.save_pretrained(folder)
    public_names = {"Vjepa2EncoderModel": "VJEPA2Model"}  # ours leaves the predictor out
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = config.get("architectures") or []
    config["architectures"] = [public_names.get(name, name) for name in names]
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
