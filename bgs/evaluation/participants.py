"""Intervals over people: would other participants say the same about these clips?

Participants are drawn with replacement; those drawn twice count twice. Fewer different people make
a noisier geometry than all of them, so bootstrap scores sit below the true one; only their spread
is used, around the score of all. Within a drawn sample the pairs nobody saw drop out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import Interval, clip_interval, rescaled_interval
from bgs.evaluation.correlation import PairTable, observed_pairs
from bgs.evaluation.intervals import SPEARMAN, Coefficient
from bgs.evaluation.observations import observe_pairs
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
MIN_PARTICIPANTS = 10


def participant_intervals(
    model: RDM,
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    coefficients: Sequence[Coefficient] = (SPEARMAN,),
    third: Literal["within", "any"] = "within",
    num_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Interval of each coefficient when other people of the same kind judge these clips."""
    ids = tuple(triplets.ids if ids is None else ids)
    pairs = observed_pairs(model, triplets.rdm(ids, third=third))
    observations = observe_pairs(triplets, ids, third=third)
    people = observations.units(triplets, over="participants")
    size = int(people.max()) + 1
    if size < MIN_PARTICIPANTS:
        raise DataError(
            f"{size} participants are too few for an interval over participants",
            remedy=f"bring {MIN_PARTICIPANTS} or more, or resample clips",
        )
    together, shown = observations.count_by(people)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(size, np.full(size, 1 / size), size=num_bootstrap).astype(np.float64)
    tables = (_drawn_pairs(pairs, shown @ draw, together @ draw) for draw in draws)
    samples = np.array([[each.of(table) for each in coefficients] for table in tables])
    return {
        each.name: _interval(each.of(pairs), column, num_drawn=size)
        for each, column in zip(coefficients, samples.T, strict=True)
    }


def _drawn_pairs(pairs: PairTable, shown: FloatArray, together: FloatArray) -> PairTable:
    """The pairs that the drawn people saw, and what they say about them."""
    seen = shown > 0
    return replace(
        pairs,
        members=pairs.members[seen],
        model=pairs.model[seen],
        human=1 - together[seen] / shown[seen],
        counts=shown[seen],
    )


def _interval(estimate: float, samples: FloatArray, *, num_drawn: int) -> Interval:
    centred = samples - np.median(samples) + estimate
    variance = float(samples.var()) * num_drawn / (num_drawn - 1)
    interval = rescaled_interval(estimate, centred, variance=variance, num_drawn=num_drawn)
    return clip_interval(interval, low=-1.0, high=1.0)
