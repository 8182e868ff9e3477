"""The model a config describes, and what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgs.backbones.contract import Backbone, FeatureBackbone
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.config import FitConfig
from bgs.data.clips import Clips
from bgs.data.features import FeatureBank
from bgs.errors import ConfigError
from bgs.run.embed import embed_with, open_bank, reads_no_frames

if TYPE_CHECKING:
    from bgs.data.clip_cache import FrameBank

    Bank = FrameBank | FeatureBank


def open_inputs(config: FitConfig, clips: Clips, *, progress: bool = True) -> tuple[Backbone, Bank]:
    """The config's frozen backbone, and every clip as it wants it: frames, or the features it names."""
    name = config.backbone.name_or_path
    if not reads_no_frames(name):
        backbone = open_backbone(config)
        return backbone, open_bank(backbone, clips, config.data, progress=progress)
    source = embed_with(name, clips, config.data, progress=progress)
    bank = FeatureBank(source.ids, source.matrix).select(clips.ids)
    return _stand_for(bank, config), bank


def build_model(
    config: FitConfig, bank: Bank, *, backbone: Backbone | None = None
) -> EmbeddingModel:
    """Backbone, LoRA where asked, and a head; the same weights for the same seed.

    A `backbone` that is already in memory and has no adapters yet is used, and changed in place.
    """
    if isinstance(bank, FeatureBank):
        _refuse_lora(config)
        backbone = backbone or _stand_for(bank, config)
    else:
        backbone = backbone or open_backbone(config)
    if config.lora.r:
        add_lora(backbone, config.lora, seed=config.seed)
    return EmbeddingModel(backbone, config.head, seed=config.seed)


def _stand_for(bank: FeatureBank, config: FitConfig) -> Backbone:
    return FeatureBackbone(bank.width, name=config.backbone.name_or_path)


def check_trainable(model: EmbeddingModel) -> None:
    """Refuse a model without a single weight to train, before anything is written."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(
            "nothing to train: lora.r is 0 and the head has no weights",
            remedy="set lora.r above 0, or head.kind to one with weights (linear, paper, mlp, square)",
        )


def count_parameters(model: EmbeddingModel) -> dict[str, int]:
    """How much of the model is trained, and in how many modules adapters sit."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {
        "trainable": sum(size for size, trained in sizes if trained),
        "total": sum(size for size, _ in sizes),
        "adapted_modules": sum(hasattr(module, "lora_A") for module in model.modules()),
    }


def open_backbone(config: FitConfig) -> Backbone:
    """The frozen backbone of the config, as it was published."""
    chosen = config.backbone
    return load_backbone(
        chosen.name_or_path,
        revision=chosen.revision,
        dtype=chosen.dtype,
        pooling=chosen.pooling,
        random_init=chosen.random_init,
        seed=config.seed,
        num_frames=chosen.num_frames,
        image_size=chosen.image_size,
    )


def _refuse_lora(config: FitConfig) -> None:
    if config.lora.r:
        raise ConfigError(
            f"lora.r is {config.lora.r} but {config.backbone.name_or_path!r} has no layers to adapt",
            remedy="set lora.r=0: the head alone is trained on given features",
        )
