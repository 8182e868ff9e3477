"""The projection that carries a pooled embedding into the space compared with people.

Length is normalised afterwards, in `EmbeddingModel`, for every head alike.
"""

from __future__ import annotations

from torch import nn

from bgs.backbones.seeding import seeded
from bgs.config import HeadSettings


def make_head(settings: HeadSettings, width: int, *, seed: int = 0) -> nn.Module:
    """A head for embeddings of `width`; the caller's random state is left as it was."""
    with seeded(seed):
        return _HEADS[settings.kind](settings, width)


def head_dim(settings: HeadSettings, width: int) -> int:
    """How many numbers a clip has after the head."""
    return width if settings.kind in ("none", "square") else settings.dim


def _paper(settings: HeadSettings, width: int) -> nn.Module:
    # The published head: Linear, LayerNorm, ReLU, Dropout.
    return nn.Sequential(
        nn.Linear(width, settings.dim),
        nn.LayerNorm(settings.dim),
        nn.ReLU(),
        nn.Dropout(settings.dropout),
    )


def _linear(settings: HeadSettings, width: int) -> nn.Module:
    return nn.Linear(width, settings.dim)


def _square(settings: HeadSettings, width: int) -> nn.Module:
    # Starts at the identity: before the first step the geometry is the backbone's own.
    head = nn.Linear(width, width, bias=False)
    nn.init.eye_(head.weight)
    return head


def _mlp(settings: HeadSettings, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, width),
        nn.GELU(),
        nn.Dropout(settings.dropout),
        nn.Linear(width, settings.dim),
    )


def _none(settings: HeadSettings, width: int) -> nn.Module:
    return nn.Identity()


_HEADS = {"paper": _paper, "linear": _linear, "square": _square, "mlp": _mlp, "none": _none}
