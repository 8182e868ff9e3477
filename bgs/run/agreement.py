"""What a score leaves out for brevity: other correlations, other intervals, how sure a model is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation.bootstrap import square_interval
from bgs.evaluation.calibration import calibrate, fit_temperature
from bgs.evaluation.correlation import correlate
from bgs.evaluation.participants import participant_interval
from bgs.evaluation.rsa import rsa
from bgs.evaluation.triplet_ceilings import accuracy_by_agreement, triplet_ceiling
from bgs.rdm import RDM
from bgs.run.sources import Source
from bgs.run.study import Study

IntervalOver = Literal["clips", "pairs", "participants"]
MIN_VALIDATION = 30  # judgments; fewer do not tell a temperature


def other_correlations(model: RDM, human: RDM) -> dict[str, float]:
    """The same pairs by other coefficients; the weighted ones count a pair once a judgment."""
    return {
        "kendall_tau_a": correlate(model, human, method="kendall"),
        "pearson": correlate(model, human, method="pearson"),
        "spearman_count_weighted": correlate(model, human, weighted=True),
        "pearson_count_weighted": correlate(model, human, method="pearson", weighted=True),
    }


def other_interval(
    model: RDM,
    study: Study,
    *,
    over: Literal["pairs", "participants"],
    num_bootstrap: int,
    seed: int,
) -> dict[str, Any]:
    """`ci95` of R2 and `spearman_ci95` over something else than clips."""
    if over == "pairs":
        found = rsa(
            model,
            study.test_geometry,
            num_bootstrap=num_bootstrap,
            seed=seed,
            interval_over="pairs",
        )
        return {"ci95": found.ci95, "spearman_ci95": found.spearman_ci95}
    interval = participant_interval(
        model,
        study.test_judgments if study.third == "within" else study.triplets,
        study.split.test,
        third=study.third,
        num_bootstrap=num_bootstrap,
        seed=seed,
    )
    return {"ci95": square_interval(interval), "spearman_ci95": interval}


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
