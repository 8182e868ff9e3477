"""Several models on the same pairs and the same resampled clips: drawn once, read by scores and comparisons alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    Interval,
    bootstrap_correlations,
    clip_interval,
    correlations_without,
    draw_clips,
    jackknife_variance,
    rescaled_interval,
)
from bgs.evaluation.correlation import Variable, influence, observed_pairs, weighted_correlation
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Resampled:
    """Spearman of every model, in the order given: on all clips, in every bootstrap sample, without each clip."""

    num_clips: int
    num_pairs: int
    spearman: FloatArray  # (models,)
    samples: FloatArray  # (models, bootstrap samples)
    pulls: FloatArray  # (models, pairs) influence on Spearman
    without: FloatArray  # (models, clips) Spearman with each clip left out
    seed: int

    @property
    def num_bootstrap(self) -> int:
        """How many samples were drawn."""
        return self.samples.shape[1]

    def __len__(self) -> int:
        return len(self.spearman)

    def __repr__(self) -> str:
        return (
            f"Resampled({len(self)} models, {self.num_clips} clips, {self.num_bootstrap} samples)"
        )

    def interval(self, place: int) -> Interval:
        """Of one model's Spearman, for other clips like these."""
        score = float(self.spearman[place])
        variance = jackknife_variance(self.without[place] - score, self.pulls[place])
        interval = rescaled_interval(
            score, self.samples[place], variance=variance, num_drawn=self.num_clips
        )
        return clip_interval(interval, low=-1.0, high=1.0)


def resample_models(
    models: Sequence[RDM], human: RDM, *, num_bootstrap: int = 1000, seed: int = 0
) -> Resampled:
    """Score all models on one set of draws; people's ranks are made once a draw."""
    if not models:
        raise DataError("no model to score", remedy="pass one model or more")
    tables = [observed_pairs(model, human) for model in models]
    first = tables[0]
    people = Variable(first.human)
    ones = np.ones((first.num_pairs, 1))
    sides = [Variable(table.model) for table in tables]
    values = [table.model for table in tables]
    draws = draw_clips(len(first.ids), num_bootstrap=num_bootstrap, seed=seed)
    return Resampled(
        num_clips=len(first.ids),
        num_pairs=first.num_pairs,
        spearman=np.array([weighted_correlation(side, people, ones)[0] for side in sides]),
        samples=bootstrap_correlations(values, first.human, members=first.members, draws=draws),
        pulls=np.stack([influence(side, people) for side in sides]),
        without=correlations_without(
            values, first.human, members=first.members, num_clips=len(first.ids)
        ),
        seed=seed,
    )
