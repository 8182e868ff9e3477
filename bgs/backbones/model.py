"""Backbone + head: clips in, points on the unit sphere out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from bgs.backbones.contract import Backbone
from bgs.backbones.heads import head_dim, make_head
from bgs.config import HeadSettings
from bgs.errors import BackboneError


class Bank(Protocol):
    """Clips by position: uint8 frames, or float features."""

    @property
    def ids(self) -> Sequence[str]:
        """One a clip."""
        ...

    def batch(self, indices: Sequence[int]) -> Tensor:
        """What the model takes for these clips."""
        ...


class EmbeddingModel(nn.Module):
    """A backbone, a head, and unit length: what is trained, scored and saved. Born in eval mode."""

    def __init__(self, backbone: Backbone, head: HeadSettings, *, seed: int = 0) -> None:
        super().__init__()
        self.backbone = backbone
        self.head_settings = head
        self.head = make_head(head, backbone.spec.width, seed=seed)
        self.eval()

    @property
    def dim(self) -> int:
        """Numbers a clip."""
        return head_dim(self.head_settings, self.backbone.spec.width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Frames or features of some clips -> (clips, dim), float32, each of length 1."""
        pooled = self.backbone(inputs).float()
        return F.normalize(self.head(pooled).float(), dim=-1)


def embed(
    model: EmbeddingModel,
    bank: Bank,
    *,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Embeddings of every clip of the bank in its order, (clips, dim); dropout off, the model's mode restored."""
    where = torch.device(device) if device is not None else _device_of(model)
    was_training = model.training
    model.eval().to(where)
    parts = []
    starts = range(0, len(bank.ids), batch_size)
    try:
        with torch.inference_mode():
            for start in tqdm(
                starts, desc="embed", unit="batch", disable=None if progress else True
            ):
                indices = range(start, min(start + batch_size, len(bank.ids)))
                parts.append(model(bank.batch(indices).to(where)).cpu())
    finally:
        model.train(was_training)
    embeddings = torch.cat(parts).numpy() if parts else np.zeros((0, model.dim), dtype=np.float32)
    _check_finite(embeddings, bank.ids)
    return embeddings


def _check_finite(embeddings: NDArray[np.float32], ids: Sequence[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if bad.size:
        raise BackboneError(
            f"{bad.size} embeddings are not finite, the first of clip {ids[bad[0]]!r}",
            remedy="if it was just trained, training diverged: lower learning_rate; else check the clip",
        )


def _device_of(model: nn.Module) -> torch.device:
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
