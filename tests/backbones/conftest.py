"""Tiny random models of every family, as files on disk: what a user's download looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPModel,
    PreTrainedModel,
    SiglipConfig,
    SiglipModel,
    TimesformerConfig,
    TimesformerForVideoClassification,
    VideoMAEConfig,
    VideoMAEForPreTraining,
    VJEPA2Config,
    VJEPA2Model,
)

from bgs.backbones.contract import Backbone
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.backbones.vjepa21 import Vjepa21Architecture, Vjepa21Encoder
from bgs.backbones.vjepa21_checkpoint import out_layers_of, write_checkpoint
from bgs.config import HeadSettings, LoraSettings

WIDE = {"initializer_range": 0.3}  # far from the identity, so that differences show
VIT = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "patch_size": 16,
    "image_size": 32,
}
TEXT = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 8,
    "vocab_size": 16,
}


@dataclass(frozen=True)
class Family:
    """A backbone family at its smallest, and what the contract expects of it."""

    name: str
    source: Path
    sees_order: bool  # whether playing the frames backwards must change the embedding
    modules_a_layer: int  # that LoRA adapts
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self, **options: Any) -> Backbone:
        return load_backbone(self.source, **{**self.options, **options})


def _make_videomae() -> PreTrainedModel:
    sizes = {
        "decoder_hidden_size": 8,
        "decoder_num_hidden_layers": 1,
        "decoder_intermediate_size": 8,
    }
    config = VideoMAEConfig(num_frames=4, decoder_num_attention_heads=2, **sizes, **VIT, **WIDE)
    return VideoMAEForPreTraining(config)


def _make_vjepa2() -> PreTrainedModel:
    config = VJEPA2Config(
        crop_size=32, frames_per_clip=4, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        mlp_ratio=2.0, pred_hidden_size=12, pred_num_hidden_layers=1, pred_num_attention_heads=2, **WIDE,
    )  # fmt: skip
    return VJEPA2Model(config)


def _make_timesformer() -> PreTrainedModel:
    model = TimesformerForVideoClassification(TimesformerConfig(num_frames=4, **VIT, **WIDE))
    embeddings = model.timesformer.embeddings
    torch.nn.init.normal_(embeddings.time_embeddings)  # zero as transformers starts them
    return model


def _make_clip() -> PreTrainedModel:
    return CLIPModel(CLIPConfig(vision_config=VIT, text_config=TEXT, projection_dim=8))


def _make_siglip() -> PreTrainedModel:
    return SiglipModel(SiglipConfig(vision_config=VIT, text_config=TEXT))


FAMILIES: dict[str, tuple[Callable[[], PreTrainedModel] | None, bool, int]] = {
    "videomae": (_make_videomae, True, 6),
    "vjepa2": (_make_vjepa2, True, 6),
    "vjepa2.1": (None, True, 4),
    "timesformer": (_make_timesformer, True, 7),
    "clip": (_make_clip, False, 6),
    "siglip": (_make_siglip, False, 6),
}


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Family]:
    root = tmp_path_factory.mktemp("weights")
    return {name: _write(name, root) for name in FAMILIES}


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest, families: dict[str, Family]) -> Family:
    return families[request.param]


@pytest.fixture
def videomae_folder(families: dict[str, Family]) -> Path:
    return families["videomae"].source


@pytest.fixture
def tuned_videomae(families: dict[str, Family]) -> EmbeddingModel:
    return _make_tuned(families["videomae"])


@pytest.fixture(scope="session")
def make_tuned() -> Callable[..., EmbeddingModel]:
    return _make_tuned


@pytest.fixture(scope="session")
def draw_frames() -> Callable[..., Tensor]:
    return _draw_frames


def _make_tuned(family: Family, **settings: Any) -> EmbeddingModel:
    """A model whose adapters do something, as after training, in eval mode."""
    backbone = family.load()
    add_lora(backbone, LoraSettings(r=2, lora_dropout=0.0, **settings))
    model = EmbeddingModel(backbone, HeadSettings(dim=8, dropout=0.0))
    # Adapters start as nothing (B = 0); give B values so that they matter and gradients reach A.
    generator = torch.Generator().manual_seed(2)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return model.eval()


def _draw_frames(backbone: Backbone, *, clips: int = 2, seed: int = 0) -> Tensor:
    """Seeded uint8 frames that a backbone accepts, (clips, frames, 3, height, width)."""
    spec = backbone.spec.frames
    assert spec is not None
    shape = (clips, spec.num_frames, 3, spec.height, spec.width)
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def _write(name: str, root: Path) -> Family:
    make, sees_order, modules = FAMILIES[name]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        if make is not None:
            make().save_pretrained(root / name)
            options = {"num_frames": 4} if name in ("clip", "siglip") else {}
            return Family(name, root / name, sees_order, modules, options)
        architecture = Vjepa21Architecture(
            dim=32, depth=4, num_heads=2, mlp_dim=48, out_layers=out_layers_of(4)
        )
        encoder = Vjepa21Encoder(architecture)
        for parameter in encoder.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        write_checkpoint(encoder, root / "vjepa21.pt")
        options = {"num_frames": 4, "image_size": 32}
        return Family(name, root / "vjepa21.pt", sees_order, modules, options)
