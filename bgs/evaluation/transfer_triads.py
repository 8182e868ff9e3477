"""Odd-one-out without asking anybody: triads of rated clips whose answer is plain from the ratings.

Conventions
-----------
- A triad counts where all three clips are clear (see `transfer_ratings`), two share their label and the third
  has another; the third is the odd one. All such triads are used, or a seeded sample of them, always the
  same for every model.
- A model answers by its distances, as in `odd_one_out`: it keeps the closest two together. Chance is 1/3.
- Thousands of triads come from a few dozen clips, so the interval is over clips, never over triads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    MIN_CLIPS,
    Interval,
    clip_interval,
    clip_variance,
    draw_clips,
    rescaled_interval,
)
from bgs.evaluation.odd_one_out import bootstrap_means
from bgs.evaluation.transfer_ratings import NO_MAJORITY, RatedClips
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLEAR_LEAD = 0.5
MAX_TRIADS = 20_000
CHANCE = 1 / 3


@dataclass(frozen=True, repr=False, eq=False)
class ClearTriads:
    """Positions in `ids`: the two clips that belong together, then the odd one."""

    ids: tuple[str, ...]
    members: IntArray  # (triads, 3)
    num_all: int  # before sampling

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"ClearTriads({len(self)} of {self.num_all} triads of {len(self.ids)} clear clips)"


def clear_triads(
    rated: RatedClips,
    *,
    min_lead: float = CLEAR_LEAD,
    max_triads: int = MAX_TRIADS,
    seed: int = 0,
) -> ClearTriads:
    """All triads with a plain answer, or `max_triads` of them drawn by `seed`."""
    label = rated.majority
    clear = np.flatnonzero((rated.lead >= min_lead) & (label != NO_MAJORITY))
    groups = _Groups.of(label[clear])
    if groups.total == 0:
        raise DataError(
            f"no triad has a plain answer: {len(clear)} of {len(rated)} clips are clear, "
            f"{len(np.unique(label[clear]))} labels among them",
            remedy="bring clips with two labels or more that most people agree on",
        )
    if groups.total > max_triads:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(groups.total, size=max_triads, replace=False))
    else:
        chosen = np.arange(groups.total)
    return ClearTriads(tuple(rated.ids[k] for k in clear), groups.members(chosen), groups.total)


@dataclass(frozen=True, repr=False, eq=False)
class _Groups:
    """Every pair with one label beside every clip with another, numbered but not listed: there may be millions."""

    inside: tuple[IntArray, ...]  # clips of each label
    outside: tuple[IntArray, ...]  # the others
    ends: IntArray  # (labels,) number of triads up to and with each label

    @classmethod
    def of(cls, label: IntArray) -> _Groups:
        inside = tuple(np.flatnonzero(label == name) for name in np.unique(label))
        outside = tuple(np.flatnonzero(label != name) for name in np.unique(label))
        sizes = [
            len(one) * (len(one) - 1) // 2 * len(other)
            for one, other in zip(inside, outside, strict=True)
        ]
        return cls(inside, outside, np.cumsum(np.array(sizes, dtype=np.int64)))

    @property
    def total(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def members(self, numbers: IntArray) -> IntArray:
        """The triads of these numbers, which are in ascending order: (triads, 3)."""
        parts = []
        starts = np.r_[0, self.ends[:-1]]
        group = np.searchsorted(self.ends, numbers, side="right")
        for place, (inside, outside) in enumerate(zip(self.inside, self.outside, strict=True)):
            pair, odd = np.divmod(numbers[group == place] - starts[place], max(len(outside), 1))
            one, two = np.triu_indices(len(inside), k=1)
            parts.append(np.column_stack([inside[one[pair]], inside[two[pair]], outside[odd]]))
        return np.concatenate(parts).astype(np.int64)


def triad_scores(model: RDM, triads: ClearTriads) -> FloatArray:
    """1 where the model's closest two are people's, a share of 1 where it ties, else 0: (triads,)."""
    square = model.restrict(triads.ids).square()
    one, two, odd = triads.members.T
    sides = np.stack([square[one, two], square[one, odd], square[two, odd]], axis=1)
    closest = sides == sides.min(axis=1, keepdims=True)
    return np.where(closest[:, 0], 1.0 / closest.sum(axis=1), 0.0)


def triad_interval(
    scores: FloatArray,
    triads: ClearTriads,
    *,
    num_bootstrap: int = 1000,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval | None:
    """The interval over clips of a mean over triads; None without a bootstrap, or with too few clips for one."""
    num_clips = len(triads.ids)
    if num_bootstrap == 0 or num_clips < MIN_CLIPS:
        return None
    draws = draw_clips(num_clips, num_bootstrap=num_bootstrap, seed=seed)
    interval = rescaled_interval(
        float(scores.mean()),
        bootstrap_means(scores[None], triads.members, draws)[0],
        variance=triad_variance(scores, triads),
        num_drawn=num_clips,
    )
    return clip_interval(interval, low=bounds[0], high=bounds[1])


def triad_variance(scores: FloatArray, triads: ClearTriads) -> float:
    """Variance over clips of a mean over triads that share clips."""
    pull = (scores - scores.mean()) / len(scores)
    return clip_variance(pull, triads.members, num_clips=len(triads.ids))
