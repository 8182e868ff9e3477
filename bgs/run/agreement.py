"""What a score leaves out for brevity: other correlations, other intervals, how sure a model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation.bootstrap import Interval, square_interval
from bgs.evaluation.calibration import calibrate, fit_temperature
from bgs.evaluation.correlation import observed_pairs
from bgs.evaluation.intervals import (
    FURTHER,
    SPEARMAN,
    Coefficient,
    interval_over_clips,
    interval_over_pairs,
)
from bgs.evaluation.participants import participant_intervals
from bgs.evaluation.triplet_ceilings import accuracy_by_agreement, triplet_ceiling
from bgs.rdm import RDM
from bgs.run.sources import Source
from bgs.run.study import Study

IntervalOver = Literal["clips", "pairs", "participants"]
MIN_VALIDATION = 30  # judgments; fewer do not tell a temperature


def intervals_of(
    model: RDM,
    study: Study,
    *,
    over: IntervalOver,
    coefficients: Sequence[Coefficient],
    num_bootstrap: int,
    seed: int,
) -> dict[str, Interval]:
    """The interval of each coefficient by name, for other clips, pairs or participants like these."""
    if over == "participants":
        return participant_intervals(
            model,
            study.test_judgments if study.third == "within" else study.triplets,
            study.split.test,
            coefficients=coefficients,
            third=study.third,
            num_bootstrap=num_bootstrap,
            seed=seed,
        )
    pairs = observed_pairs(model, study.test_geometry)
    interval = interval_over_clips if over == "clips" else interval_over_pairs
    return {
        each.name: interval(each, pairs, num_bootstrap=num_bootstrap, seed=seed)
        for each in coefficients
    }


def agreement(
    model: RDM,
    study: Study,
    *,
    over: IntervalOver,
    also: bool,
    num_bootstrap: int,
    seed: int,
) -> dict[str, Any]:
    """What completes the `rsa` of a block: intervals over something else than clips, other coefficients.

    The weighted coefficients count a pair once a judgment.
    """
    # Spearman over clips is in the block already.
    wanted = ((SPEARMAN,) if over != "clips" else ()) + (FURTHER if also else ())
    found: dict[str, Interval] = {}
    if num_bootstrap and wanted:
        found = intervals_of(
            model, study, over=over, coefficients=wanted, num_bootstrap=num_bootstrap, seed=seed
        )
    block: dict[str, Any] = {}
    if over != "clips" and found:
        interval = found[SPEARMAN.name]
        block |= {"ci95": square_interval(interval), "spearman_ci95": interval}
    if also:
        pairs = observed_pairs(model, study.test_geometry)
        block["also"] = {each.name: each.of(pairs) for each in FURTHER}
        block["also_ci95"] = {each.name: found.get(each.name) for each in FURTHER}
    return block


def likelihood(
    source: Source, study: Study, *, num_bootstrap: int, seed: int
) -> dict[str, Any] | None:
    """How probable the model finds people's choices; the temperature comes from validation judgments.

    Those show a validation clip and no test clip, so nobody learnt from them. None where there are too few,
    or where the model (a file of features, say) does not know these clips.
    """
    judgments = _validation_judgments(study)
    clips = (*study.split.train, *study.split.validation)
    if len(judgments) < MIN_VALIDATION or not set(clips) <= set(source.ids):
        return None
    temperature = fit_temperature(source.rdm(clips), judgments)
    found = calibrate(
        source.rdm(study.split.test),
        study.test_judgments,
        temperature=temperature,
        num_bootstrap=num_bootstrap,
        seed=seed,
    )
    return {
        "mean": found.log_likelihood,
        "ci95": found.ci95,
        "temperature": temperature,
        "n_validation_judgments": len(judgments),
        "expected_calibration_error": found.expected_error,
        "calibration": [asdict(part) for part in found.curve],
    }


def by_agreement(model: RDM, study: Study) -> list[dict[str, Any]]:
    """Three-way accuracy on triads people agree on more or less; empty where no triad was judged twice."""
    try:
        return [asdict(part) for part in accuracy_by_agreement(model, study.test_judgments)]
    except DataError:
        return []


def people_on_people(study: Study, *, num_bootstrap: int, seed: int) -> dict[str, Any] | None:
    """How well one participant's odd one out is told by others who saw the same triad; None where none did."""
    try:
        found = triplet_ceiling(study.test_judgments, num_bootstrap=num_bootstrap, seed=seed)
    except DataError:
        return None
    return asdict(found)


def _validation_judgments(study: Study) -> Triplets:
    known = study.triplets.without(study.split.test)
    positions = [
        place for place, clip in enumerate(known.ids) if clip in set(study.split.validation)
    ]
    return known.select(np.asarray(np.isin(known.clips, positions).any(axis=1)))
