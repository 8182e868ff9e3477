"""Retention: what a model knew before people taught it, it should still know.

A linear probe (logistic regression, penalty chosen inside the training clips) and a
k-nearest-neighbour vote by cosine, on embeddings and labels of any labelled set of clips, before
and after, on the same splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bgs.errors import DataError
from bgs.evaluation.bootstrap import MIN_CLIPS, QUANTILES, Interval

FloatArray = NDArray[np.float64]
Labels = NDArray[np.str_]
PENALTIES = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class RetentionScore:
    """Accuracy of both probes on held-out clips."""

    linear: float
    knn: float
    hits: NDArray[np.bool_] = field(repr=False, compare=False)  # (2, test clips), linear first


@dataclass(frozen=True)
class Retention:
    """Accuracy before and after, one entry a seed; chance is the share of the commonest label."""

    before: tuple[RetentionScore, ...]
    after: tuple[RetentionScore, ...]
    seeds: tuple[int, ...]
    chance: float
    num_clips: int
    num_test: int
    num_labels: int
    intervals: dict[str, Interval | None]  # of the differences, over groups of clips

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
    groups: Sequence[str] | None = None,
    num_neighbours: int = 10,
    seed: int = 0,
) -> RetentionScore:
    """Both probes fitted on `train` and scored on `test`, as for a data set with its own split.

    `groups` is about the training clips.
    """
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
    unknown = np.setdiff1d(truth, y)
    if len(unknown):
        raise DataError(
            f"label {str(unknown[0])!r} has test clips and no training clip",
            remedy="bring training clips of every label, or leave its test clips out",
        )
    linear = _fit_linear(x, y, _check_groups(groups, y), seed=seed).predict(other) == truth
    knn = _vote(x, y, other, num_neighbours=num_neighbours) == truth
    return RetentionScore(float(np.mean(linear)), float(np.mean(knn)), np.stack([linear, knn]))


def compare_retention(
    before: ArrayLike,
    after: ArrayLike,
    labels: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    is_test: Sequence[bool] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    test_fraction: float = 0.3,
    num_neighbours: int = 10,
) -> Retention:
    """Both embeddings of the same clips on the same splits, one split a seed.

    `is_test` is a data set's own split, of which a seed only draws the folds that choose the penalty.
    """
    first, truth = _check(before, labels)
    second = first if after is before else _check(after, labels)[0]
    members = _check_groups(groups, truth)
    held_out = [
        hold_out_groups(truth, members, test_fraction=test_fraction, seed=seed)
        if is_test is None
        else np.asarray(is_test, dtype=np.bool_)
        for seed in seeds
    ]

    def probe(matrix: FloatArray) -> tuple[RetentionScore, ...]:
        return tuple(
            probe_labels(
                matrix[~test],
                truth[~test].tolist(),
                matrix[test],
                truth[test].tolist(),
                groups=members[~test].tolist(),
                num_neighbours=num_neighbours,
                seed=seed,
            )
            for test, seed in zip(held_out, seeds, strict=True)
        )

    scores = probe(first)
    later = scores if second is first else probe(second)
    _, counts = np.unique(truth[held_out[0]], return_counts=True)
    changes = np.concatenate(
        [b.hits.astype(float) - a.hits for a, b in zip(scores, later, strict=True)], axis=1
    )  # (2, clips tested under all seeds)
    tested = np.concatenate([members[test] for test in held_out])
    return Retention(
        before=scores,
        after=later,
        seeds=tuple(seeds),
        chance=float(counts.max() / counts.sum()),
        num_clips=len(truth),
        num_test=int(held_out[0].sum()),
        num_labels=len(np.unique(truth)),
        intervals={
            name: change_interval(change, tested, seed=seeds[0])
            for name, change in zip(("linear", "knn"), changes, strict=True)
        },
    )


def change_interval(
    changes: FloatArray, groups: Labels, *, num_bootstrap: int = 1000, seed: int = 0
) -> Interval | None:
    """Of the mean change in hits (-1, 0 or 1 a clip), for other groups like these; None where there are too few."""
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < MIN_CLIPS:
        return None
    totals, sizes = np.bincount(codes, weights=changes), np.bincount(codes)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=num_bootstrap)
    low, high = np.quantile(draws @ totals / (draws @ sizes), QUANTILES)
    return (float(low), float(high))


def hold_out_groups(
    labels: Labels, groups: Labels, *, test_fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Which clips are held out: of every label about this share of its groups, one at least and never all."""
    rng = np.random.default_rng(seed)
    test = np.zeros(len(labels), dtype=np.bool_)
    names = np.unique(labels)
    for label in names:
        inside = np.unique(groups[labels == label])
        if len(inside) < 2 or len(names) < 2:
            raise DataError(
                f"label {str(label)!r} has {len(inside)} clips or recordings among {len(names)} labels",
                remedy="bring two labels or more with two clips or recordings or more each",
            )
        size = min(max(round(test_fraction * len(inside)), 1), len(inside) - 1)
        test |= (labels == label) & np.isin(groups, rng.permutation(inside)[:size])
    return test


def _fit_linear(
    matrix: FloatArray, labels: Labels, groups: Labels, *, seed: int
) -> GridSearchCV | Pipeline:
    fewest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    if fewest < 2:  # nothing to choose a penalty with
        return model.fit(matrix, labels)
    folds = StratifiedGroupKFold(n_splits=min(3, fewest), shuffle=True, random_state=seed)
    grid = {"logisticregression__C": list(PENALTIES)}
    return GridSearchCV(model, grid, cv=folds).fit(matrix, labels, groups=groups)


def _check_groups(groups: Sequence[str] | None, labels: Labels) -> Labels:
    """The group of each clip; every clip its own where none are named."""
    if groups is None:
        return np.arange(len(labels)).astype(np.str_)
    if len(groups) != len(labels):
        raise DataError(f"{len(groups)} groups for {len(labels)} clips", remedy="pass one a clip")
    return np.asarray(groups, dtype=np.str_)


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
