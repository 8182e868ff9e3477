"""Odd-one-out accuracy: does the model leave together the two clips people left together?

Conventions
-----------
- A model leaves the closest pair of a triad together; the third clip is its odd one.
- `three_way`: the model's odd clip is the person's. Chance 1/3. A tie for the closest pair is
  shared equally among the tied pairs (two tied: half; three tied: a third).
- `two_way`: each of the two clips left together is nearer to the other than to the odd one; both
  are taken as the anchor in turn and averaged. Chance 1/2, ties count half.
- `two_way_paper`: the published variant, the anchor being the first presented of the two left
  together.
- `ci95` is of `three_way`, `two_way_ci95` of `two_way`; both by bootstrap over clips, rescaled so
  that triads that share clips are neither taken as independent nor counted more often than they are
  (see `bootstrap`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    Interval,
    clip_interval,
    clip_variance,
    draw_clips,
    rescaled_interval,
)
from bgs.evaluation.correlation import refuse_constant
from bgs.rdm import RDM, condensed_index

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_CHUNK = 64  # bootstrap samples at a time


@dataclass(frozen=True)
class OddOneOutScore:
    """Accuracy on judgments, three-way and two-way."""

    three_way: float
    two_way: float
    two_way_paper: float
    ci95: Interval | None  # of three_way
    two_way_ci95: Interval | None
    num_triplets: int
    num_clips: int
    num_bootstrap: int


@dataclass(frozen=True, repr=False)
class TriadDistances:
    """What a model says about each judgment: `kept` is the pair a person left together, (judgments,)."""

    kept: FloatArray
    anchor_odd: FloatArray  # first of the pair, as presented, to the odd clip
    partner_odd: FloatArray  # second of the pair to the odd clip

    def stack(self) -> FloatArray:
        """(judgments, 3); column 0 is the choice people made."""
        return np.stack([self.kept, self.anchor_odd, self.partner_odd], axis=1)


def triad_distances(model: RDM, triplets: Triplets) -> TriadDistances:
    """The three model distances of every judgment; a clip the model lacks is refused by name."""
    if len(triplets.odd) == 0:
        raise DataError("no judgment to score", remedy="choose clips that people judged together")
    pair = np.asarray(triplets.pair, dtype=np.int64)
    odd = np.asarray(triplets.odd_clip, dtype=np.int64)
    shown = np.unique(np.concatenate([pair.ravel(), odd]))
    matched = model.restrict([triplets.ids[clip] for clip in shown])
    place = np.zeros(len(triplets.ids), dtype=np.int64)
    place[shown] = np.arange(len(shown))

    def distance(first: IntArray, second: IntArray) -> FloatArray:
        return matched.dissimilarities[
            condensed_index(place[first], place[second], num_clips=len(shown))
        ]

    table = TriadDistances(
        distance(pair[:, 0], pair[:, 1]), distance(pair[:, 0], odd), distance(pair[:, 1], odd)
    )
    everything = table.stack()
    if np.isnan(everything).any():
        row = int(np.argmax(np.isnan(everything).any(axis=1)))
        names = ", ".join(repr(triplets.ids[clip]) for clip in (*pair[row], odd[row]))
        raise DataError(
            f"the model lacks a dissimilarity among clips {names}",
            remedy="score a model that knows every pair",
        )
    refuse_constant(everything.ravel(), whose="model")
    return table


def three_way_scores(table: TriadDistances) -> FloatArray:
    """1 where the model keeps the person's pair, a share of 1 where it ties, else 0: (judgments,)."""
    everything = table.stack()
    closest = everything == everything.min(axis=1, keepdims=True)
    return np.where(closest[:, 0], 1.0 / closest.sum(axis=1), 0.0)


def two_way_scores(table: TriadDistances) -> FloatArray:
    """Share of the two anchors whose partner is nearer than the odd clip, ties half: (judgments,)."""
    return (_nearer(table.kept, table.anchor_odd) + _nearer(table.kept, table.partner_odd)) / 2


def _nearer(partner: FloatArray, odd: FloatArray) -> FloatArray:
    return (partner < odd) + 0.5 * (partner == odd)


def odd_one_out(
    model: RDM, triplets: Triplets, *, num_bootstrap: int = 1000, seed: int = 0
) -> OddOneOutScore:
    """Accuracy of the model's distances on every judgment given; `num_bootstrap=0` gives no interval."""
    return odd_one_outs([model], triplets, num_bootstrap=num_bootstrap, seed=seed)[0]


def odd_one_outs(
    models: Sequence[RDM], triplets: Triplets, *, num_bootstrap: int = 1000, seed: int = 0
) -> list[OddOneOutScore]:
    """`odd_one_out` of each model, all on the same resampled clips."""
    tables = [triad_distances(model, triplets) for model in models]
    scores = [np.stack([three_way_scores(table), two_way_scores(table)]) for table in tables]
    shown = len(np.unique(triplets.clips))
    intervals: list[list[Interval]] = []
    if num_bootstrap:
        intervals = accuracy_intervals_of(
            scores, triplets, num_bootstrap=num_bootstrap, seed=seed
        )  # (models, 2)
    return [
        OddOneOutScore(
            three_way=float(scores[place][0].mean()),
            two_way=float(scores[place][1].mean()),
            two_way_paper=float(_nearer(table.kept, table.anchor_odd).mean()),
            ci95=intervals[place][0] if intervals else None,
            two_way_ci95=intervals[place][1] if intervals else None,
            num_triplets=len(triplets.odd),
            num_clips=shown,
            num_bootstrap=num_bootstrap,
        )
        for place, table in enumerate(tables)
    ]


def accuracy_intervals(
    scores: FloatArray,
    triplets: Triplets,
    *,
    num_bootstrap: int,
    seed: int,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> list[Interval]:
    """Intervals over clips of the mean of each row of (statistics, judgments)."""
    return accuracy_intervals_of(
        [scores], triplets, num_bootstrap=num_bootstrap, seed=seed, bounds=bounds
    )[0]


def accuracy_intervals_of(
    tables: Sequence[FloatArray],
    triplets: Triplets,
    *,
    num_bootstrap: int,
    seed: int,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> list[list[Interval]]:
    """`accuracy_intervals` of several tables, each (statistics, judgments), on the same draws."""
    members = _members(triplets)
    num_clips = int(members.max()) + 1
    draws = draw_clips(num_clips, num_bootstrap=num_bootstrap, seed=seed)

    def interval(row: FloatArray, sample: FloatArray) -> Interval:
        pull = (row - row.mean()) / len(row)
        found = rescaled_interval(
            float(row.mean()),
            sample,
            variance=clip_variance(pull, members, num_clips=num_clips),
            num_drawn=num_clips,
        )
        return clip_interval(found, low=bounds[0], high=bounds[1])

    return [
        [interval(row, sample) for row, sample in zip(scores, samples, strict=True)]
        for scores, samples in zip(tables, _bootstrap_tables(tables, members, draws), strict=True)
    ]


def bootstrap_means(scores: FloatArray, members: IntArray, draws: FloatArray) -> FloatArray:
    """Mean of each row of scores in every bootstrap sample: (statistics, samples)."""
    return _bootstrap_tables([scores], members, draws)[0]


def _bootstrap_tables(
    tables: Sequence[FloatArray], members: IntArray, draws: FloatArray
) -> list[FloatArray]:
    """`bootstrap_means` of several tables: how often a judgment is drawn is worked out once for all."""
    results = [np.empty((len(scores), draws.shape[1])) for scores in tables]
    first, second, third = (np.ascontiguousarray(column) for column in members.T)
    for start in range(0, draws.shape[1], _CHUNK):
        part = np.ascontiguousarray(draws[:, start : start + _CHUNK])
        weights = part[first]
        weights *= part[second]
        weights *= part[third]
        total = weights.sum(axis=0)
        with np.errstate(invalid="ignore"):
            for scores, result in zip(tables, results, strict=True):
                result[:, start : start + _CHUNK] = scores @ weights / total
    return results


def _members(triplets: Triplets) -> IntArray:
    """Clips of each judgment, numbered among the clips that are shown: (judgments, 3)."""
    clips = np.asarray(triplets.clips, dtype=np.int64)
    _, numbered = np.unique(clips.ravel(), return_inverse=True)
    return np.asarray(numbered.reshape(clips.shape), dtype=np.int64)
