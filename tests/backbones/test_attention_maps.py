"""Maps of attention: rows that sum to one, patterns known by hand, and the dense computation done naively."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bgs.backbones.attention_maps import (
    METHODS,
    attention_maps,
    last_rows,
    relevance_rows,
    rollout_rows,
)
from bgs.backbones.attention_taps import AttentionCall, Tap
from bgs.backbones.contract import Backbone, BackboneSpec, FeatureBackbone
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.config import HeadSettings
from bgs.errors import BackboneError
from bgs.frame_spec import FrameSpec

Draw = Callable[..., Tensor]
MakeTuned = Callable[..., EmbeddingModel]


def unit(model: EmbeddingModel, frames: Tensor) -> Tensor:
    with torch.no_grad():
        return model(frames).mean(dim=0)


# -- every family


def test_rollout_rows_sum_to_one(family: Any, draw_frames: Draw) -> None:
    backbone = family.load()
    rows = rollout_rows(backbone, draw_frames(backbone))
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(len(rows)))
    assert (rows >= 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_maps_lie_on_the_grid_and_sum_to_one(
    family: Any, method: Any, make_tuned: MakeTuned, draw_frames: Draw
) -> None:
    model = make_tuned(family)
    frames = draw_frames(model.backbone, clips=3)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    before = model(frames)
    maps = attention_maps(model, frames, method=method, reference=unit(model, frames))
    times = 4 // max(model.backbone.spec.tubelet_size, 1)
    assert maps.shape == (3, times, 2, 2)
    torch.testing.assert_close(maps.sum(dim=(1, 2, 3)), torch.ones(3))
    # A clip's map does not depend on its company, and the model is as it was.
    alone = attention_maps(model, frames[1:2], method=method, reference=unit(model, frames))
    torch.testing.assert_close(alone[0], maps[1], atol=1e-6, rtol=1e-4)
    assert torch.equal(model(frames), before)
    assert [name for name, p in model.named_parameters() if p.requires_grad] == trained


def test_rollout_is_the_product_of_the_eager_weights(family: Any, draw_frames: Draw) -> None:
    if family.name == "timesformer":
        pytest.skip("has two attentions a layer; its composition has a test of its own")
    backbone = family.load()
    frames = draw_frames(backbone)
    layers = [weights.flatten(0, 1).mean(dim=1) for weights in backbone.attention(frames)]
    product = torch.eye(layers[0].shape[-1])
    for weights in layers:
        product = (weights + torch.eye(weights.shape[-1])) / 2 @ product
    prefix = backbone.spec.num_prefix_tokens
    expected = product[:, 0] if prefix else product.mean(dim=1)
    torch.testing.assert_close(rollout_rows(backbone, frames), expected, atol=1e-6, rtol=1e-4)
    last = layers[-1][:, 0] if prefix else layers[-1].mean(dim=1)
    torch.testing.assert_close(last_rows(backbone, frames), last, atol=1e-6, rtol=1e-4)


def test_relevance_is_that_of_gradients_through_the_eager_weights(
    family: Any, make_tuned: MakeTuned, draw_frames: Draw
) -> None:
    if family.name == "timesformer":
        pytest.skip("its weights of both kinds are derived in a test of their own")
    model = make_tuned(family)
    backbone, frames = model.backbone, draw_frames(model.backbone)
    reference = unit(model, frames)
    seen: list[Tensor] = []
    handles = [
        module.register_forward_hook(lambda _m, _i, output: seen.append(output[1]))
        for module in backbone.attention_modules()
    ]
    with backbone._eager_attention():
        distance = (1 - model(frames) @ reference).sum()
    for handle in handles:
        handle.remove()
    gradients = torch.autograd.grad(distance, seen)
    carried = torch.eye(seen[0].shape[-1])
    for weights, gradient in zip(seen, gradients, strict=True):
        kept = (weights * gradient).clamp(min=0).mean(dim=1)
        carried = carried + kept @ carried
    found = carried - torch.eye(carried.shape[-1])
    expected = found[:, 0] if backbone.spec.num_prefix_tokens else found.mean(dim=1)
    rows = relevance_rows(model, frames, reference)
    torch.testing.assert_close(rows, expected.detach(), atol=1e-7, rtol=2e-3)


# -- TimeSformer: two attentions a layer


def dense_layers(calls: list[AttentionCall], frames: int, patches: int) -> list[Tensor]:
    """One (tokens, tokens) matrix an attention of the only clip, written entry by entry; time runs fastest."""
    size = 1 + patches * frames
    matrices = []
    for call in calls:
        weights = call.weights()
        matrix = torch.zeros(size, size)
        if call.axis == "time":
            matrix[0, 0] = 1
            for patch in range(patches):
                own = slice(1 + patch * frames, 1 + (patch + 1) * frames)
                matrix[own, own] = weights[patch]
        else:
            for frame in range(frames):
                tokens = [0, *(1 + patch * frames + frame for patch in range(patches))]
                for row, token in enumerate(tokens):
                    share = 1 / frames if token == 0 else 1.0
                    for column, other in enumerate(tokens):
                        matrix[token, other] += share * weights[frame, row, column]
        matrices.append(matrix)
    return matrices


def test_timesformer_composes_time_and_space_as_a_dense_product_does(
    families: Any, draw_frames: Draw
) -> None:
    backbone = families["timesformer"].load()
    frames = draw_frames(backbone, clips=1)
    calls: list[AttentionCall] = []
    with torch.no_grad(), backbone.tapped(calls.append):
        backbone(frames)
    assert [call.axis for call in calls] == ["time", "space"] * 2
    product = torch.eye(17)
    for matrix in dense_layers(calls, frames=4, patches=4):
        torch.testing.assert_close(matrix.sum(dim=1), torch.ones(17))
        product = (matrix + torch.eye(17)) / 2 @ product
    torch.testing.assert_close(rollout_rows(backbone, frames)[0], product[0], atol=1e-6, rtol=1e-4)


def test_timesformer_frames_come_first_on_the_grid(families: Any) -> None:
    backbone = families["timesformer"].load()
    rows = torch.zeros(1, 1, 17)
    rows[0, 0, 1 + 3 * 4 + 2] = 1  # patch 3 (second row, second column) of frame 2
    assert backbone.to_grid(rows)[0, 2, 1, 1] == 1


def test_timesformer_relevance_is_the_derivative_by_the_weights(
    families: Any, make_tuned: MakeTuned, draw_frames: Draw
) -> None:
    """Without a residual matrix product: to first order relevance is the sum of positive weight x derivative."""
    model = make_tuned(families["timesformer"])
    frames = draw_frames(model.backbone, clips=1)
    reference = torch.nn.functional.normalize(torch.arange(8.0), dim=0)
    calls: list[AttentionCall] = []
    with model.backbone.tapped(calls.append):
        distance = 1 - model(frames)[0] @ reference
    gradients = torch.autograd.grad(distance, [call.context for call in calls])
    carried = torch.eye(17)
    for call, gradient in zip(calls, gradients, strict=True):
        kept = call.weights(gradient)  # derivative by the weight as used, a frame at a time for CLS
        matrix = torch.zeros(17, 17)
        if call.axis == "time":
            for patch in range(4):
                own = slice(1 + patch * 4, 5 + patch * 4)
                matrix[own, own] = kept[patch]
        else:
            for frame in range(4):
                tokens = [0, *(1 + patch * 4 + frame for patch in range(4))]
                for row, token in enumerate(tokens):
                    for column, other in enumerate(tokens):
                        matrix[token, other] += kept[frame, row, column]
        carried = carried + matrix.detach() @ carried
    rows = relevance_rows(model, frames, reference)
    torch.testing.assert_close(rows[0], (carried - torch.eye(17))[0], atol=1e-7, rtol=1e-3)


def test_a_timesformer_of_another_kind_is_refused(families: Any, draw_frames: Draw) -> None:
    backbone = families["timesformer"].load()
    backbone.encoder.config.attention_type = "joint_space_time"
    with pytest.raises(BackboneError) as caught:
        rollout_rows(backbone, draw_frames(backbone))
    assert "has attention of type 'joint_space_time', of which maps are not made; use a" in str(
        caught.value
    )


# -- patterns known by hand


class ChosenAttention(Backbone):
    """A backbone of one head whose layers attend as they are told: 2 tubelets of 1 x 2 patches."""

    def __init__(self, layers: list[Tensor]) -> None:
        spec = BackboneSpec(
            name="chosen", family="chosen", base_id="chosen", revision=None, width=4, num_layers=len(layers),
            patch_size=8, tubelet_size=1, frames=FrameSpec(num_frames=2, height=8, width=16, resize_short_side=8),
            pooling="mean", num_prefix_tokens=0, lora_targets=(),
        )  # fmt: skip
        super().__init__(nn.ModuleList(ChosenLayer(weights) for weights in layers), spec)
        self.parameter = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.values = torch.eye(4)

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    @property
    def blocks(self) -> nn.ModuleList:
        return self.encoder  # type: ignore[return-value]

    def encode(self, pixels: Tensor) -> Tensor:
        hidden = self.values.expand(len(pixels), 4, 4)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden

    @contextmanager
    def tapped(self, tap: Tap) -> Iterator[None]:
        for block in self.blocks:
            block.tap = tap  # type: ignore[assignment]
        yield
        for block in self.blocks:
            block.tap = None  # type: ignore[assignment]


class ChosenLayer(nn.Module):
    """Tokens are mixed by the chosen weights; logits are their logarithms."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights
        self.tap: Tap | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        clips = len(hidden)
        query = self.weights.clamp(min=1e-30).log().expand(clips, 1, 4, 4)
        context = self.weights @ hidden[:, None]
        if self.tap is not None:
            key = torch.eye(4).expand(clips, 1, 4, 4)
            self.tap(AttentionCall(query, key, hidden[:, None], context, 1.0))
        return hidden + context[:, 0]


FRAMES = torch.zeros(1, 2, 3, 8, 16, dtype=torch.uint8)


def test_everybody_looking_at_one_patch_is_found() -> None:
    at_third = torch.zeros(4, 4)
    at_third[:, 2] = 1
    backbone = ChosenAttention([at_third])
    # Half of each token is its own: 1/8 everywhere, and the other half of all four on the third.
    expected = torch.tensor([[[0.125, 0.125]], [[0.625, 0.125]]])
    model = EmbeddingModel(backbone, HeadSettings(kind="none"))
    torch.testing.assert_close(attention_maps(model, FRAMES)[0], expected)
    last = attention_maps(model, FRAMES, method="last")[0]
    torch.testing.assert_close(last, torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]]]))


def test_two_layers_are_multiplied_first_to_last() -> None:
    """All look at token 3, which before had looked at token 0: order matters, the mean of both would not tell."""
    to_first, to_fourth = torch.eye(4), torch.zeros(4, 4)
    to_first[3] = torch.tensor([1.0, 0, 0, 0])
    to_fourth[:, 3] = 1
    model = EmbeddingModel(ChosenAttention([to_first, to_fourth]), HeadSettings(kind="none"))
    # Read-out after layer 2: 1/8 of tokens 0-2, 5/8 of token 3; layer 1 gives half of token 3 to token 0.
    expected = torch.tensor([[[0.125 + 0.3125, 0.125]], [[0.125, 0.3125]]])
    torch.testing.assert_close(attention_maps(model, FRAMES)[0], expected)
    other = EmbeddingModel(ChosenAttention([to_fourth, to_first]), HeadSettings(kind="none"))
    assert not torch.allclose(attention_maps(other, FRAMES)[0], expected)


def test_relevance_agrees_with_finite_differences() -> None:
    """One layer: weight x (change of the distance by that weight), where positive, averaged over the pooled tokens."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(4, 4, generator=generator).softmax(dim=1)
    values = torch.randn(4, 4, generator=generator)
    reference = torch.nn.functional.normalize(torch.randn(4, generator=generator), dim=0)

    def distance(mixing: Tensor) -> float:
        backbone = ChosenAttention([mixing])
        backbone.values = values.double()
        pooled = backbone.pool(backbone.encode(FRAMES.double()))
        return 1 - float(torch.nn.functional.normalize(pooled, dim=1) @ reference.double())

    step, derivative = 1e-6, torch.zeros(4, 4)
    for row in range(4):
        for column in range(4):
            moved = weights.double()
            moved[row, column] += step
            derivative[row, column] = (distance(moved) - distance(weights.double())) / step
    backbone = ChosenAttention([weights])
    backbone.values = values
    model = EmbeddingModel(backbone, HeadSettings(kind="none"))
    expected = (weights * derivative).clamp(min=0).mean(dim=0)
    rows = relevance_rows(model, FRAMES, reference)
    torch.testing.assert_close(rows[0], expected, atol=1e-6, rtol=1e-3)


# -- memory, and what has no maps


def peak_bytes(backbone: Backbone, frames: Tensor) -> int:
    """The most that was allocated at once while a rollout ran."""
    from torch.profiler import ProfilerActivity, profile

    rollout_rows(backbone, frames)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        rollout_rows(backbone, frames)
    events = profiled.profiler.kineto_results.events()  # type: ignore[union-attr]
    held = most = 0
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def test_memory_does_not_grow_with_layers_or_heads(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 tokens, a matrix of 0.26 MB: whatever the depth and the heads, few of them are held at once."""
    from transformers import VideoMAEConfig, VideoMAEModel

    monkeypatch.setattr("bgs.backbones.attention_taps._CHUNK", 2**12)
    matrix = 256 * 256 * 4
    peaks = {}
    for layers, heads in ((2, 2), (8, 2), (2, 8)):
        config = VideoMAEConfig(
            num_frames=8, image_size=32, patch_size=4, hidden_size=16, num_hidden_layers=layers,
            num_attention_heads=heads, intermediate_size=16, use_mean_pooling=False,
        )  # fmt: skip
        VideoMAEModel(config).save_pretrained(tmp_path / f"{layers}-{heads}")
        backbone = load_backbone(tmp_path / f"{layers}-{heads}")
        frames = torch.zeros(1, 8, 3, 32, 32, dtype=torch.uint8)
        peaks[layers, heads] = peak_bytes(backbone, frames)
    assert 2 * matrix < peaks[2, 2] < 4 * matrix  # two that are multiplied, pixels, some weights
    assert peaks[8, 2] < peaks[2, 2] + matrix / 2
    assert peaks[2, 8] < peaks[2, 2] + matrix / 2


def test_weights_formed_in_chunks_are_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value, gradient = torch.randn(4, 2, 3, 10, 5, generator=generator)
    call = AttentionCall(query, key, value, value, 0.4)
    whole, derived = call.weights(), call.weights(gradient)
    monkeypatch.setattr("bgs.backbones.attention_taps._CHUNK", 2 * 3 * 10 * 3)  # three rows
    assert [part for part, _ in call.weight_rows()][-1] == slice(9, 10)
    torch.testing.assert_close(call.weights(), whole)
    torch.testing.assert_close(call.weights(gradient), derived)


def test_features_have_no_maps() -> None:
    model = EmbeddingModel(FeatureBackbone(4), HeadSettings(kind="none"))
    with pytest.raises(BackboneError) as caught:
        attention_maps(model, FRAMES)
    assert str(caught.value) == (
        "'features' has no attention maps: it reads no frames; "
        "name a run or backbone that reads clips (`bgs backbones`)"
    )
