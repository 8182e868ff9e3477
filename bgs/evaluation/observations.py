"""Judgments taken apart into pairs: which judgment showed which pair, and whether it was left together.

The human RDM adds these up over all judgments (`Triplets.rdm`); ceilings and intervals over people
add them up over random halves and random draws of participants, which is one sparse product here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bgs.errors import DataError
from bgs.rdm import condensed_index

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CountTable = Any  # scipy.sparse.csr_array, which has no useful types


@dataclass(frozen=True, repr=False)
class PairObservations:
    """One row for each pair of the clips in question that a judgment shows."""

    judgment: IntArray  # (observations,)
    pair: IntArray  # (observations,) among the pairs that are shown at all
    together: FloatArray  # (observations,) 1 if left together
    members: IntArray  # (pairs, 2)
    num_clips: int

    @property
    def num_pairs(self) -> int:
        """How many pairs are shown at least once."""
        return len(self.members)

    @property
    def num_judgments(self) -> int:
        """How many judgments show a pair of these clips."""
        return len(np.unique(self.judgment))

    def count_by(self, units: IntArray) -> tuple[CountTable, CountTable]:
        """How often each pair was left together, and shown, by each unit: sparse (pairs, units), both."""
        shape = (self.num_pairs, int(units.max()) + 1)
        together = sparse.csr_array((self.together, (self.pair, units)), shape=shape)
        shown = sparse.csr_array((np.ones(len(units)), (self.pair, units)), shape=shape)
        return together, shown

    def units(self, triplets: Triplets, *, over: str) -> IntArray:
        """What is dealt into halves, for each observation: a participant or a judgment, from 0."""
        if over == "participants" and triplets.participants is None:
            raise DataError(
                "these judgments name no participants", remedy="split over judgments instead"
            )
        source = self.judgment
        if over == "participants":
            source = np.asarray(triplets.participants, dtype=np.int64)[self.judgment]
        _, numbered = np.unique(source, return_inverse=True)
        if len(numbered) == 0 or int(numbered.max()) < 1:
            raise DataError(
                f"a ceiling needs 2 {over} or more: one RDM always agrees with itself",
                remedy="bring judgments of several people"
                if over == "participants"
                else "bring more judgments",
            )
        return np.asarray(numbered, dtype=np.int64)


def observe_pairs(
    triplets: Triplets, ids: tuple[str, ...], *, third: Literal["within", "any"]
) -> PairObservations:
    """The observations of pairs of `ids`, by the protocol `third` (see `Triplets.rdm`)."""
    position = {clip: index for index, clip in enumerate(ids)}
    catalogue = set(triplets.ids)
    unknown = [clip for clip in ids if clip not in catalogue]
    if unknown:
        raise DataError(
            f"clip {unknown[0]!r} is not among the judged clips", remedy="choose judged clips"
        )
    place = np.array([position.get(clip, -1) for clip in triplets.ids], dtype=np.int64)
    pair = place[np.asarray(triplets.pair)]
    odd = place[np.asarray(triplets.odd_clip)]
    first = np.concatenate([pair[:, 0], pair[:, 0], pair[:, 1]])
    second = np.concatenate([pair[:, 1], odd, odd])
    together = np.repeat([1.0, 0.0, 0.0], len(odd))
    keep = (first >= 0) & (second >= 0)
    if third == "within":
        keep &= np.tile((pair >= 0).all(axis=1) & (odd >= 0), 3)
    index = condensed_index(first[keep], second[keep], num_clips=len(ids))
    shown, numbered = np.unique(index, return_inverse=True)
    rows, columns = np.triu_indices(len(ids), k=1)
    return PairObservations(
        judgment=np.tile(np.arange(len(odd)), 3)[keep],
        pair=np.asarray(numbered, dtype=np.int64),
        together=together[keep],
        members=np.stack([rows[shown], columns[shown]], axis=1).astype(np.int64),
        num_clips=len(ids),
    )
