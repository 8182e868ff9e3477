"""One contract, every family: what `bgs.backbones.contract` promises, at tiny random sizes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModel, CLIPVisionModel, SiglipVisionModel

from bgs.backbones.contract import Backbone
from bgs.backbones.export import export_merged
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.backbones.saving import load_model, save_model
from bgs.backbones.vjepa21_checkpoint import read_checkpoint
from bgs.config import HeadSettings, LoraSettings
from bgs.errors import BackboneError

Draw = Callable[..., Tensor]
MakeTuned = Callable[..., EmbeddingModel]


def test_frames_become_one_embedding_a_clip(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    embeddings = backbone(draw_frames(backbone, clips=3))
    assert embeddings.shape == (3, backbone.spec.width)
    assert embeddings.dtype == torch.float32
    assert torch.isfinite(embeddings).all()


def test_spec_says_what_the_encoder_is(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    spec = backbone.spec
    assert spec.family == family.name
    assert spec.base_id == str(family.source)
    assert spec.num_layers == len(backbone.blocks)
    assert spec.frames is not None
    assert spec.frames.num_frames == 4
    rows, columns = spec.frames.height // spec.patch_size, spec.frames.width // spec.patch_size
    patches = rows * columns * spec.frames.num_frames // spec.tubelet_size
    prefix = spec.num_prefix_tokens * backbone.views
    assert backbone.tokens(draw_frames(backbone))[-1].shape[1] == patches + prefix
    assert f"{spec.num_layers} layers of {spec.width}, 4 x 32 x 32" in repr(backbone)


def test_clips_do_not_touch_each_other(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    frames = draw_frames(backbone, clips=3)
    alone = torch.cat([backbone(clip[None]) for clip in frames])
    torch.testing.assert_close(backbone(frames), alone, atol=1e-5, rtol=1e-5)


def test_tokens_come_from_every_layer_and_the_last_is_what_is_pooled(
    family: Any, draw_frames: Draw
) -> None:
    backbone = family.load()
    frames = draw_frames(backbone)
    layers = backbone.tokens(frames)
    assert len(layers) == backbone.spec.num_layers
    assert all(layer.shape == layers[-1].shape for layer in layers)
    assert not torch.equal(layers[0], layers[1])
    assert torch.equal(backbone.pool(layers[-1]), backbone(frames))


def test_mean_pooling_averages_the_patches_and_no_cls_token(family: Any, draw_frames: Draw) -> None:
    backbone = family.load(pooling="mean")
    tokens = backbone.tokens(draw_frames(backbone))[-1]
    views = tokens.reshape(2, backbone.views, -1, backbone.spec.width)
    patches = views[:, :, backbone.spec.num_prefix_tokens :].flatten(1, 2)
    torch.testing.assert_close(backbone.pool(tokens), patches.mean(dim=1))


def test_cls_pooling_is_for_those_who_have_one(family: Any, draw_frames: Draw) -> None:
    if family.name in ("clip", "timesformer"):
        backbone = family.load()
        assert backbone.spec.pooling == "cls"
        tokens = backbone.tokens(draw_frames(backbone))[-1]
        first = tokens.reshape(2, backbone.views, -1, backbone.spec.width)[:, :, 0].mean(dim=1)
        assert torch.equal(backbone.pool(tokens), first)
        return
    with pytest.raises(BackboneError) as caught:
        family.load(pooling="cls")
    assert str(caught.value) == (
        f"pooling 'cls' asked of {str(family.source)!r}, which has no CLS token; "
        "use pooling 'mean', or leave it out"
    )


def test_attention_rows_are_distributions_and_eager_agrees(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    frames = draw_frames(backbone)
    fused = backbone(frames)
    layers = backbone.attention(frames)
    assert len(layers) == backbone.spec.num_layers
    for weights in layers:
        assert weights.ndim == 5
        assert weights.shape[0] == 2
        assert weights.shape[3] == weights.shape[4]
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    with backbone._eager_attention():
        eager = backbone(frames)
    torch.testing.assert_close(eager, fused, atol=1e-5, rtol=1e-5)
    assert torch.equal(backbone(frames), fused)  # the fused path is back


def test_time_reversal_changes_what_sees_order(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    frames = draw_frames(backbone)
    difference = (backbone(frames) - backbone(frames.flip(1))).abs().max()
    assert (difference > 1e-3) == family.sees_order


def test_evaluation_is_deterministic(family: Any, make_tuned: MakeTuned, draw_frames: Draw) -> None:
    model = make_tuned(family)
    frames = draw_frames(model.backbone)
    assert torch.equal(model(frames), model(frames))


def test_loading_twice_gives_the_same_weights(family: Any, draw_frames: Draw) -> None:
    first, second = family.load(), family.load()
    frames = draw_frames(first)
    assert torch.equal(first(frames), second(frames))
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert not first.training


def test_wrong_frames_are_refused(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    frames = draw_frames(backbone)
    name = str(family.source)
    with pytest.raises(BackboneError) as caught:
        backbone(torch.cat([frames, frames], dim=1))
    assert str(caught.value) == (
        f"{name!r} was given 8 frames a clip but is configured for 4; "
        "sample 4 frames, or load it with num_frames=8"
    )
    with pytest.raises(BackboneError) as caught:
        backbone(frames[..., :16])
    assert str(caught.value) == (
        f"{name!r} was given frames of 32 x 16 but takes 32 x 32; decode the clips with its spec.frames"
    )
    with pytest.raises(BackboneError) as caught:
        backbone(frames.float())
    assert str(caught.value) == (
        f"{name!r} was given float32 (2, 4, 3, 32, 32) but takes uint8 (clips, frames, 3, height, width); "
        "pass the frames as decoded; the backbone normalises them itself"
    )


def test_another_frame_count_can_be_asked_for_at_loading(family: Any, draw_frames: Draw) -> None:
    backbone = family.load(num_frames=8)
    frames = draw_frames(backbone)
    assert frames.shape[1] == 8
    assert torch.isfinite(backbone(frames)).all()
    reversal = (backbone(frames) - backbone(frames.flip(1))).abs().max()
    assert (reversal > 1e-3) == family.sees_order


def test_normalisation_is_mean_and_std_of_the_spec(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    frames = draw_frames(backbone)
    mean = torch.tensor(backbone.spec.frames.mean).view(3, 1, 1)
    std = torch.tensor(backbone.spec.frames.std).view(3, 1, 1)
    expected = (frames.float() / 255 - mean) / std
    torch.testing.assert_close(backbone.normalise(frames), expected, atol=1e-5, rtol=1e-5)


def test_lora_adapts_the_preset_in_every_layer(family: Any) -> None:
    backbone = family.load()
    report = add_lora(backbone, LoraSettings(r=2))
    assert len(report.modules) == family.modules_a_layer * backbone.spec.num_layers
    container = next(n for n, m in backbone.encoder.named_modules() if m is backbone.blocks)
    assert all(name.startswith(container + ".") for name in report.modules)


def test_gradients_reach_every_trainable_parameter_and_no_other(
    family: Any, make_tuned: MakeTuned, draw_frames: Draw
) -> None:
    model = make_tuned(family).train()
    _squared_sum(model, draw_frames(model.backbone)).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert "lora_" in name or name.startswith("head.")
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name
        else:
            assert parameter.grad is None, name


def test_checkpointing_changes_no_gradient(
    family: Any, make_tuned: MakeTuned, draw_frames: Draw
) -> None:
    gradients = []
    for enabled in (False, True):
        model = make_tuned(family).train()
        model.backbone.set_gradient_checkpointing(enabled)
        calls = _count_calls(model.backbone)
        _squared_sum(model, draw_frames(model.backbone)).backward()
        assert calls[0] == (2 if enabled else 1)
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
        model.backbone.set_gradient_checkpointing(False)
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed, atol=1e-6, rtol=1e-5)


def test_bfloat16_is_close(family: Any, make_tuned: MakeTuned, draw_frames: Draw) -> None:
    model = make_tuned(family)
    frames = draw_frames(model.backbone)
    exact = model(frames)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = model(frames)
    assert rounded.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(exact, rounded).min() > 0.99
    half = family.load(dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    full = family.load()(frames)
    assert torch.nn.functional.cosine_similarity(full, half(frames).float()).min() > 0.99


def test_adapters_train_in_float32_on_a_bfloat16_encoder(family: Any, draw_frames: Draw) -> None:
    backbone = family.load(dtype="bfloat16")
    add_lora(backbone, LoraSettings(r=2))
    model = EmbeddingModel(backbone, HeadSettings(dim=8, dropout=0.0)).train()
    _squared_sum(model, draw_frames(backbone)).backward()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            assert parameter.dtype == torch.float32
            assert parameter.grad is not None
            assert parameter.grad.abs().max() > 0, name


def test_save_and_load_give_the_same_embeddings_bit_for_bit(
    family: Any, make_tuned: MakeTuned, draw_frames: Draw, tmp_path: Path
) -> None:
    model = make_tuned(family)
    frames = draw_frames(model.backbone)
    again = load_model(save_model(model, tmp_path))
    assert torch.equal(again(frames), model(frames))
    assert again.backbone.spec == model.backbone.spec


def test_peft_reads_the_adapter_onto_the_public_model(
    family: Any, make_tuned: MakeTuned, draw_frames: Draw, tmp_path: Path
) -> None:
    model = make_tuned(family)
    pixels = model.backbone.normalise(draw_frames(model.backbone))
    save_model(model, tmp_path)
    public = PeftModel.from_pretrained(_open_public(family.source), tmp_path / "adapter")
    adapted = {n.split(".lora_")[0] for n, _ in public.named_parameters() if "lora_" in n}
    assert len(adapted) == family.modules_a_layer * model.backbone.spec.num_layers
    expected = model.backbone.encode(pixels)
    torch.testing.assert_close(_run_public(public, family.name, pixels), expected)


def test_merged_export_loads_without_this_package(
    family: Any, make_tuned: MakeTuned, draw_frames: Draw, tmp_path: Path
) -> None:
    model = make_tuned(family)
    frames = draw_frames(model.backbone)
    before = model(frames)
    export_merged(model, tmp_path)
    assert torch.equal(model(frames), before)  # the model itself is untouched
    merged = tmp_path / "encoder.pt" if family.name == "vjepa2.1" else tmp_path
    pixels = model.backbone.normalise(frames)
    torch.testing.assert_close(
        _run_public(_open_public(merged), family.name, pixels),
        model.backbone.encode(pixels), atol=1e-4, rtol=1e-4,
    )  # fmt: skip
    ours = load_backbone(merged, **family.options)
    torch.testing.assert_close(ours(frames), model.backbone(frames), atol=1e-4, rtol=1e-4)
    assert (tmp_path / "head.safetensors").is_file()


def test_a_deep_copy_is_independent(family: Any, make_tuned: MakeTuned, draw_frames: Draw) -> None:
    model = make_tuned(family)
    frames = draw_frames(model.backbone)
    expected, copied = model(frames), copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.data.zero_()
    assert torch.equal(copied(frames), expected)


def _squared_sum(model: EmbeddingModel, frames: Tensor) -> Tensor:
    # A fixed direction a dimension: the length of an embedding is always 1 and has no gradient.
    weights = torch.linspace(-1, 1, model.dim)
    return (model(frames) * weights).sum(dim=1).square().sum()


def _count_calls(backbone: Backbone) -> list[int]:
    calls = [0]

    def count(*_: object) -> None:
        calls[0] += 1

    # Inside a layer: recomputation runs the layer's own forward, not always its hooks.
    first = next(m for m in backbone.blocks[0].modules() if isinstance(m, torch.nn.LayerNorm))
    first.register_forward_pre_hook(count)
    return calls


def _open_public(source: Path) -> Any:
    """The model as somebody without this package opens it."""
    if source.suffix == ".pt":
        return read_checkpoint(source)
    if source.name == "clip" or (source / "config.json").read_text().count("clip_vision_model"):
        return CLIPVisionModel.from_pretrained(source)
    if "siglip" in (source / "config.json").read_text():
        return SiglipVisionModel.from_pretrained(source)
    model = AutoModel.from_pretrained(source)
    return getattr(model, "videomae", model)


def _run_public(model: Any, family: str, pixels: Tensor) -> Tensor:
    if family == "vjepa2.1":
        return model(pixels.transpose(1, 2))
    if family == "vjepa2":
        return model(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
    if family in ("videomae", "timesformer"):
        return model(pixel_values=pixels).last_hidden_state
    hidden = model(pixel_values=pixels.flatten(0, 1)).last_hidden_state
    if family == "clip":
        hidden = model.post_layernorm(hidden)
    return hidden.reshape(len(pixels), -1, hidden.shape[-1])
