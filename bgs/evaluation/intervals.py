"""Intervals of the coefficients that stand beside Spearman: Kendall's tau-a, Pearson, weighted by judgments.

Conventions
-----------
- As for Spearman: over clips (rescaled bootstrap, see `bootstrap`), over pairs (percentiles, as published) or
  over participants (see `participants`), all on the same draws as Spearman's with the same seed.
- A count-weighted coefficient weights a pair by its judgments; in a bootstrap sample by judgments times the
  number of times the pair was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.evaluation.bootstrap import (
    QUANTILES,
    Interval,
    clip_interval,
    draw_clips,
    jackknife_variance,
    pair_weights,
    rescaled_interval,
)
from bgs.evaluation.correlation import (
    Method,
    PairTable,
    Variable,
    correlate_pairs,
    influence,
    weighted_correlation,
)
from bgs.evaluation.kendall import KendallTau

FloatArray = NDArray[np.float64]
_CHUNK = 64  # samples of pairs drawn at a time


@dataclass(frozen=True)
class Coefficient:
    """A way to correlate two RDMs."""

    name: str
    method: Method
    weighted: bool = False

    def of(self, pairs: PairTable) -> float:
        """Its value over these pairs."""
        return correlate_pairs(pairs, method=self.method, weighted=self.weighted)

    def resampled(self, pairs: PairTable) -> Callable[[FloatArray], FloatArray]:
        """Its value under multiplicities of the pairs: (pairs, samples) -> (samples,)."""
        if self.method == "kendall":
            return KendallTau(pairs.model, pairs.human).under
        sides = self._sides(pairs)
        if not self.weighted:
            return lambda weights: weighted_correlation(*sides, weights)
        return lambda weights: weighted_correlation(*sides, weights * pairs.counts[:, None])

    def influence(self, pairs: PairTable) -> FloatArray:
        """What each pair contributes, (pairs,)."""
        if self.method == "kendall":
            return KendallTau(pairs.model, pairs.human).influence()
        return influence(*self._sides(pairs), counts=pairs.counts if self.weighted else None)

    def _sides(self, pairs: PairTable) -> tuple[Variable, Variable]:
        ranks = self.method == "spearman"
        return Variable(pairs.model, ranks=ranks), Variable(pairs.human, ranks=ranks)


SPEARMAN = Coefficient("spearman", "spearman")
FURTHER = (
    Coefficient("kendall_tau_a", "kendall"),
    Coefficient("pearson", "pearson"),
    Coefficient("spearman_count_weighted", "spearman", weighted=True),
    Coefficient("pearson_count_weighted", "pearson", weighted=True),
)


def interval_over_clips(
    coefficient: Coefficient, pairs: PairTable, *, num_bootstrap: int = 1000, seed: int = 0
) -> Interval:
    """For other clips like these."""
    clips = len(pairs.ids)
    draws = draw_clips(clips, num_bootstrap=num_bootstrap, seed=seed)
    under = coefficient.resampled(pairs)
    estimate = coefficient.of(pairs)
    samples, without = (
        np.concatenate([under(weights) for _, weights in pair_weights(pairs.members, each)])
        for each in (draws, 1.0 - np.eye(clips))
    )
    variance = jackknife_variance(without - estimate, coefficient.influence(pairs))
    interval = rescaled_interval(estimate, samples, variance=variance, num_drawn=clips)
    return clip_interval(interval, low=-1.0, high=1.0)


def interval_over_pairs(
    coefficient: Coefficient, pairs: PairTable, *, num_bootstrap: int = 1000, seed: int = 0
) -> Interval:
    """The published way: pairs resampled as if no two of them shared a clip."""
    under = coefficient.resampled(pairs)
    draws = draw_pairs(pairs.num_pairs, num_bootstrap=num_bootstrap, seed=seed)
    samples = np.concatenate([under(weights) for weights in draws])
    low, high = np.nanquantile(samples, QUANTILES)
    return (float(low), float(high))


def draw_pairs(num_pairs: int, *, num_bootstrap: int, seed: int) -> Iterator[FloatArray]:
    """How often each pair is drawn, a few samples at a time: (pairs, samples)."""
    rng = np.random.default_rng(seed)
    for start in range(0, num_bootstrap, _CHUNK):
        size = min(_CHUNK, num_bootstrap - start)
        drawn = rng.integers(num_pairs, size=(size, num_pairs))
        drawn += np.arange(size)[:, None] * num_pairs
        weights = np.bincount(drawn.ravel(), minlength=size * num_pairs)
        yield np.ascontiguousarray(weights.reshape(size, -1).T, dtype=np.float64)
