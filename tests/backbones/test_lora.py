from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bgs.backbones.lora import add_lora, lora_settings_of, peft_model_of
from bgs.backbones.registry import load_backbone
from bgs.config import LoraSettings
from bgs.errors import BackboneError


def test_preset_adapts_every_layer_and_counts_it(videomae_folder: Path) -> None:
    backbone = load_backbone(videomae_folder)
    before = sum(p.numel() for p in backbone.encoder.parameters())
    report = add_lora(backbone, LoraSettings(r=2))
    # A layer: q, k, v and output 24 -> 24, intermediate 24 -> 48, output 48 -> 24; rank 2.
    a_layer = 2 * (4 * (24 + 24) + (24 + 48) + (48 + 24))
    assert len(report.modules) == 12
    assert report.trainable == 2 * a_layer
    assert report.total == before + report.trainable
    share = f"{100 * report.trainable / report.total:.2f}"
    assert str(report) == (
        f"LoRA on 12 modules: {report.trainable:,} of {report.total:,} parameters train ({share} %)"
    )


def test_an_adapter_changes_nothing_until_it_is_trained(
    videomae_folder: Path, draw_frames: Callable[..., Tensor]
) -> None:
    backbone = load_backbone(videomae_folder)
    frames = draw_frames(backbone)
    before = backbone(frames)
    add_lora(backbone, LoraSettings())
    assert torch.equal(backbone.eval()(frames), before)


def test_adapters_are_seeded_and_leave_the_random_state_alone(videomae_folder: Path) -> None:
    weights = []
    before = torch.get_rng_state()
    for seed in (0, 0, 1):
        backbone = load_backbone(videomae_folder)
        add_lora(backbone, LoraSettings(r=2), seed=seed)
        weights.append(next(p for n, p in backbone.named_parameters() if "lora_A" in n))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_rank_zero_freezes_everything(videomae_folder: Path) -> None:
    backbone = load_backbone(videomae_folder)
    report = add_lora(backbone, LoraSettings(r=0))
    assert (report.trainable, report.share) == (0, 0.0)
    assert peft_model_of(backbone) is None
    assert not any(p.requires_grad for p in backbone.parameters())


def test_targets_and_layers_are_settings(videomae_folder: Path) -> None:
    backbone = load_backbone(videomae_folder)
    settings = LoraSettings(r=2, target_modules=("query",), layers_to_transform=(1,))
    report = add_lora(backbone, settings)
    assert report.modules == ("encoder.layer.1.attention.attention.query",)
    assert lora_settings_of(backbone) is settings
    adapted = {
        n.split(".lora_")[0] for n, p in backbone.encoder.named_parameters() if p.requires_grad
    }
    assert adapted == set(report.modules)


@pytest.mark.parametrize("variant", [{"use_dora": True}, {"use_rslora": True}])
def test_variants_pass_through_to_peft(videomae_folder: Path, variant: dict[str, bool]) -> None:
    backbone = load_backbone(videomae_folder)
    add_lora(backbone, LoraSettings(r=4, lora_alpha=16, **variant))
    query = backbone.encoder.get_submodule("encoder.layer.0.attention.attention.query")
    assert query.use_dora["default"] == variant.get("use_dora", False)
    assert query.scaling["default"] == (8.0 if variant.get("use_rslora") else 4.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            LoraSettings(target_modules=("query", "qkv")),
            "target 'qkv' matches no linear module of {name!r}; "
            "use some of query, key, value, output.dense, intermediate.dense",
        ),
        (
            LoraSettings(layers_to_transform=(0, 2)),
            "layer 2 asked of {name!r}, which has 2; use layers from 0 to 1",
        ),
        (
            LoraSettings(layers_to_transform=()),
            "layers_to_transform is empty; name a layer, or set lora.r to 0",
        ),
    ],
)
def test_impossible_targets_are_refused(
    videomae_folder: Path, settings: LoraSettings, message: str
) -> None:
    with pytest.raises(BackboneError) as caught:
        add_lora(load_backbone(videomae_folder), settings)
    assert str(caught.value) == message.format(name=str(videomae_folder))


def test_a_target_outside_the_layers_is_refused(videomae_folder: Path) -> None:
    backbone = load_backbone(videomae_folder)
    backbone.encoder.predictor = torch.nn.ModuleDict({"query": torch.nn.Linear(24, 24)})
    with pytest.raises(BackboneError) as caught:
        add_lora(backbone, LoraSettings())
    assert str(caught.value) == (
        f"target 'query' matches module 'predictor.query', outside the encoder's layers of "
        f"{str(videomae_folder)!r}; use some of query, key, value, output.dense, intermediate.dense"
    )


def test_a_second_adapter_is_refused(videomae_folder: Path) -> None:
    backbone = load_backbone(videomae_folder)
    add_lora(backbone, LoraSettings())
    with pytest.raises(BackboneError) as caught:
        add_lora(backbone, LoraSettings())
    assert str(caught.value) == (
        f"{str(videomae_folder)!r} has an adapter already; load the backbone afresh"
    )


@pytest.mark.parametrize("name", ["vjepa2.1-base", "vjepa2-large", "timesformer", "clip"])
def test_published_backbones_train_under_three_percent(name: str) -> None:
    with torch.device("meta"):
        backbone = load_backbone(name, random_init=True)
        report = add_lora(backbone, LoraSettings())
    assert 0.01 < report.share < 0.03
