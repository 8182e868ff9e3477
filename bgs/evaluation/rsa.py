"""RSA: do the clips a model holds apart lie apart for people too?

Conventions
-----------
- The score is Spearman's correlation between model and human dissimilarities over the pairs people
  judged; R2 is its square, as published. A negative correlation also has a positive square: read
  both.
- `ci95` is the interval of R2 over clips, `spearman_ci95` that of the correlation (see
  `bootstrap`).
- `interval_over` says what was resampled: "clips" (default: other clips like these) or "pairs" (the
  published way: these pairs as if no two shared a clip).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bgs.evaluation.bootstrap import (
    Interval,
    bootstrap_correlations,
    correlations_without,
    draw_clips,
    jackknife_variance,
    rescaled_interval,
    square_interval,
)
from bgs.evaluation.correlation import (
    Variable,
    correlate,
    influence,
    observed_pairs,
    weighted_correlation,
)
from bgs.evaluation.intervals import SPEARMAN, interval_over_pairs
from bgs.evaluation.resampled import Resampled, resample_models
from bgs.evaluation.variance import partial_r2
from bgs.rdm import RDM

__all__ = [
    "Difference",
    "RsaScore",
    "correlate",
    "paired_difference",
    "partial_r2",
    "rsa",
    "score_resampled",
]


@dataclass(frozen=True)
class RsaScore:
    """Agreement of a model's geometry with people's."""

    spearman: float
    r2: float
    ci95: Interval | None  # of r2
    spearman_ci95: Interval | None
    num_pairs: int
    num_clips: int
    num_bootstrap: int
    interval_over: str = "clips"


@dataclass(frozen=True)
class Difference:
    """What changed in R2 from one model to another on the same pairs."""

    r2: float
    ci95: Interval | None
    before_r2: float
    after_r2: float
    num_pairs: int
    num_clips: int
    num_bootstrap: int

    def to_dict(self) -> dict[str, object]:
        """Plain values for results.json."""
        return {
            "r2": self.r2,
            "ci95": None if self.ci95 is None else list(self.ci95),
            "before_r2": self.before_r2,
            "after_r2": self.after_r2,
            "n_pairs": self.num_pairs,
            "n_clips": self.num_clips,
            "num_bootstrap": self.num_bootstrap,
        }

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.ci95 is not None and not self.ci95[0] <= 0.0 <= self.ci95[1]


def rsa(
    model: RDM,
    human: RDM,
    *,
    num_bootstrap: int = 1000,
    seed: int = 0,
    interval_over: Literal["clips", "pairs"] = "clips",
) -> RsaScore:
    """Spearman, its square and their interval; `num_bootstrap=0` gives no interval."""
    if num_bootstrap and interval_over == "clips":
        return score_resampled(
            resample_models([model], human, num_bootstrap=num_bootstrap, seed=seed), 0
        )
    pairs = observed_pairs(model, human)
    spearman = SPEARMAN.of(pairs)
    interval = None
    if num_bootstrap:
        interval = interval_over_pairs(SPEARMAN, pairs, num_bootstrap=num_bootstrap, seed=seed)
    return RsaScore(
        spearman=spearman,
        r2=spearman**2,
        ci95=None if interval is None else square_interval(interval),
        spearman_ci95=interval,
        num_pairs=pairs.num_pairs,
        num_clips=len(pairs.ids),
        num_bootstrap=num_bootstrap,
        interval_over=interval_over,
    )


def score_resampled(resampled: Resampled, place: int) -> RsaScore:
    """The score of one of several models that share their draws of clips."""
    spearman, interval = float(resampled.spearman[place]), resampled.interval(place)
    return RsaScore(
        spearman=spearman,
        r2=spearman**2,
        ci95=square_interval(interval),
        spearman_ci95=interval,
        num_pairs=resampled.num_pairs,
        num_clips=resampled.num_clips,
        num_bootstrap=resampled.num_bootstrap,
    )


def paired_difference(
    before: RDM, after: RDM, human: RDM, *, num_bootstrap: int = 1000, seed: int = 0
) -> Difference:
    """R2 of `after` less R2 of `before`; both are scored on the same clips in every bootstrap sample."""
    tables = [observed_pairs(model, human) for model in (before, after)]
    members, ids, target = tables[0].members, tables[0].ids, tables[0].human
    people = Variable(target)
    models = [Variable(table.model) for table in tables]
    ones = np.ones((len(target), 1))
    scores = [float(weighted_correlation(model, people, ones)[0]) for model in models]
    delta = scores[1] ** 2 - scores[0] ** 2
    interval = None
    if num_bootstrap:
        draws = draw_clips(len(ids), num_bootstrap=num_bootstrap, seed=seed)
        samples = bootstrap_correlations(
            [t.model for t in tables], target, members=members, draws=draws
        )
        pulls = [
            2 * score * influence(model, people)
            for score, model in zip(scores, models, strict=True)
        ]
        without = correlations_without(
            [t.model for t in tables], target, members=members, num_clips=len(ids)
        )
        deviations = without[1] ** 2 - without[0] ** 2 - delta
        variance = jackknife_variance(deviations, pulls[1] - pulls[0])
        interval = rescaled_interval(
            delta, samples[1] ** 2 - samples[0] ** 2, variance=variance, num_drawn=len(ids)
        )
    return Difference(
        r2=delta,
        ci95=interval,
        before_r2=scores[0] ** 2,
        after_r2=scores[1] ** 2,
        num_pairs=len(target),
        num_clips=len(ids),
        num_bootstrap=num_bootstrap,
    )
