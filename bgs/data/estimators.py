"""Proportions of few observations, pulled towards what pairs are like in general.

A pair seen once is 0 or 1 as a raw proportion. With a Beta prior on how often a pair is left together,
the estimate is (left together + a) / (shown + a + b): pairs seen often keep their proportion, pairs seen
once move most of the way to the mean. Unless it is given, the prior is fitted to all pairs at once by
maximum marginal (beta-binomial) likelihood. A pair never shown stays missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln

from bgs.data.triplets import Third, Triplets
from bgs.errors import DataError
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
LARGEST_STRENGTH = 1e6  # a prior this strong says that all pairs are alike


@dataclass(frozen=True)
class BetaPrior:
    """Beta(together, apart) on the probability that a pair is left together."""

    together: float
    apart: float

    def __post_init__(self) -> None:
        if not (0 < self.together < np.inf and 0 < self.apart < np.inf):
            raise DataError(
                f"Beta({self.together:g}, {self.apart:g}) is no prior", remedy="both are above 0"
            )

    @property
    def mean(self) -> float:
        """The probability expected of a pair before it is seen."""
        return self.together / (self.together + self.apart)

    @property
    def strength(self) -> float:
        """How many observations the prior is worth."""
        return self.together + self.apart


def fit_prior(together: FloatArray, shown: FloatArray) -> BetaPrior:
    """The prior under which the counts of all pairs are most likely."""
    seen = shown > 0
    if not seen.any():
        raise DataError("no pair was shown, so there is no prior to fit", remedy="check the ids")
    left, times = together[seen], shown[seen]
    start = float(np.clip(left.sum() / times.sum(), 1e-3, 1 - 1e-3))

    def minus_log_likelihood(point: FloatArray) -> float:
        mean, strength = 1 / (1 + np.exp(-point[0])), np.exp(point[1])
        a, b = mean * strength, (1 - mean) * strength
        return -float((betaln(left + a, times - left + b) - betaln(a, b)).sum())

    bounds = [(-12.0, 12.0), (np.log(1e-3), np.log(LARGEST_STRENGTH))]
    first = np.array([np.log(start / (1 - start)), np.log(4.0)])
    found = minimize(minus_log_likelihood, first, method="L-BFGS-B", bounds=bounds)
    mean, strength = 1 / (1 + np.exp(-found.x[0])), np.exp(found.x[1])
    return BetaPrior(float(mean * strength), float((1 - mean) * strength))


def shrunk_rdm(
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    third: Third = "within",
    prior: BetaPrior | None = None,
    training: Triplets | None = None,
) -> RDM:
    """As `Triplets.rdm`, with every observed proportion shrunk towards the prior."""
    raw = triplets.rdm(ids, third=third, training=training)
    shown = raw.counts
    together = np.where(shown > 0, (1.0 - raw.dissimilarities) * shown, 0.0)
    prior = fit_prior(together, shown) if prior is None else prior
    apart = shown - together
    values = (apart + prior.apart) / (shown + prior.strength)
    return RDM(raw.ids, np.where(shown > 0, values, np.nan), shown)
