"""Does a model know how sure people are? Choice probabilities, their likelihood and their calibration.

Conventions
-----------
- A model's choice probabilities are a softmax of minus the distances of the three pairs over a
  temperature: the closest pair is the likeliest to be left together. The temperature is fitted on
  validation judgments, never on those scored.
- `log_likelihood` is the mean log probability of what people chose, in nats a judgment; guessing
  gives log(1/3) = -1.0986. `ci95` is over clips.
- Calibration compares the probability of the model's favourite with how often people chose it, in
  bins of equal numbers of judgments; `expected_error` is the mean distance between the two,
  weighted by judgments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from bgs.errors import DataError
from bgs.evaluation.bootstrap import Interval
from bgs.evaluation.odd_one_out import accuracy_intervals, triad_distances
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]
CHANCE = float(np.log(1 / 3))
_LOG_RANGE = (-7.0, 7.0)  # temperatures from a thousandth to a thousand times the typical distance


@dataclass(frozen=True)
class CalibrationBin:
    """Judgments on which the model is about equally sure."""

    confidence: float
    accuracy: float
    num_judgments: int


@dataclass(frozen=True)
class Calibration:
    """Likelihood of people's choices and the calibration curve."""

    temperature: float
    log_likelihood: float
    ci95: Interval | None
    expected_error: float
    curve: tuple[CalibrationBin, ...]
    num_judgments: int


def choice_probabilities(distances: FloatArray, *, temperature: float) -> FloatArray:
    """Probability that each pair is the one left together: (judgments, 3) -> (judgments, 3)."""
    if not temperature > 0:
        raise DataError(f"temperature is {temperature:g}", remedy="use a number above 0")
    logits = (distances.min(axis=1, keepdims=True) - distances) / temperature
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fit_temperature(model: RDM, validation: Triplets) -> float:
    """The temperature under which validation judgments are likeliest."""
    distances = triad_distances(model, validation).stack()
    scale = float(np.std(distances))

    def loss(log_ratio: float) -> float:
        return -_mean_log_likelihood(distances, temperature=scale * float(np.exp(log_ratio)))

    # The likelihood is concave in 1 / temperature, so it has one maximum in the range or lies at its end.
    found = minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-6})
    return scale * float(np.exp(found.x))


def calibrate(
    model: RDM,
    triplets: Triplets,
    *,
    temperature: float,
    num_bins: int = 10,
    num_bootstrap: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Likelihood and calibration on judgments that did not set the temperature."""
    distances = triad_distances(model, triplets).stack()
    probabilities = choice_probabilities(distances, temperature=temperature)
    likelihood = _log_likelihoods(distances, temperature=temperature)
    interval = None
    if num_bootstrap:
        interval = accuracy_intervals(
            likelihood[None],
            triplets,
            num_bootstrap=num_bootstrap,
            seed=seed,
            bounds=(-np.inf, 0.0),
        )[0]
    curve = _calibration_curve(probabilities, num_bins=num_bins)
    gaps = sum(abs(b.confidence - b.accuracy) * b.num_judgments for b in curve)
    return Calibration(
        temperature=temperature,
        log_likelihood=float(likelihood.mean()),
        ci95=interval,
        expected_error=gaps / len(likelihood),
        curve=curve,
        num_judgments=len(likelihood),
    )


def _calibration_curve(probabilities: FloatArray, *, num_bins: int) -> tuple[CalibrationBin, ...]:
    confidence = probabilities.max(axis=1)
    favourite = probabilities == confidence[:, None]
    # Column 0 is the pair people left together; favourites that tie share it.
    chosen = np.where(favourite[:, 0], 1 / favourite.sum(axis=1), 0.0)
    order = np.argsort(confidence, kind="stable")
    return tuple(
        CalibrationBin(float(confidence[part].mean()), float(chosen[part].mean()), len(part))
        for part in np.array_split(order, min(num_bins, len(order)))
    )


def _log_likelihoods(distances: FloatArray, *, temperature: float) -> FloatArray:
    """Log probability of what people chose, without underflow: (judgments,)."""
    logits = (distances.min(axis=1, keepdims=True) - distances) / temperature
    return np.asarray(logits[:, 0] - np.log(np.exp(logits).sum(axis=1)))


def _mean_log_likelihood(distances: FloatArray, *, temperature: float) -> float:
    return float(_log_likelihoods(distances, temperature=temperature).mean())
