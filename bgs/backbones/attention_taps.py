"""Listening to attention while a model runs, without ever keeping its weights.

A tap is told the queries, keys and values of each attention layer as that layer runs. Weights can be made of them
a few rows at a time, so a clip of 4,608 tokens needs one (tokens x tokens) matrix where eager attention holds one
a head. The layer's own output is computed as always, by fused attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# joint: over the tokens of a view. time / space: over the frames of one patch, over CLS and the patches of one frame.
Axis = Literal["joint", "time", "space"]
TAPPED = "bgs_tapped"
_TAP = "_bgs_tap"
_CHUNK = 2**22  # weights formed at a time: 16 MB in float32


@dataclass(frozen=True, eq=False, repr=False)
class AttentionCall:
    """What one attention layer was given and made of it, each (batch, heads, tokens, head_dim)."""

    query: Tensor
    key: Tensor
    value: Tensor
    context: Tensor  # weights @ value, what the layer goes on with
    scale: float
    axis: Axis = "joint"

    def weight_rows(self, gradient: Tensor | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Rows of the weights averaged over heads, (batch, rows, tokens), some at a time.

        With the `gradient` of a number by `context`, each weight is multiplied by the derivative of that number by
        it, and only what is positive is kept. The derivative by a weight is the gradient of its head's output
        along the value that the weight lets through, so no graph through the weights is needed.
        """
        batch, heads, tokens, _ = self.query.shape
        step = max(1, _CHUNK // (batch * heads * tokens))
        keys = self.key.float().transpose(-2, -1)
        for start in range(0, tokens, step):
            part = slice(start, min(start + step, tokens))
            queries = self.query[:, :, part].float() * self.scale
            weights = (queries @ keys).softmax(dim=-1)  # (batch, heads, rows, tokens)
            if gradient is not None:
                by_weight = gradient[:, :, part].float() @ self.value.float().transpose(-2, -1)
                weights = (by_weight * weights).clamp_(min=0)
            yield part, weights.mean(dim=1)

    def weights(self, gradient: Tensor | None = None) -> Tensor:
        """All rows at once, (batch, tokens, tokens): for attention over few tokens."""
        return torch.cat([rows for _, rows in self.weight_rows(gradient)], dim=1)

    def __repr__(self) -> str:
        batch, heads, tokens, _ = self.query.shape
        return f"AttentionCall({self.axis}, {batch} x {heads} heads x {tokens} tokens)"


Tap = Callable[[AttentionCall], None]


@contextmanager
def tap_interface(encoder: Any, modules: list[nn.Module], tap: Tap) -> Iterator[None]:
    """Tap the attention of a transformers model that takes its attention function by name."""
    from transformers import AttentionInterface

    AttentionInterface.register(TAPPED, _run_tapped)
    before = encoder.config._attn_implementation
    for module in modules:
        module.__dict__[_TAP] = tap
    encoder.set_attn_implementation(TAPPED)
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)
        for module in modules:
            del module.__dict__[_TAP]


def _run_tapped(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """An attention function as transformers calls it; clips have no padding, so there is no mask."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    context = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, scale=scale)
    module.__dict__[_TAP](AttentionCall(query, key, value, context, scale))
    return context.transpose(1, 2).contiguous(), None


@contextmanager
def tap_qkv(modules: list[tuple[nn.Module, Axis]], tap: Tap) -> Iterator[None]:
    """Tap modules that compute attention themselves from a linear layer `qkv`."""
    handles = [handle for module, axis in modules for handle in _hook_qkv(module, axis, tap)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook_qkv(module: Any, axis: Axis, tap: Tap) -> list[Any]:
    projected: list[Tensor] = []

    def remember(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        projected.append(output)

    def tell(_module: nn.Module, _inputs: Any, output: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # (batch, tokens, 3 x width) -> three of (batch, heads, tokens, head_dim)
        split = projected.pop().unflatten(-1, (3, module.num_heads, -1)).permute(2, 0, 3, 1, 4)
        context = output[0].unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
        tap(AttentionCall(split[0], split[1], split[2], context, module.scale, axis))
        # Handed on from `context`, so that gradients by it exist.
        return (context.transpose(1, 2).flatten(2), *output[1:])

    return [
        module.qkv.register_forward_hook(remember),
        module.register_forward_hook(tell),
    ]
