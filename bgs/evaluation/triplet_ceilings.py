"""Triplet ceilings: how often do people agree with people about which clip is the odd one?

Conventions
-----------
- Only triads judged twice or more say anything; `num_triads` tells how many there are. With few of
  them (the 368 held-out judgments of social250 repeat 68 triads) the interval is wide, and it is
  part of the answer.
- `agreement`: chance that another judgment of the same triad keeps the same pair. A floor for the
  best model's accuracy: matching one person is harder than knowing what most people say.
- `majority`: each judgment against the majority of the others (ties shared equally). It rises with
  judgments a triad.
- Two-way follows from three-way as it does for a model (both anchors, ties half): who keeps another
  pair is right for none of one anchor's comparisons and undecided on the other's, which is worth a
  quarter.
- `best_guess`: the accuracy of a model that knows the choice probabilities, taken from a fitted
  choice model (softmax of distances at a temperature); as good as that model is.
- Intervals are over clips, as for accuracy (see `odd_one_out`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import Interval
from bgs.evaluation.calibration import choice_probabilities
from bgs.evaluation.odd_one_out import (
    accuracy_intervals,
    three_way_scores,
    triad_distances,
)
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TripletCeiling:
    """Agreement of people with people on the triads that were judged more than once."""

    agreement: float
    agreement_ci95: Interval | None
    agreement_two_way: float
    majority: float
    majority_ci95: Interval | None
    majority_two_way: float
    num_triads: int
    num_judgments: int
    num_bootstrap: int

    def to_dict(self) -> dict[str, object]:
        """Plain values for results.json."""
        return {
            "agreement": {
                "three_way": self.agreement,
                "two_way": self.agreement_two_way,
                "ci95": None if self.agreement_ci95 is None else list(self.agreement_ci95),
            },
            "majority": {
                "three_way": self.majority,
                "two_way": self.majority_two_way,
                "ci95": None if self.majority_ci95 is None else list(self.majority_ci95),
            },
            "num_triads": self.num_triads,
            "num_judgments": self.num_judgments,
        }


@dataclass(frozen=True, repr=False)
class RepeatedTriads:
    """Judgments of triads that were judged more than once, and how each triad's choices fell."""

    judgments: IntArray  # (repeated,) positions in the triplets
    triad: IntArray  # (repeated,) which triad
    choice: IntArray  # (repeated,) odd clip: 0, 1 or 2 among the triad's clips in catalogue order
    counts: IntArray  # (triads, 3) how often each clip was the odd one

    @property
    def num_triads(self) -> int:
        """How many triads were judged more than once."""
        return len(self.counts)


def repeated_triads(triplets: Triplets) -> RepeatedTriads:
    """Judgments grouped by the set of clips they show, whatever the order of presentation."""
    ordered = np.sort(triplets.clips, axis=1)
    size = len(triplets.ids)
    key = (ordered[:, 0] * size + ordered[:, 1]) * size + ordered[:, 2]
    _, triad, times = np.unique(key, return_inverse=True, return_counts=True)
    again = np.flatnonzero(times[triad] > 1)
    if len(again) == 0:
        raise DataError(
            "no triad was judged twice, so people cannot be compared with people",
            remedy="show some triads to several participants",
        )
    choice = np.argmax(ordered[again] == triplets.odd_clip[again, None], axis=1)
    _, numbered = np.unique(triad[again], return_inverse=True)
    counts = np.bincount(numbered * 3 + choice, minlength=3 * (int(numbered.max()) + 1))
    return RepeatedTriads(
        judgments=np.asarray(again, dtype=np.int64),
        triad=np.asarray(numbered, dtype=np.int64),
        choice=np.asarray(choice, dtype=np.int64),
        counts=np.asarray(counts.reshape(-1, 3), dtype=np.int64),
    )


def triplet_ceiling(
    triplets: Triplets, *, num_bootstrap: int = 1000, seed: int = 0
) -> TripletCeiling:
    """Agreement and leave-one-out majority; `num_bootstrap=0` gives no interval."""
    repeated = repeated_triads(triplets)
    others = repeated.counts[repeated.triad].astype(np.float64)  # (repeated, 3)
    row = np.arange(len(others))
    others[row, repeated.choice] -= 1
    agree = others[row, repeated.choice] / others.sum(axis=1)
    leading = others == others.max(axis=1, keepdims=True)
    majority = np.where(leading[row, repeated.choice], 1 / leading.sum(axis=1), 0.0)
    scores = np.stack([agree, majority])  # (2, repeated)
    intervals: list[Interval | None] = [None, None]
    if num_bootstrap:
        kept = triplets.select(repeated.judgments)
        intervals = list(accuracy_intervals(scores, kept, num_bootstrap=num_bootstrap, seed=seed))
    means = scores.mean(axis=1)
    return TripletCeiling(
        agreement=float(means[0]),
        agreement_ci95=intervals[0],
        agreement_two_way=float(means[0] + (1 - means[0]) / 4),
        majority=float(means[1]),
        majority_ci95=intervals[1],
        majority_two_way=float(means[1] + (1 - means[1]) / 4),
        num_triads=repeated.num_triads,
        num_judgments=len(repeated.judgments),
        num_bootstrap=num_bootstrap,
    )


def best_guess(choice_model: RDM, triplets: Triplets, *, temperature: float) -> float:
    """Three-way accuracy nobody can beat if people choose as this choice model says."""
    probabilities = choice_probabilities(
        triad_distances(choice_model, triplets).stack(), temperature=temperature
    )
    return float(probabilities.max(axis=1).mean())


@dataclass(frozen=True)
class AgreementBin:
    """A model's accuracy on triads about which people agree to some degree."""

    low: float  # share of the majority choice, from
    high: float  # to, the last one included
    three_way: float
    num_judgments: int
    num_triads: int


def accuracy_by_agreement(
    model: RDM, triplets: Triplets, *, edges: tuple[float, ...] = (1 / 3, 0.5, 0.75, 1.0)
) -> tuple[AgreementBin, ...]:
    """Three-way accuracy by how many people share the majority choice; unanimous triads stand in the last bin.

    Bins are (low, high]; a bin without triads is left out.
    """
    repeated = repeated_triads(triplets)
    share = repeated.counts.max(axis=1) / repeated.counts.sum(axis=1)  # (triads,)
    scores = three_way_scores(triad_distances(model, triplets.select(repeated.judgments)))
    bins = []
    for place, (low, high) in enumerate(pairwise(edges)):
        inside = (share > low) | ((share == low) if place == 0 else False)
        inside &= share <= high
        judged = inside[repeated.triad]
        if judged.any():
            bins.append(
                AgreementBin(
                    low, high, float(scores[judged].mean()), int(judged.sum()), int(inside.sum())
                )
            )
    return tuple(bins)
