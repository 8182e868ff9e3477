"""What people said about the clips of one batch, in positions of that batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class JudgedBatch:
    """Judgments and dissimilarities among the rows of one matrix of embeddings.

    A batch may hold no judgment or no pair; the terms that need them are then left out of the step.
    `clips` says which clip each row shows, since the published protocol shows a clip twice in one batch.
    """

    clips: Tensor  # (rows,) int64
    triplets: Tensor  # (judgments, 3) int64 rows of anchor, positive, odd
    pairs: Tensor  # (pairs, 2) int64 rows
    dissimilarities: Tensor  # (pairs,) float32, people's
    counts: Tensor  # (pairs,) float32 observations behind each
    num_hard_negatives: int = 0

    def __post_init__(self) -> None:
        if self.triplets.shape[1:] != (3,) or self.pairs.shape[1:] != (2,):
            raise ValueError(
                f"triplets of shape {tuple(self.triplets.shape)} and pairs of shape "
                f"{tuple(self.pairs.shape)}; they are (judgments, 3) and (pairs, 2)"
            )
        if not len(self.pairs) == len(self.dissimilarities) == len(self.counts):
            raise ValueError(
                f"{len(self.pairs)} pairs, {len(self.dissimilarities)} dissimilarities and "
                f"{len(self.counts)} counts; give one of each a pair"
            )

    def to(self, device: torch.device) -> JudgedBatch:
        """The same batch on another device."""
        names = ("clips", "triplets", "pairs", "dissimilarities", "counts")
        moved = {name: getattr(self, name).to(device, non_blocking=True) for name in names}
        return replace(self, **moved)

    def __len__(self) -> int:
        return len(self.clips)

    def __repr__(self) -> str:
        return f"JudgedBatch({len(self)} clips, {len(self.triplets)} judgments, {len(self.pairs)} pairs)"
