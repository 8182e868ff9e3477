"""The training clips with everything people said about them, ready to be cut into batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bgs.backbones.model import Bank
from bgs.data.triplets import Triplets
from bgs.errors import TrainingError
from bgs.objectives import JudgedBatch
from bgs.rdm import RDM

IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)
class JudgedClips:
    """Training clips, the judgments among them and their human dissimilarities, in one numbering."""

    ids: tuple[str, ...]
    bank_rows: IntArray  # (clips,) where each clip stands in the bank
    triplets: IntArray  # (judgments, 3) anchor, positive, odd
    dissimilarities: NDArray[np.float32]  # (clips, clips), NaN where unobserved
    counts: NDArray[np.float32]  # (clips, clips)

    @classmethod
    def from_human(cls, bank: Bank, judgments: Triplets, human: RDM) -> JudgedClips:
        """The clips of `human`; every one must be in the bank, and no judgment may show another."""
        row = {clip: index for index, clip in enumerate(bank.ids)}
        for clip in human.ids:
            if clip not in row:
                raise TrainingError(
                    f"training clip {clip!r} is not among the {len(row)} clips of the bank",
                    remedy="load the frames or features of every training clip",
                )
        triplets = _anchor_positive_odd(judgments, human.ids)
        if not len(triplets) and not human.num_pairs:
            raise TrainingError(
                "there is no judgment and no observed pair to learn from",
                remedy="check that the judgments are about the training clips",
            )
        rows, columns = np.triu_indices(len(human.ids), k=1)
        counts = np.zeros((len(human.ids), len(human.ids)), dtype=np.float32)
        counts[rows, columns] = counts[columns, rows] = human.counts
        return cls(
            ids=human.ids,
            bank_rows=np.array([row[clip] for clip in human.ids], dtype=np.int64),
            triplets=triplets,
            dissimilarities=human.square().astype(np.float32),
            counts=counts,
        )

    def among(self, clips: IntArray, *, num_hard_negatives: int = 0) -> JudgedBatch:
        """Every judgment and every observed pair inside this set of clips."""
        place = np.full(len(self.ids), -1, dtype=np.int64)
        place[clips] = np.arange(len(clips))
        inside = place[self.triplets]  # (judgments, 3), -1 for a clip that is not here
        rows, columns = np.triu_indices(len(clips), k=1)
        return self.judged(
            clips,
            triplets=inside[(inside >= 0).all(axis=1)],
            rows=rows,
            columns=columns,
            num_hard_negatives=num_hard_negatives,
        )

    def judged(
        self,
        clips: IntArray,
        *,
        triplets: IntArray,
        rows: IntArray,
        columns: IntArray,
        num_hard_negatives: int = 0,
    ) -> JudgedBatch:
        """A batch of these clips with the triplets given and those of the pairs that were observed."""
        values = self.dissimilarities[clips[rows], clips[columns]]  # (pairs,)
        seen = ~np.isnan(values)
        pairs = np.stack([rows[seen], columns[seen]], axis=1)
        return JudgedBatch(
            clips=torch.from_numpy(clips),
            triplets=torch.from_numpy(triplets),
            pairs=torch.from_numpy(pairs),
            dissimilarities=torch.from_numpy(values[seen]),
            counts=torch.from_numpy(self.counts[clips[rows[seen]], clips[columns[seen]]]),
            num_hard_negatives=num_hard_negatives,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        pairs = int((~np.isnan(self.dissimilarities[np.triu_indices(len(self), k=1)])).sum())
        return f"JudgedClips({len(self)} clips, {len(self.triplets)} judgments, {pairs} pairs)"


def _anchor_positive_odd(judgments: Triplets, ids: tuple[str, ...]) -> IntArray:
    place = {clip: index for index, clip in enumerate(ids)}
    numbers = np.array([place.get(clip, -1) for clip in judgments.ids], dtype=np.int64)
    columns = np.concatenate([judgments.pair, judgments.odd_clip[:, None]], axis=1)
    triplets = numbers[columns].astype(np.int64)  # (judgments, 3)
    outside = np.argwhere(triplets < 0)
    if len(outside):
        judgment, column = outside[0]
        clip = judgments.ids[columns[judgment, column]]
        raise TrainingError(
            f"{len(np.unique(outside[:, 0]))} judgments show a clip that is not a training clip, "
            f"such as {clip!r}",
            remedy="restrict the judgments to the training clips first",
        )
    return triplets
