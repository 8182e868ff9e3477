"""A latent geometry fitted to judgments: what people would say about pairs they never saw.

Each clip is a point, two clips are as similar as the inner product of their points, and the pair that is
left together is a softmax choice among the three pairs on the screen, as in SPoSE and VICE::

    P(i and j stay | i, j, k) = exp(s_ij) / (exp(s_ij) + exp(s_ik) + exp(s_jk)),   s = X X'

X maximises the likelihood with a Gaussian penalty on its length. The dissimilarity of a pair is the
probability that it is parted, averaged over every third clip: the scale of `Triplets.rdm(third="any")`.
Its standard error is the spread over refits to reweighted judgments. The gradient goes through clips x
clips matrices, so a step costs little more than looking up three numbers a judgment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bgs.data.triplets import LEFT, Triplets
from bgs.errors import DataError
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_THIRDS = 500  # thirds averaged over; more clips than this are sampled


@dataclass(frozen=True, repr=False)
class FittedGeometry:
    """Points for clips, and the geometry they imply with its uncertainty."""

    ids: tuple[str, ...]
    embedding: FloatArray  # (clips, dim)
    rdm: RDM  # filled in; counts say which pairs were observed
    standard_errors: FloatArray  # (pairs,) condensed; NaN without refits
    log_likelihood: float  # mean over the judgments it was fitted to
    penalty: float

    def probabilities(self, triplets: Triplets) -> FloatArray:
        """For each judgment, how likely each position is to be picked as the odd one. (judgments, 3)"""
        here = triplets.restrict(self.ids) if triplets.ids != self.ids else triplets
        if len(here) != len(triplets):
            raise DataError(
                f"{len(triplets) - len(here)} judgments show clips that the geometry was not fitted to",
                remedy="restrict them to its ids",
            )
        return np.exp(_log_softmax(_pair_logits(self.embedding @ self.embedding.T, here.clips)))

    def surprise(self, triplets: Triplets) -> float:
        """Minus the mean log probability of what was picked; log 3 is knowing nothing."""
        picked = self.probabilities(triplets)[np.arange(len(triplets)), triplets.odd]
        return float(-np.log(picked).mean())

    def __repr__(self) -> str:
        clips, dim = self.embedding.shape
        return f"FittedGeometry({clips} clips, {dim} dimensions, penalty {self.penalty:g})"


def fit_choice_model(
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    dim: int = 8,
    penalty: float = 4.0,
    num_refits: int = 20,
    seed: int = 0,
    max_iterations: int = 500,
) -> FittedGeometry:
    """Fit points to judgments whose three clips are all in `ids` (default: all clips).

    `penalty` is the weight of half the squared length of X against the sum over judgments of the log
    likelihood. A clip that no judgment shows has no place: its pairs are missing in the RDM.
    """
    inside = triplets if ids is None else triplets.restrict(ids)
    if not len(inside):
        raise DataError("there is no judgment to fit", remedy="check the ids")
    if dim < 1 or penalty <= 0 or num_refits < 0 or num_refits == 1:
        raise DataError(
            f"dim {dim}, penalty {penalty:g}, num_refits {num_refits}",
            remedy="dim is 1 or more, penalty above 0, num_refits 0 or 2 or more",
        )
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.3, size=(len(inside.ids), dim))
    ones = np.ones(len(inside))
    points = _maximise(inside, start, weights=ones, penalty=penalty, max_iterations=max_iterations)
    thirds = _choose_thirds(inside, rng=rng)
    refits = []
    for _ in range(num_refits):
        weights = rng.exponential(size=len(inside))  # the Bayesian bootstrap
        anchor = rng.normal(scale=penalty**-0.5, size=points.shape)
        moved = _maximise(
            inside,
            points,
            weights=weights,
            penalty=penalty,
            max_iterations=max_iterations,
            anchor=anchor,
        )
        refits.append(_expected_dissimilarities(moved, thirds=thirds))
    return _describe(inside, points, refits, penalty=penalty, thirds=thirds)


def choose_penalty(
    triplets: Triplets,
    *,
    penalties: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    dim: int = 8,
    num_folds: int = 5,
    seed: int = 0,
) -> float:
    """The penalty whose fit makes left-out judgments most likely, by cross-validation."""
    losses = [
        sum(
            fit_choice_model(fitted, dim=dim, penalty=penalty, num_refits=0).surprise(left_out)
            for fitted, left_out in folds(triplets, num_folds=num_folds, seed=seed)
        )
        for penalty in penalties
    ]
    return float(penalties[int(np.argmin(losses))])


def folds(triplets: Triplets, *, num_folds: int, seed: int) -> Iterator[tuple[Triplets, Triplets]]:
    """Judgments in random folds: (all others, the fold). The same three clips stay in one fold."""
    ordered = np.sort(triplets.clips, axis=1)
    triad = np.unique(ordered, axis=0, return_inverse=True)[1].ravel()
    fold = np.random.default_rng(seed).integers(num_folds, size=int(triad.max()) + 1)[triad]
    for number in range(num_folds):
        yield triplets.select(fold != number), triplets.select(fold == number)


def _maximise(
    triplets: Triplets,
    start: FloatArray,
    *,
    weights: FloatArray,
    penalty: float,
    max_iterations: int,
    anchor: FloatArray | None = None,
) -> FloatArray:
    """The points at which the penalised log likelihood is largest."""
    shape = start.shape
    pairs = _pair_positions(triplets.clips, num_clips=shape[0])
    chosen = (np.arange(len(triplets)), triplets.odd)
    centre = np.zeros(shape) if anchor is None else anchor

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        points = flat.reshape(shape)
        similar = points @ points.T  # (clips, clips)
        logs = _log_softmax(similar.ravel()[pairs])  # (judgments, 3)
        away = points - centre
        value = -(weights * logs[chosen]).sum() + 0.5 * penalty * (away**2).sum()
        chances = np.exp(logs)
        chances[chosen] -= 1.0
        slopes = np.bincount(
            pairs.ravel(), weights=(weights[:, None] * chances).ravel(), minlength=similar.size
        ).reshape(similar.shape)
        gradient = (slopes + slopes.T) @ points + penalty * away
        return float(value), gradient.ravel()

    found = minimize(
        loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": max_iterations}
    )
    return np.asarray(found.x, dtype=np.float64).reshape(shape)


def _pair_positions(clips: IntArray, *, num_clips: int) -> IntArray:
    """Where the pair left by each odd position stands in the flat clips x clips matrix. (rows, 3)"""
    return np.stack([clips[:, a] * num_clips + clips[:, b] for a, b in LEFT], axis=1)


def _pair_logits(similar: FloatArray, clips: IntArray) -> FloatArray:
    return similar.ravel()[_pair_positions(clips, num_clips=len(similar))]


def _log_softmax(logits: FloatArray) -> FloatArray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _choose_thirds(triplets: Triplets, *, rng: np.random.Generator) -> IntArray:
    """Clips to average over: those that were judged, or a sample of them."""
    judged = np.flatnonzero(np.bincount(triplets.clips.ravel(), minlength=len(triplets.ids)))
    if len(judged) <= MOST_THIRDS:
        return judged
    return np.sort(rng.choice(judged, size=MOST_THIRDS, replace=False))


def _expected_dissimilarities(points: FloatArray, *, thirds: IntArray) -> FloatArray:
    """The chance that a pair is parted, averaged over the third clip. (pairs,) condensed"""
    similar = points @ points.T
    strength = np.exp(similar - similar.max())
    rows, columns = np.triu_indices(len(points), k=1)
    stay = np.zeros(len(rows))
    counted = np.zeros(len(rows))
    own = strength[rows, columns]
    for third in thirds:
        rivals = strength[third, rows] + strength[third, columns]
        valid = (rows != third) & (columns != third)
        stay += np.where(valid, own / (own + rivals), 0.0)
        counted += valid
    with np.errstate(invalid="ignore"):
        return np.asarray(1.0 - stay / counted)


def _describe(
    triplets: Triplets,
    points: FloatArray,
    refits: list[FloatArray],
    *,
    penalty: float,
    thirds: IntArray,
) -> FittedGeometry:
    values = _expected_dissimilarities(points, thirds=thirds)
    errors = np.std(refits, axis=0, ddof=1) if refits else np.full_like(values, np.nan)
    judged = np.bincount(triplets.clips.ravel(), minlength=len(triplets.ids)) > 0
    rows, columns = np.triu_indices(len(triplets.ids), k=1)
    known = judged[rows] & judged[columns]
    counts = triplets.count_pairs(triplets.ids, third="within")[1]
    logs = _log_softmax(_pair_logits(points @ points.T, triplets.clips))
    return FittedGeometry(
        ids=triplets.ids,
        embedding=points,
        rdm=RDM(triplets.ids, np.where(known, values, np.nan), counts),
        standard_errors=np.where(known, errors, np.nan),
        log_likelihood=float(logs[np.arange(len(triplets)), triplets.odd].mean()),
        penalty=penalty,
    )
