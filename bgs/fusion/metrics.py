"""How answers are scored, each data set by the metrics of its authors.

Conventions
-----------
- `picked` and `truth` are lists of labels of equal length; `scores` are (examples, labels), columns in the
  order of `labels`.
- Accuracy, F1, recall and average precision are shares, 0 to 1. Classes that occur in neither truth nor
  answers are left out of a macro mean, and a class that has no example has no recall and no average precision.
- Distances between points are in shares of the picture, as GazeFollow reports them: its width counts as much
  as its height.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, f1_score, recall_score, roc_auc_score

from bgs.errors import DataError

FloatArray = NDArray[np.float64]


def accuracy(picked: Sequence[str], truth: Sequence[str]) -> float:
    """Share of right answers."""
    _check_equal(picked, truth)
    return float(np.mean(np.asarray(picked) == np.asarray(truth)))


def macro_f1(picked: Sequence[str], truth: Sequence[str]) -> float:
    """Mean over labels of the harmonic mean of precision and recall."""
    _check_equal(picked, truth)
    return float(f1_score(list(truth), list(picked), average="macro", zero_division=0))


def recalls(picked: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Of the examples of each label that occurs, the share that was found."""
    _check_equal(picked, truth)
    present = [label for label in labels if label in set(truth)]
    found = recall_score(list(truth), list(picked), labels=present, average=None, zero_division=0)
    return {label: float(value) for label, value in zip(present, found, strict=True)}


def average_precisions(
    scores: ArrayLike, truth: Sequence[str], labels: Sequence[str]
) -> dict[str, float]:
    """The area under precision over recall of each label that occurs, one label against all others."""
    table = np.asarray(scores, dtype=np.float64)  # (examples, labels)
    if table.shape != (len(truth), len(labels)):
        raise DataError(
            f"scores of shape {table.shape} for {len(truth)} examples and {len(labels)} labels",
            remedy="give one row an example and one column a label",
        )
    answers = np.asarray(truth)
    return {
        label: float(average_precision_score(answers == label, table[:, column]))
        for column, label in enumerate(labels)
        if (answers == label).any()
    }


def mean_average_precision(scores: ArrayLike, truth: Sequence[str], labels: Sequence[str]) -> float:
    """The mean of the average precisions of the labels that occur."""
    return float(np.mean(list(average_precisions(scores, truth, labels).values())))


def concordance(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Lin's concordance correlation: 1 only where every prediction is right, in place and in scale.

    2 cov / (var + var + (difference of means)^2), with variances over n, as AffectNet's authors compute it.
    """
    first, second = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    _check_equal(first, second)
    apart = (first.mean() - second.mean()) ** 2
    spread = first.var() + second.var() + apart
    if spread == 0:
        return 1.0  # both say the same one thing
    return float(2 * np.mean((first - first.mean()) * (second - second.mean())) / spread)


def heatmap_auc(heatmap: ArrayLike, points: Sequence[tuple[float, float]]) -> float:
    """How well a heat map tells the cells that raters pointed at from all others (area under the ROC).

    Ties count half. The map may have any size; each point marks the cell it falls into.
    """
    grid = np.asarray(heatmap, dtype=np.float64)  # (rows, columns)
    marked = np.zeros(grid.shape, dtype=bool)
    for x, y in points:
        marked[_cell(y, grid.shape[0]), _cell(x, grid.shape[1])] = True
    if not marked.any() or marked.all():
        raise DataError(
            f"{int(marked.sum())} of {marked.size} cells are pointed at",
            remedy="give one point or more, and a map with more cells than points",
        )
    return float(roc_auc_score(marked.ravel(), grid.ravel()))


def point_distances(
    predicted: tuple[float, float], points: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """(Distance to the mean of the raters' points, distance to the nearest of them)."""
    said = np.asarray(points, dtype=np.float64)  # (raters, 2)
    if not len(said):
        raise DataError("no rater pointed anywhere", remedy="leave the example out")
    place = np.asarray(predicted, dtype=np.float64)
    nearest = np.linalg.norm(said - place, axis=1).min()
    return float(np.linalg.norm(said.mean(axis=0) - place)), float(nearest)


def angular_error(
    origin: tuple[float, float],
    predicted: tuple[float, float],
    points: Sequence[tuple[float, float]],
) -> float:
    """Degrees between the line of gaze that was predicted and the one to the mean of the raters' points."""
    eye = np.asarray(origin, dtype=np.float64)
    ours = np.asarray(predicted, dtype=np.float64) - eye
    theirs = np.mean(np.asarray(points, dtype=np.float64), axis=0) - eye
    lengths = np.linalg.norm(ours) * np.linalg.norm(theirs)
    if lengths == 0:
        return 180.0  # no direction at all is as wrong as can be
    return float(np.degrees(np.arccos(np.clip(ours @ theirs / lengths, -1, 1))))


def peak(heatmap: ArrayLike) -> tuple[float, float]:
    """Where a heat map is highest: the middle of that cell; among equals, of the mean of them."""
    grid = np.asarray(heatmap, dtype=np.float64)
    rows, columns = np.nonzero(grid == grid.max())
    return float((columns.mean() + 0.5) / grid.shape[1]), float((rows.mean() + 0.5) / grid.shape[0])


def _cell(share: float, cells: int) -> int:
    return int(np.clip(np.floor(share * cells), 0, cells - 1))


def _check_equal(
    first: Sequence[object] | FloatArray, second: Sequence[object] | FloatArray
) -> None:
    if len(first) != len(second) or not len(first):
        raise DataError(
            f"{len(first)} answers for {len(second)} examples",
            remedy="give one answer an example, and one example at least",
        )
