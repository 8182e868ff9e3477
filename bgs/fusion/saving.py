"""A trained SocialFusion model as a folder, and back.

    connector.safetensors   the connector with the mean and spread of its tokens
    heatmap.safetensors     the decoder of gaze, where there is one
    language/               tokenizer; the LoRA adapter in peft's format, or all weights where all were trained
    fusion.json             what it stands on: encoder, layer and language model, each by name and fingerprint

The encoder and the language model under an adapter are named, not stored; another one in their place is refused.
"""

from __future__ import annotations

from pathlib import Path

from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from bgs.backbones.contract import Backbone
from bgs.backbones.huggingface import quiet
from bgs.backbones.saving import fingerprint, load_strictly, save_json, save_tensors
from bgs.backbones.seeding import seeded
from bgs.errors import BackboneError
from bgs.fusion.connector import Connector, HeatmapDecoder
from bgs.fusion.language import Language, open_language, open_saved
from bgs.fusion.model import SocialModel
from bgs.fusion.questions import GRID
from bgs.fusion.record import (
    RECORD,
    EncoderRecord,
    LanguageRecord,
    Record,
    Shape,
    read_record,
)
from bgs.fusion.seeing import encoder_key
from bgs.fusion.settings import FusionConfig

LANGUAGE = "language"
SAVED = (RECORD, LANGUAGE, "connector.safetensors", "heatmap.safetensors")
ADAPTER = "adapter_model.safetensors"


def build_model(config: FusionConfig, shape: Shape) -> SocialModel:
    """Connector, language model and, where asked for, decoder of gaze, fresh from the seed."""
    language = open_language(config.language, seed=config.seed)
    return assemble(config, shape, language)


def assemble(config: FusionConfig, shape: Shape, language: Language) -> SocialModel:
    """The new parts around a language model; the same weights for the same seed."""
    with seeded(config.seed):
        connector = Connector(
            config.connector,
            width=shape.width,
            language_width=language.width,
            num_tokens=shape.rows * shape.columns,
        )
        heatmap = (
            HeatmapDecoder(width=shape.width, rows=shape.rows, columns=shape.columns, grid=GRID)
            if config.use_heatmap
            else None
        )
    return SocialModel(connector, language, heatmap)


def save_social(
    model: SocialModel, folder: Path, *, config: FusionConfig, shape: Shape, backbone: Backbone
) -> None:
    """Write everything that gives the same answers back; fusion.json comes last and completes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    save_tensors(model.connector.state_dict(), folder / "connector.safetensors")
    if model.heatmap is not None:
        save_tensors(model.heatmap.state_dict(), folder / "heatmap.safetensors")
    _save_language(model, folder / LANGUAGE)
    adapted = isinstance(model.language, PeftModel)
    record = Record(
        shape=shape,
        encoder=EncoderRecord(name=config.backbone.name_or_path, sha256=encoder_key(backbone)),
        language=LanguageRecord(
            name=config.language.name_or_path,
            adapter=adapted,
            sha256=fingerprint(model.language.get_base_model()) if adapted else None,
        ),
    )
    save_json(record.model_dump(), folder / RECORD)


def load_social(folder: Path, *, config: FusionConfig, backbone: Backbone) -> SocialModel:
    """The model of a folder that `save_social` wrote, in eval mode, on the encoder it was trained with."""
    record = read_record(folder)
    seen = Shape(*backbone.grid_size, backbone.spec.width)
    if encoder_key(backbone) != record.encoder.sha256 or seen != record.shape:
        raise BackboneError(
            f"encoder {record.encoder.name!r} is not the one this model was trained on",
            remedy="restore its weights",
            file=folder / RECORD,
        )
    if record.language.adapter:
        language = open_language(config.language, seed=config.seed)
        _load_adapter(language.model, folder / LANGUAGE / ADAPTER, record.language.sha256)
    else:
        language = open_saved(folder / LANGUAGE)
    model = assemble(config, record.shape, language)
    _load(model.connector, folder / "connector.safetensors")
    if model.heatmap is not None:
        _load(model.heatmap, folder / "heatmap.safetensors")
    return model.eval()


def _save_language(model: SocialModel, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    model.tokenizer.save_pretrained(str(folder))
    if isinstance(model.language, PeftModel):
        model.language.peft_config["default"].save_pretrained(str(folder))
        save_tensors(_adapter_of(model.language), folder / ADAPTER)
    else:
        with quiet():
            model.language.save_pretrained(str(folder))


def _adapter_of(model: PeftModel) -> dict[str, Tensor]:
    """Without peft's question to the network whether the vocabulary of the base has grown."""
    weights: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return weights


def _load_adapter(model: nn.Module, file: Path, base: str | None) -> None:
    if not isinstance(model, PeftModel) or fingerprint(model.get_base_model()) != base:
        raise BackboneError(
            "the language model is not the one this adapter was trained on",
            remedy="restore its weights",
            file=file,
        )
    set_peft_model_state_dict(model, load_strictly(file, _adapter_of(model)))


def _load(module: nn.Module, file: Path) -> None:
    module.load_state_dict(load_strictly(file, module.state_dict()))
