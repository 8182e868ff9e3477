"""Confidence intervals for statistics of pairs and triads of clips.

Conventions
-----------
- A score is meant to hold for clips like these, so clips are what is resampled. A clip drawn twice
  makes its pairs count double; the pair of a clip with itself is dropped, for no model can get it
  wrong.
- That bootstrap has the right shape but too wide a spread. The noise of one pair belongs to that
  pair alone, yet moves with both of its clips: under multiplicities m it is weighted by m_i m_j,
  whose variance is 3 where resampling a sample of independent pairs gives 1; for a triad it is 7.
  (Schuett et al. 2023, eLife, meet the same factor in two-factor bootstraps of RDMs.) So the
  bootstrap deviations are rescaled to a variance that counts it once (`jackknife_variance` for
  correlations, `clip_variance` for the rest: Fafchamps & Gubert 2007; Cameron, Gelbach & Miller
  2011), with Student's t for few clips. Simulated truths are then covered as often as promised (see
  tests).
- Intervals of R2 are those of the correlation, squared: one that includes 0 gives an R2 from 0.
- Percentiles are 2.5 and 97.5. Fewer than 10 clips: no interval, an error says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bgs.errors import DataError
from bgs.evaluation.correlation import Variable, centred_correlation
from bgs.evaluation.running_ranks import RankedModel, WeightedPairs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Interval = tuple[float, float]

MIN_CLIPS = 10
QUANTILES = (0.025, 0.975)
_CHUNK = 16  # samples at a time: the working set of a few thousand pairs stays in cache


def draw_clips(num_clips: int, *, num_bootstrap: int, seed: int) -> FloatArray:
    """How often each clip is drawn in each bootstrap sample: (clips, samples)."""
    if num_clips < MIN_CLIPS:
        raise DataError(
            f"{num_clips} clips are too few for a confidence interval",
            remedy=f"bring {MIN_CLIPS} clips or more, or set num_bootstrap to 0 "
            "(evaluation.num_bootstrap in a config) to score without one",
        )
    if num_bootstrap < 100:
        raise DataError(
            f"{num_bootstrap} bootstrap samples are too few for percentiles",
            remedy="use 100 or more, or 0 for no interval",
        )
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(num_clips, np.full(num_clips, 1 / num_clips), size=num_bootstrap)
    return np.ascontiguousarray(draws.T, dtype=np.float64)


def bootstrap_correlations(
    models: Sequence[FloatArray],
    human: FloatArray,
    *,
    members: IntArray,
    draws: FloatArray,
    ranks: bool = True,
    counts: FloatArray | None = None,
) -> FloatArray:
    """Correlation of each model with people in every bootstrap sample: (models, samples).

    Exactly the correlation of the resampled pairs with ranks recomputed: a weighted mid-rank is a running total
    over an order that was sorted once, so a sample costs no sort and no copy (see `running_ranks`).
    """
    target = Variable(np.asarray(human), ranks=ranks)
    result = np.empty((len(models), draws.shape[1]))
    ranked = [RankedModel.of(model) for model in models] if ranks else []
    values = [] if ranks else [Variable(np.asarray(model), ranks=False) for model in models]
    for columns, weights in pair_weights(members, draws, counts):
        people = target.centred(weights)
        sample = WeightedPairs(weights, people)
        for row, model in enumerate(ranked):
            result[row, columns] = sample.correlate(model)
        for row, side in enumerate(values):
            result[row, columns] = centred_correlation(side.centred(weights), people, weights)
    return result


def correlations_without(
    models: Sequence[FloatArray], human: FloatArray, *, members: IntArray, num_clips: int
) -> FloatArray:
    """Correlation of each model with people when each clip in turn is left out: (models, clips)."""
    return bootstrap_correlations(models, human, members=members, draws=1.0 - np.eye(num_clips))


def pair_weights(
    members: IntArray, draws: FloatArray, counts: FloatArray | None = None
) -> Iterator[tuple[slice, FloatArray]]:
    """Weights (pairs, chunk) of the pairs of different clips, a few samples at a time."""
    for start in range(0, draws.shape[1], _CHUNK):
        columns = slice(start, min(start + _CHUNK, draws.shape[1]))
        part = np.ascontiguousarray(draws[:, columns])
        weights = part[members[:, 0]] * part[members[:, 1]]
        yield columns, weights if counts is None else weights * counts[:, None]


def clip_variance(influence: FloatArray, members: IntArray, *, num_clips: int) -> float:
    """Variance of a statistic of pairs or triads that share clips, from what each of them contributes.

    `members` is (units, 2) or (units, 3) clip positions. Adds the products of all contributions that
    share a clip, by inclusion and exclusion: over clips, less over pairs, plus over triads. What this
    exceeds independent units by is the part the clips have in common, of which the estimate sees
    only a share of about 1 - k^2 / n (k clips a unit, n in all): the mean that was taken out held the rest.
    """
    size = members.shape[1]
    alone = _group_squares(influence, np.sort(members, axis=1), num_clips)
    singles = _sum_of_squares(influence, members, num_clips)
    if size == 2:
        robust = singles - alone
    else:
        low, middle, high = np.sort(members, axis=1).T
        both = [np.stack(pair, axis=1) for pair in ((low, middle), (low, high), (middle, high))]
        robust = singles + alone
        robust -= _group_squares(np.tile(influence, 3), np.concatenate(both), num_clips)
    seen = max(1 - size**2 / num_clips, 0.5)
    return alone + max(robust - alone, 0.0) / seen


def jackknife_variance(deviations: FloatArray, influence: FloatArray) -> float:
    """Variance over clips from what leaving out each clip changes (clips,), less what it counts twice.

    A clip takes the noise of all its pairs with it, and every pair has two clips; `influence` (pairs,)
    says how much that noise is. For correlations of few clips this is nearer the truth than `clip_variance`.
    """
    clips = len(deviations)
    deviations = np.nan_to_num(deviations)  # a clip without which nothing is left to correlate
    alone = float(influence @ influence)
    return max(float(deviations @ deviations) * (clips - 1) / clips - alone, alone)


def _sum_of_squares(influence: FloatArray, members: IntArray, num_clips: int) -> float:
    total = np.zeros(num_clips)
    for column in members.T:
        total += np.bincount(column, weights=influence, minlength=num_clips)
    return float(total @ total)


def _group_squares(influence: FloatArray, members: IntArray, num_clips: int) -> float:
    """Sum of squared totals over rows of `members` that are the same set of clips."""
    key = members[:, 0]
    for column in members.T[1:]:
        key = key * num_clips + column
    _, group = np.unique(key, return_inverse=True)
    totals = np.bincount(group, weights=influence)
    return float(totals @ totals)


def rescaled_interval(
    estimate: float, samples: FloatArray, *, variance: float, num_drawn: int
) -> Interval:
    """Percentiles of the bootstrap deviations, scaled to a variance known to be right.

    `num_drawn` is how many clips (or people) were resampled; Student's t makes up for few.
    """
    finite = samples[np.isfinite(samples)]
    if len(finite) < 0.9 * len(samples):
        raise DataError(
            f"the score is undefined in {len(samples) - len(finite)} of {len(samples)} bootstrap samples",
            remedy="bring more judgments, or set num_bootstrap to 0 to score without an interval",
        )
    spread = float(finite.std())
    if spread < 1e-12:  # the same in every sample, as for a model equal to people
        return (estimate, estimate)
    scale = np.sqrt(variance) / spread * student_factor(num_drawn)
    low, high = estimate + scale * (np.quantile(finite, QUANTILES) - estimate)
    return (float(low), float(high))


def normal_interval(estimate: float, *, variance: float, num_drawn: int) -> Interval:
    """Estimate -+ Student's t times the standard error."""
    reach = float(stdtrit(num_drawn - 1, QUANTILES[1])) * float(np.sqrt(variance))
    return (estimate - reach, estimate + reach)


def student_factor(num_drawn: int) -> float:
    """How much wider Student's interval is than the normal one."""
    return float(stdtrit(num_drawn - 1, QUANTILES[1]) / stdtrit(1e9, QUANTILES[1]))


def clip_interval(interval: Interval, *, low: float, high: float) -> Interval:
    """The part of an interval where the statistic can be."""
    return (min(max(interval[0], low), high), min(max(interval[1], low), high))


def square_interval(interval: Interval) -> Interval:
    """The interval of the square of something that lies in `interval`."""
    low, high = interval
    ends = sorted((low * low, high * high))
    return (0.0 if low <= 0.0 <= high else ends[0], ends[1])
