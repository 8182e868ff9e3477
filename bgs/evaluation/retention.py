"""Retention: what a model knew before people taught it, it should still know.

A linear probe (logistic regression, penalty chosen inside the training clips) and a
k-nearest-neighbour vote by cosine, on embeddings and labels of any labelled set of clips, before
and after, on the same splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bgs.errors import DataError

FloatArray = NDArray[np.float64]
Labels = NDArray[np.str_]
PENALTIES = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class RetentionScore:
    """Accuracy of both probes on held-out clips."""

    linear: float
    knn: float


@dataclass(frozen=True)
class Retention:
    """Accuracy before and after, one entry a seed; chance is the share of the commonest label."""

    before: tuple[RetentionScore, ...]
    after: tuple[RetentionScore, ...]
    seeds: tuple[int, ...]
    chance: float
    num_clips: int
    num_labels: int

    def difference(self, probe: str) -> tuple[float, float]:
        """Mean change in the accuracy of `linear` or `knn`, and its standard deviation over seeds."""
        change = [
            getattr(a, probe) - getattr(b, probe)
            for a, b in zip(self.after, self.before, strict=True)
        ]
        return float(np.mean(change)), float(np.std(change, ddof=1)) if len(change) > 1 else 0.0


def probe_labels(
    train: ArrayLike,
    train_labels: Sequence[str],
    test: ArrayLike,
    test_labels: Sequence[str],
    *,
    num_neighbours: int = 10,
    seed: int = 0,
) -> RetentionScore:
    """Both probes fitted on `train` and scored on `test`, as for a data set with its own split."""
    x, y = _check(train, train_labels)
    other, truth = _check(test, test_labels)
    if x.shape[1] != other.shape[1]:
        raise DataError(
            f"training embeddings are {x.shape[1]} wide, test embeddings {other.shape[1]}",
            remedy="embed both with one model",
        )
    if len(np.unique(y)) < 2:
        raise DataError(
            f"all training clips are labelled {str(y[0])!r}", remedy="bring two labels or more"
        )
    linear = _fit_linear(x, y, seed=seed)
    return RetentionScore(
        linear=float(np.mean(linear.predict(other) == truth)),
        knn=float(np.mean(_vote(x, y, other, num_neighbours=num_neighbours) == truth)),
    )


def compare_retention(
    before: ArrayLike,
    after: ArrayLike,
    labels: Sequence[str],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    test_fraction: float = 0.3,
    num_neighbours: int = 10,
) -> Retention:
    """Both embeddings of the same clips on the same stratified splits, one split a seed."""
    first, truth = _check(before, labels)
    second, _ = _check(after, labels)
    names, counts = np.unique(truth, return_counts=True)
    if counts.min() < 2 or len(names) < 2:
        raise DataError(
            f"label {str(names[int(np.argmin(counts))])!r} has {int(counts.min())} clips among {len(names)} labels",
            remedy="bring two labels or more with two clips or more each",
        )
    scores: tuple[list[RetentionScore], list[RetentionScore]] = ([], [])
    for seed in seeds:
        splitter = StratifiedShuffleSplit(n_splits=1, test_size=test_fraction, random_state=seed)
        train, test = next(splitter.split(first, truth))
        for found, matrix in zip(scores, (first, second), strict=True):
            found.append(
                probe_labels(
                    matrix[train],
                    truth[train],
                    matrix[test],
                    truth[test],
                    num_neighbours=num_neighbours,
                    seed=seed,
                )
            )
    return Retention(
        before=tuple(scores[0]),
        after=tuple(scores[1]),
        seeds=tuple(seeds),
        chance=float(counts.max() / counts.sum()),
        num_clips=len(truth),
        num_labels=len(names),
    )


def _fit_linear(matrix: FloatArray, labels: Labels, *, seed: int) -> GridSearchCV:
    smallest = int(np.unique(labels, return_counts=True)[1].min())
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    if smallest < 2:  # nothing to choose a penalty with
        return model.fit(matrix, labels)
    folds = StratifiedKFold(n_splits=min(3, smallest), shuffle=True, random_state=seed)
    grid = {"logisticregression__C": list(PENALTIES)}
    return GridSearchCV(model, grid, cv=folds).fit(matrix, labels)


def _vote(train: FloatArray, labels: Labels, test: FloatArray, *, num_neighbours: int) -> Labels:
    """Label with the largest summed cosine among the nearest neighbours."""
    first, second = (
        matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        for matrix in (train, test)
    )
    cosine = second @ first.T  # (test, train)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :num_neighbours]
    names, codes = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(test), len(names)))
    for column in nearest.T:
        rows = np.arange(len(test))
        # 1 + cosine is never negative, so that a far neighbour cannot vote against its label.
        np.add.at(votes, (rows, codes[column]), 1 + cosine[rows, column])
    return names[votes.argmax(axis=1)]


def _check(embeddings: ArrayLike, labels: Sequence[str]) -> tuple[FloatArray, Labels]:
    matrix, names = np.asarray(embeddings, dtype=np.float64), np.asarray(labels, dtype=np.str_)
    if matrix.ndim != 2 or len(matrix) != len(names) or len(names) == 0:
        raise DataError(
            f"embeddings have shape {matrix.shape} for {len(names)} labels",
            remedy="pass one label a clip",
        )
    if not np.isfinite(matrix).all():
        row = int(np.argmax(~np.isfinite(matrix).all(axis=1)))
        raise DataError(
            f"the embedding in row {row} holds NaN or infinity",
            remedy="check the clip and the model",
        )
    return matrix, names
