"""Intervals over people: would other participants say the same about these clips?

Participants are drawn with replacement; those drawn twice count twice. Fewer different people make
a noisier geometry than all of them, so bootstrap scores sit below the true one; only their spread
is used, around the score of all. Within a drawn sample the pairs nobody saw drop out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import Interval, clip_interval, rescaled_interval
from bgs.evaluation.correlation import Variable, correlate, observed_pairs, weighted_correlation
from bgs.evaluation.observations import observe_pairs
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
MIN_PARTICIPANTS = 10


def participant_interval(
    model: RDM,
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    third: Literal["within", "any"] = "within",
    num_bootstrap: int = 1000,
    seed: int = 0,
) -> Interval:
    """Interval of Spearman when other people of the same kind judge these clips."""
    ids = tuple(triplets.ids if ids is None else ids)
    human = triplets.rdm(ids, third=third)
    estimate = correlate(model, human)
    pairs = observed_pairs(model, human)
    observations = observe_pairs(triplets, ids, third=third)
    people = observations.units(triplets, over="participants")
    if int(people.max()) + 1 < MIN_PARTICIPANTS:
        raise DataError(
            f"{int(people.max()) + 1} participants are too few for an interval over participants",
            remedy=f"bring {MIN_PARTICIPANTS} or more, or resample clips",
        )
    together, shown = observations.count_by(people)
    rng = np.random.default_rng(seed)
    size = int(people.max()) + 1
    draws = rng.multinomial(size, np.full(size, 1 / size), size=num_bootstrap).astype(np.float64)
    samples = np.array(
        [_correlate_sample(pairs.model, shown @ draw, together @ draw) for draw in draws]
    )
    centred = samples - np.median(samples) + estimate
    variance = float(samples.var()) * size / (size - 1)
    interval = rescaled_interval(estimate, centred, variance=variance, num_drawn=size)
    return clip_interval(interval, low=-1.0, high=1.0)


def _correlate_sample(model: FloatArray, shown: FloatArray, together: FloatArray) -> float:
    seen = shown > 0
    sides = Variable(model[seen]), Variable(1 - together[seen] / shown[seen])
    return float(weighted_correlation(*sides, np.ones((int(seen.sum()), 1)))[0])
