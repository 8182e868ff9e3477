"""Attribute probes: can a rating of a clip be read off its embedding by a line?

Conventions
-----------
- Ridge regression with nested cross-validation over clips: outer folds predict clips that were not
  fitted, the penalty is chosen by leave-one-out inside the training clips of each fold, features
  are standardised there.
- `r2` is 1 - squared error / squared error of the training mean, over all held-out predictions. It
  may be negative: worse than knowing nothing. `pearson` is their correlation with the ratings.
- Intervals are a bootstrap over clips of the held-out predictions; p is the share of shuffled
  ratings whose whole nested procedure does at least as well. Differences are paired by clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import QUANTILES, Interval, draw_clips
from bgs.evaluation.ridge import ALPHAS, Ridge

FloatArray = NDArray[np.float64]
MIN_CLIPS = 10


@dataclass(frozen=True)
class ProbeScore:
    """How well one attribute is read off held-out clips."""

    attribute: str
    r2: float
    r2_ci95: Interval | None
    pearson: float
    pearson_ci95: Interval | None
    p: float | None
    num_clips: int
    rated: FloatArray = field(repr=False, compare=False)  # (clips,)
    predicted: FloatArray = field(repr=False, compare=False)  # (clips,) held out
    baseline: FloatArray = field(repr=False, compare=False)  # (clips,) mean of the clips fitted


@dataclass(frozen=True)
class ProbeDifference:
    """What changed in R2 from one embedding to another, on the same clips and folds."""

    attribute: str
    before_r2: float
    after_r2: float
    r2: float
    ci95: Interval


def probe_attributes(
    embeddings: ArrayLike,
    ratings: Mapping[str, ArrayLike],
    *,
    alphas: tuple[float, ...] = ALPHAS,
    num_folds: int = 5,
    num_bootstrap: int = 1000,
    num_permutations: int = 200,
    seed: int = 0,
) -> dict[str, ProbeScore]:
    """A score for every attribute; rows of `embeddings` and entries of each rating are the same clips."""
    matrix = check_embeddings(embeddings, num_folds=num_folds)
    folds = assign_folds(len(matrix), num_folds=num_folds, seed=seed)
    prepared = [(Ridge.of(matrix[folds != fold]), folds == fold) for fold in range(num_folds)]
    rng = np.random.default_rng(seed)
    scores = {}
    for name, values in ratings.items():
        rated = check_ratings(name, values, clips=len(matrix))
        shuffled = rng.permuted(np.tile(rated, (num_permutations, 1)), axis=1)
        targets = np.concatenate([rated[None], shuffled]).T  # (clips, 1 + permutations)
        predicted, baseline = _predict_held_out(prepared, matrix, targets, alphas=alphas)
        every_r2 = _r_squared(targets, predicted, baseline)
        intervals: tuple[Interval | None, Interval | None] = (None, None)
        if num_bootstrap:
            intervals = _intervals(
                rated, predicted[:, 0], baseline[:, 0], num_bootstrap=num_bootstrap, seed=seed
            )
        scores[name] = ProbeScore(
            attribute=name,
            r2=float(every_r2[0]),
            r2_ci95=intervals[0],
            pearson=_pearson(rated, predicted[:, 0]),
            pearson_ci95=intervals[1],
            p=float(np.mean(every_r2 >= every_r2[0])) if num_permutations else None,
            num_clips=len(matrix),
            rated=rated,
            predicted=predicted[:, 0],
            baseline=baseline[:, 0],
        )
    return scores


def compare_probes(
    before: ProbeScore, after: ProbeScore, *, num_bootstrap: int = 1000, seed: int = 0
) -> ProbeDifference:
    """Paired difference of two probes of the same ratings."""
    if not np.array_equal(before.rated, after.rated):
        raise DataError(
            f"probes of {before.attribute!r} and {after.attribute!r} are not about the same ratings",
            remedy="probe both embeddings on the same clips in the same order",
        )
    draws = draw_clips(before.num_clips, num_bootstrap=num_bootstrap, seed=seed)
    samples = [_weighted_r2(p.rated, p.predicted, p.baseline, draws) for p in (before, after)]
    low, high = np.quantile(samples[1] - samples[0], QUANTILES)
    return ProbeDifference(
        before.attribute, before.r2, after.r2, after.r2 - before.r2, (float(low), float(high))
    )


def check_embeddings(embeddings: ArrayLike, *, num_folds: int) -> FloatArray:
    """(clips, width), finite and not all alike, enough clips for the folds."""
    matrix = np.asarray(embeddings, dtype=np.float64)
    if matrix.ndim != 2:
        raise DataError(f"embeddings have shape {matrix.shape}", remedy="pass one row a clip")
    if len(matrix) < max(MIN_CLIPS, 2 * num_folds):
        raise DataError(
            f"{len(matrix)} clips are too few for a probe with {num_folds} folds",
            remedy=f"bring {max(MIN_CLIPS, 2 * num_folds)} or more",
        )
    broken = ~np.isfinite(matrix).all(axis=1)
    if broken.any():
        raise DataError(
            f"the embedding in row {int(np.argmax(broken))} holds NaN or infinity",
            remedy="check the clip and the model's precision",
        )
    if np.ptp(matrix, axis=0).max() == 0:
        raise DataError("all embeddings are the same", remedy="check that the model sees the clips")
    return matrix


def check_ratings(name: str, values: ArrayLike, *, clips: int) -> FloatArray:
    """(clips,), finite and varying."""
    rated = np.asarray(values, dtype=np.float64)
    if rated.shape != (clips,):
        raise DataError(
            f"ratings {name!r} have shape {rated.shape} for {clips} clips",
            remedy="pass one rating a clip",
        )
    if not np.isfinite(rated).all():
        raise DataError(
            f"rating {name!r} of row {int(np.argmax(~np.isfinite(rated)))} is missing",
            remedy="probe the clips that are rated",
        )
    if np.ptp(rated) == 0:
        raise DataError(
            f"ratings {name!r} are all {rated[0]:g}",
            remedy="leave out an attribute that never varies",
        )
    return rated


def assign_folds(clips: int, *, num_folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each clip, equal in size but for one: (clips,)."""
    return np.asarray(np.random.default_rng(seed).permutation(np.arange(clips) % num_folds))


def _predict_held_out(
    prepared: list[tuple[Ridge, NDArray[np.bool_]]],
    matrix: FloatArray,
    targets: FloatArray,
    *,
    alphas: tuple[float, ...],
) -> tuple[FloatArray, FloatArray]:
    """Held-out predictions and training means of every target: (clips, targets), both."""
    predicted, baseline = np.empty_like(targets), np.empty_like(targets)
    for ridge, held in prepared:
        chosen = ridge.choose_alphas(targets[~held], alphas=alphas)
        predicted[held] = ridge.predict(matrix[held], targets[~held], chosen)
        baseline[held] = targets[~held].mean(axis=0)
    return predicted, baseline


def _r_squared(targets: FloatArray, predicted: FloatArray, baseline: FloatArray) -> FloatArray:
    return np.asarray(
        1 - ((targets - predicted) ** 2).sum(axis=0) / ((targets - baseline) ** 2).sum(axis=0)
    )


def _weighted_r2(
    rated: FloatArray, predicted: FloatArray, baseline: FloatArray, draws: FloatArray
) -> FloatArray:
    return np.asarray(1 - ((rated - predicted) ** 2) @ draws / (((rated - baseline) ** 2) @ draws))


def _pearson(first: FloatArray, second: FloatArray) -> float:
    if np.ptp(second) == 0:  # the largest penalty: the same prediction everywhere
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _intervals(
    rated: FloatArray, predicted: FloatArray, baseline: FloatArray, *, num_bootstrap: int, seed: int
) -> tuple[Interval, Interval]:
    draws = draw_clips(len(rated), num_bootstrap=num_bootstrap, seed=seed)  # (clips, samples)
    r2 = _weighted_r2(rated, predicted, baseline, draws)
    shares = draws / len(rated)
    x, y = rated[:, None] - rated @ shares, predicted[:, None] - predicted @ shares
    spread = np.sqrt((x**2 * shares).sum(axis=0) * (y**2 * shares).sum(axis=0))
    pearson = (x * y * shares).sum(axis=0) / np.maximum(spread, 1e-300)
    ends = [np.quantile(samples, QUANTILES) for samples in (r2, pearson)]
    return (float(ends[0][0]), float(ends[0][1])), (float(ends[1][0]), float(ends[1][1]))
