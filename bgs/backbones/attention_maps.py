"""Where a model looks: one number a patch and moment, three ways to get it.

| method | what a patch's number is | cost |
|---|---|---|
| `rollout` | share of the pooled output that reached it through all layers (Abnar & Zuidema 2020) | a pass |
| `last` | attention the pooled tokens pay it in the last layer | a pass |
| `relevance` | attention in all layers, as far as it sets the clip apart (after Chefer et al. 2021) | three passes |

Conventions
- A layer with attention W over tokens counts as (W + I) / 2 in a rollout: half of a token comes through the residual
  connection. W is the mean over heads. Layers are multiplied, first to last.
- `relevance` asks by which attention a clip comes to lie where it lies among the others: the derivative is that of its
  mean cosine distance to the reference clips, the quantity that is compared with people. The length of an embedding
  would be simpler to derive, but cosine distances do not see it. Per layer, the positive part of
  weight x derivative is added up as R <- R + W+ R; what a token has of itself (I) is left out of the map.
- TimeSformer has two attentions a layer, each with a residual connection of its own, so that a layer is S T: first T,
  every patch over its own frames (CLS takes no part: its row is that of I), then S, every frame's patches over CLS
  and that frame. CLS is attended from in every frame and the results are averaged, so its row of S is the mean of its
  rows in the frames. T and S are applied as they are, never spelt out as (tokens x tokens).
- Maps start from what the embedding is read from: the CLS token, or all patches alike. What ends on a CLS token is
  dropped, and each clip's map is scaled to a sum of one over all patches and moments.

Memory. A rollout runs forward with the layers and carries one (tokens x tokens) matrix, two while a layer is
multiplied in: independent of depth. Carrying one row from the last layer down would need less, but then every layer
must be computed a second time, and that costs more than the matrix product for all published sizes below a few thousand
tokens. `relevance` must go down, since that is how derivatives come, so there a row is carried and one layer at a
time is computed again from its stored input (tokens x width).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bgs.backbones.attention_taps import AttentionCall
from bgs.backbones.contract import Backbone
from bgs.backbones.model import EmbeddingModel
from bgs.errors import BackboneError

Method = Literal["rollout", "last", "relevance"]
METHODS: tuple[Method, ...] = ("rollout", "last", "relevance")


def attention_maps(
    model: EmbeddingModel,
    frames: Tensor,
    *,
    method: Method = "rollout",
    reference: Tensor | None = None,
) -> Tensor:
    """uint8 (clips, frames, 3, height, width) -> maps (clips, times, rows, columns), each clip's sum is one.

    `reference` (dim,) is the mean embedding of the clips that `relevance` compares with.
    """
    backbone = model.backbone
    if backbone.spec.frames is None or not len(backbone.blocks):
        raise BackboneError(
            f"{backbone.spec.name!r} has no attention maps: it reads no frames",
            remedy="name a run or backbone that reads clips (`bgs backbones`)",
        )
    if method == "relevance":
        if reference is None:
            raise ValueError("relevance needs the mean embedding of the clips to compare with")
        rows = relevance_rows(model, frames, reference)
    elif method == "last":
        rows = last_rows(backbone, frames)
    else:
        rows = rollout_rows(backbone, frames)
    return _scaled_to_one(_to_grid(backbone, rows, clips=len(frames)), backbone)


def rollout_rows(backbone: Backbone, frames: Tensor) -> Tensor:
    """Rollout to every token from what the embedding is read from, (views, tokens); each row's sum is one."""
    carried: list[Tensor] = []

    def multiply(call: AttentionCall) -> None:
        carried[:] = [_mix(call, carried[0]) if carried else _begin(call, clips=len(frames))]

    with torch.inference_mode(), backbone.tapped(multiply):
        backbone(frames)
    return (_read_out(backbone, carried[0])[:, None] @ carried[0])[:, 0]


def last_rows(backbone: Backbone, frames: Tensor) -> Tensor:
    """Attention in the last layer from what the embedding is read from, (views, tokens)."""
    latest: list[AttentionCall] = []

    def keep(call: AttentionCall) -> None:
        latest[:] = [call]

    with torch.inference_mode(), backbone.tapped(keep):
        backbone(frames)
        tokens = _count_tokens(latest[0], clips=len(frames))
        start = latest[0].query.new_zeros(tokens, dtype=torch.float32)
        return _trace(latest[0], _read_out(backbone, start))


def relevance_rows(model: EmbeddingModel, frames: Tensor, reference: Tensor) -> Tensor:
    """Gradient-weighted attention of all layers to every token, (views, tokens), not scaled."""
    backbone = model.backbone
    with _frozen(model), _inputs_of(backbone.blocks) as inputs, _leaf_after(backbone) as leaf:
        distance = 1 - model(frames) @ reference  # (clips,)
        (gradient,) = torch.autograd.grad(distance.sum(), leaf)
    start: Tensor | None = None
    for block, (arguments, options) in zip(
        reversed(list(backbone.blocks)), reversed(inputs), strict=True
    ):
        calls, gradients = _descend(backbone, block, arguments, options, gradient)
        gradient = gradients[0]
        for call, by_context in zip(reversed(calls), reversed(gradients[1:]), strict=True):
            if start is None:
                empty = gradient.new_zeros(
                    _count_tokens(call, clips=len(frames)), dtype=torch.float32
                )
                start, found = _read_out(backbone, empty), empty
            with torch.no_grad():
                found = found + _trace(call, start + found, by_context)
    return found


def _descend(
    backbone: Backbone, block: nn.Module, arguments: Any, options: Any, gradient: Tensor
) -> tuple[list[AttentionCall], tuple[Tensor, ...]]:
    """One layer again, from its input: its attention calls, and the gradients by its input and by their contexts."""
    calls: list[AttentionCall] = []
    with torch.enable_grad():
        entering = arguments[0].detach().requires_grad_()
        with backbone.tapped(calls.append):
            leaving = _first(block(entering, *arguments[1:], **options))
        wanted = [entering, *(call.context for call in calls)]
        return calls, torch.autograd.grad(leaving, wanted, gradient)


def _begin(call: AttentionCall, *, clips: int) -> Tensor:
    """(W + I) / 2 of the first attention, (views, tokens, tokens)."""
    batch, tokens = _count_tokens(call, clips=clips)
    if call.axis != "joint":
        one = torch.eye(tokens, device=call.query.device)
        return _mix(call, one.expand(batch, tokens, tokens))
    begun = torch.empty(batch, tokens, tokens, device=call.query.device)
    for part, weights in call.weight_rows():
        begun[:, part] = weights
    begun.diagonal(dim1=1, dim2=2).add_(1)
    return begun.mul_(0.5)


def _count_tokens(call: AttentionCall, *, clips: int) -> tuple[int, int]:
    """Views of all clips, and tokens a view."""
    batch, _, tokens, _ = call.query.shape
    if call.axis == "joint":
        return batch, tokens
    parts = batch // clips  # frames of a clip for "space", patches for "time"
    return clips, 1 + (parts * (tokens - 1) if call.axis == "space" else parts * tokens)


def _mix(call: AttentionCall, rows: Tensor) -> Tensor:
    """(W + I) / 2 times a matrix (views, tokens, columns)."""
    mixed = torch.empty_like(rows, memory_format=torch.contiguous_format)
    if call.axis == "joint":
        for part, weights in call.weight_rows():
            mixed[:, part] = torch.baddbmm(rows[:, part], weights, rows, beta=0.5, alpha=0.5)
        return mixed
    clips = len(rows)
    weights = call.weights().unflatten(0, (clips, -1))
    if call.axis == "time":  # weights (clips, patches, frames, frames)
        frames = weights.shape[-1]
        patches = rows[:, 1:].unflatten(1, (-1, frames))  # time runs fastest
        mixed[:, 1:] = ((weights @ patches + patches) / 2).flatten(1, 2)
        mixed[:, 0] = rows[:, 0]
        return mixed
    frames = weights.shape[1]  # weights (clips, frames, 1 + patches, 1 + patches)
    by_frame = rows[:, 1:].unflatten(1, (-1, frames)).transpose(1, 2)  # (clips, frames, patches, .)
    cls = rows[:, None, :1]
    attended = weights[..., 1:] @ by_frame + weights[..., :1] @ cls
    mixed[:, 0] = (attended[:, :, 0].mean(dim=1) + rows[:, 0]) / 2
    mixed[:, 1:] = ((attended[:, :, 1:] + by_frame) / 2).transpose(1, 2).flatten(1, 2)
    return mixed


def _trace(call: AttentionCall, row: Tensor, gradient: Tensor | None = None) -> Tensor:
    """A row (views, tokens) times W, or times the positive part of W x derivative."""
    if call.axis == "joint":
        found = torch.zeros_like(row)
        for part, weights in call.weight_rows(gradient):
            found += (row[:, None, part] @ weights)[:, 0]
        return found
    clips = len(row)
    weights = call.weights(gradient).unflatten(0, (clips, -1))
    if call.axis == "time":
        patches = row[:, 1:].unflatten(1, (-1, weights.shape[-1]))
        traced = (patches[:, :, None] @ weights)[:, :, 0].flatten(1)
        # CLS takes no part: it keeps what it has, but no derivative runs through an attention it has not.
        cls = row[:, :1] if gradient is None else torch.zeros_like(row[:, :1])
        return torch.cat([cls, traced], dim=1)
    frames = weights.shape[1]
    # A weight of CLS counts 1 / frames in the average and has frames times the derivative there.
    share = 1 / frames if gradient is None else 1.0
    cls = (row[:, :1] * share).expand(-1, frames)[..., None]
    by_frame = torch.cat([cls, row[:, 1:].unflatten(1, (-1, frames)).transpose(1, 2)], dim=2)
    traced = (by_frame[:, :, None] @ weights)[:, :, 0]  # (clips, frames, 1 + patches)
    patches = traced[:, :, 1:].transpose(1, 2).flatten(1)
    return torch.cat([traced[:, :, 0].sum(dim=1, keepdim=True), patches], dim=1)


def _read_out(backbone: Backbone, like: Tensor) -> Tensor:
    """How much of each token the embedding holds, (views, tokens), in each view a sum of one."""
    row = like.new_zeros(like.shape[:2])
    if backbone.spec.pooling == "cls":
        row[:, 0] = 1
    else:
        prefix = backbone.spec.num_prefix_tokens
        row[:, prefix:] = 1 / (row.shape[1] - prefix)
    return row


def _to_grid(backbone: Backbone, rows: Tensor, *, clips: int) -> Tensor:
    return backbone.to_grid(rows.unflatten(0, (clips, -1)))


def _scaled_to_one(maps: Tensor, backbone: Backbone) -> Tensor:
    total = maps.sum(dim=(1, 2, 3), keepdim=True)
    if not bool((total > 0).all()) or not bool(torch.isfinite(total).all()):
        raise BackboneError(
            f"{backbone.spec.name!r} gives a clip no attention that could be mapped (sum {float(total.min()):g})",
            remedy="use another method, or check that the weights are trained",
        )
    return maps / total


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """No graph through the weights, adapters included, and gradients on."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        with torch.enable_grad():
            yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def _inputs_of(blocks: nn.ModuleList) -> Iterator[list[tuple[Any, Any]]]:
    """What each layer is called with, in the order they run."""
    seen: list[tuple[Any, Any]] = []

    def keep(_module: nn.Module, arguments: Any, options: Any) -> None:
        seen.append((arguments, options))

    handles = [block.register_forward_pre_hook(keep, with_kwargs=True) for block in blocks]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _leaf_after(backbone: Backbone) -> Iterator[list[Tensor]]:
    """Start the graph at the last layer's output: what comes after is all that is derived in one go."""
    leaf: list[Tensor] = []

    def cut(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        leaf.append(_first(output).detach().requires_grad_())
        return (leaf[0], *output[1:]) if isinstance(output, tuple) else leaf[0]

    handle = backbone.blocks[-1].register_forward_hook(cut)
    try:
        yield leaf
    finally:
        handle.remove()


def _first(output: Any) -> Tensor:
    first: Tensor = output[0] if isinstance(output, tuple) else output
    return first
