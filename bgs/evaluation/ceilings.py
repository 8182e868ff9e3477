"""RDM ceilings: how well could any model do against judgments this noisy?

Conventions
-----------
- Judgments are split in two at random, by participant where participants are known (people differ,
  and a person agrees with himself), by judgment otherwise; each half gives an RDM; the halves are
  correlated (Spearman) over the pairs that both observed. `split_half_r` is the mean over splits.
- Spearman-Brown steps the mean up from half to all judgments: reliability = 2 r / (1 + r).
- `paper_r2`: the reliability, squared; how the published .213 reads (inferred). A correlation of
  one RDM with another, equally noisy one, in R2.
- `max_model_r2`: the reliability itself; the R2 of a perfect, noiseless model against this noisy
  RDM (its correlation is the square root of the reliability). This is the line to draw: a model may
  pass `paper_r2`.
- Within a split half the rarely shown pairs drop out, so with few judgments the ceiling speaks for
  the pairs seen more often; `num_pairs` says how many are compared on average.
- Intervals are over clips: pairs that share a clip vary together (`clip_variance` of the influence
  of each pair, averaged over splits, on Fisher's z), then carried through the formulas above.
- One participant, or one judgment a pair, has no ceiling and is refused: it would come out as 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import Interval, clip_variance, normal_interval
from bgs.evaluation.correlation import Variable, influence
from bgs.evaluation.observations import PairObservations, observe_pairs

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_CELLS = 1 << 20  # (splits, pairs) cells worked on at a time
_INTERVAL_SPLITS = 100  # splits over which the influence of each pair is averaged


@dataclass(frozen=True)
class Ceiling:
    """What the reliability of the judgments allows."""

    split_half_r: float
    reliability: float
    paper_r2: float
    max_model_r2: float
    ci95: Interval  # of split_half_r
    paper_r2_ci95: Interval
    max_model_r2_ci95: Interval
    num_splits: int
    num_pairs: float  # observed in both halves, mean over splits
    num_judgments: int
    over: Literal["participants", "judgments"]
    third: Literal["within", "any"]

    def to_dict(self) -> dict[str, object]:
        """The `ceiling` block of results.json."""
        return {
            "paper": {"r2": self.paper_r2, "ci95": list(self.paper_r2_ci95)},
            "max_model": {"r2": self.max_model_r2, "ci95": list(self.max_model_r2_ci95)},
            "split_half": {"r": self.split_half_r, "ci95": list(self.ci95)},
            "num_splits": self.num_splits,
            "num_pairs": self.num_pairs,
            "over": self.over,
            "third": self.third,
        }


def spearman_brown(correlation: float) -> float:
    """Reliability of all judgments from the correlation of two halves of them."""
    return 2 * correlation / (1 + correlation)


def split_half_ceiling(
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    third: Literal["within", "any"] = "within",
    num_splits: int = 1000,
    seed: int = 0,
    over: Literal["participants", "judgments"] | None = None,
) -> Ceiling:
    """Ceilings of the RDM of `ids` (default: all clips) under the protocol `third`."""
    ids = tuple(triplets.ids if ids is None else ids)
    observations = observe_pairs(triplets, ids, third=third)
    over = over or ("judgments" if triplets.participants is None else "participants")
    units = observations.units(triplets, over=over)
    rng = np.random.default_rng(seed)
    levels = _possible_levels(int(np.bincount(observations.pair).max()))
    total, num_pairs, done, pulls = 0.0, 0.0, 0, np.zeros(observations.num_pairs)
    for first, second in _halves(observations, units, num_splits=num_splits, rng=rng):
        correlation, shared = _correlate_halves(first, second, levels=levels)
        if (shared < 3).any() or not np.isfinite(correlation).all():
            raise DataError(
                "two halves of the judgments share too few pairs of clips to correlate",
                remedy="collect each pair at least twice, or use third='any'",
            )
        total += float(correlation.sum())
        num_pairs += float(shared.sum())
        for split in range(min(len(correlation), _INTERVAL_SPLITS - done)):
            pulls += _influence_of_split(first, second, split)
            done += 1
    return _ceiling(
        total / num_splits,
        pulls / done,
        observations,
        num_splits,
        num_pairs / num_splits,
        over,
        third,
    )


def _ceiling(
    correlation: float,
    pulls: FloatArray,
    observations: PairObservations,
    num_splits: int,
    num_pairs: float,
    over: Literal["participants", "judgments"],
    third: Literal["within", "any"],
) -> Ceiling:
    num_clips = observations.num_clips
    variance = clip_variance(pulls, observations.members, num_clips=num_clips)
    bounded = float(np.clip(correlation, -1 + 1e-9, 1 - 1e-9))
    low, high = normal_interval(
        float(np.arctanh(bounded)), variance=variance / (1 - bounded**2) ** 2, num_drawn=num_clips
    )
    interval = (float(np.tanh(low)), float(np.tanh(high)))
    # Halves that disagree have no reliability; a negative one would square to a ceiling.
    steps = [max(spearman_brown(value), 0.0) for value in (correlation, *interval)]
    return Ceiling(
        split_half_r=correlation,
        reliability=steps[0],
        paper_r2=steps[0] ** 2,
        max_model_r2=steps[0],
        ci95=interval,
        paper_r2_ci95=(steps[1] ** 2, steps[2] ** 2),
        max_model_r2_ci95=(steps[1], steps[2]),
        num_splits=num_splits,
        num_pairs=num_pairs,
        num_judgments=observations.num_judgments,
        over=over,
        third=third,
    )


_Half = tuple[FloatArray, FloatArray]  # together, shown: (splits, pairs)


def _halves(
    observations: PairObservations, units: IntArray, *, num_splits: int, rng: np.random.Generator
) -> Iterator[tuple[_Half, _Half]]:
    """Both halves of a few random splits at a time; counts by one sparse product, no loop over splits."""
    num_units = int(units.max()) + 1
    tables = observations.count_by(units)
    counts = [np.asarray(table.sum(axis=1), dtype=np.float64)[None] for table in tables]
    step = max(1, _CELLS // max(num_units, observations.num_pairs))
    for start in range(0, num_splits, step):
        size = min(step, num_splits - start)
        first = np.zeros((size, num_units))
        first[:, : num_units // 2] = 1.0
        first = rng.permuted(first, axis=1)
        half = [np.asarray((table @ first.T).T) for table in tables]  # (splits, pairs)
        yield (half[0], half[1]), (counts[0] - half[0], counts[1] - half[1])


def _dissimilarity_codes(half: _Half, *, levels: IntArray) -> IntArray:
    """Which of the possible proportions each pair of each split shows: (splits, pairs)."""
    together, shown = half
    width = int(np.sqrt(len(levels)))
    return levels[together.astype(np.int64) * width + shown.astype(np.int64)]


def _possible_levels(most: int) -> IntArray:
    """Rank of each 1 - together / shown with shown <= most; looked up at together * (most + 1) + shown."""
    together, shown = np.divmod(np.arange((most + 1) ** 2), most + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        proportion = np.where(shown > 0, 1 - together / shown, 0.0)
    return np.asarray(np.unique(proportion.round(12), return_inverse=True)[1], dtype=np.int64)


def _correlate_halves(
    first: _Half, second: _Half, *, levels: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Spearman of each split and the pairs both halves observed: (splits,), (splits,).

    A pair has few possible dissimilarities, so mid-ranks come from counting and nothing is sorted.
    """
    both = ((first[1] > 0) & (second[1] > 0)).astype(np.float64)  # (splits, pairs)
    shared = both.sum(axis=1)
    x, y = (
        _centred_ranks(_dissimilarity_codes(half, levels=levels), both) for half in (first, second)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
        return (x * y).sum(axis=1) / spread, shared


def _centred_ranks(codes: IntArray, mask: FloatArray) -> FloatArray:
    """Mid-ranks less their mean where `mask` is 1, and 0 elsewhere: (splits, pairs)."""
    size, width = len(codes), int(codes.max()) + 1
    flat = codes + np.arange(size)[:, None] * width
    table = np.bincount(flat.ravel(), weights=mask.ravel(), minlength=size * width).reshape(
        size, width
    )
    upper = np.cumsum(table, axis=1)
    middle = upper - table / 2 - upper[:, -1:] / 2
    return np.asarray(np.take(middle.ravel(), flat) * mask)


def _influence_of_split(first: _Half, second: _Half, split: int) -> FloatArray:
    """What each pair contributes to the correlation of one split: (pairs,), 0 where not compared."""
    (together, shown), (others, others_shown) = (
        (h[0][split], h[1][split]) for h in (first, second)
    )
    both = (shown > 0) & (others_shown > 0)
    pull = np.zeros(len(both))
    pull[both] = influence(
        Variable(-together[both] / shown[both]), Variable(-others[both] / others_shown[both])
    )
    return pull
