"""Distances made visible: an order, groups, a map, neighbours, and judgments that flipped.

Conventions
-----------
- Order and groups come from the human distances alone, so a model cannot choose the arrangement that
  flatters it. Pairs nobody judged are filled with the mean of their two clips for this purpose only.
- Maps are classical MDS, turned (never stretched) towards the human map so that they can be compared.
- A model's odd one out is the clip outside the closest of the three pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage, optimal_leaf_ordering
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Arrangement:
    """Clips in the order of a dendrogram, and the group each belongs to."""

    order: IntArray  # (clips,) positions, as drawn from left to right
    groups: IntArray  # (clips,) group 0, 1, ... of each clip, numbered along the order


def arrange(human: RDM, *, num_groups: int = 4) -> Arrangement:
    """Ward clustering of the human distances; leaves ordered so that neighbours are alike."""
    square = fill_unobserved(human)
    condensed = squareform(square, checks=False)
    tree = optimal_leaf_ordering(linkage(condensed, method="ward"), condensed)
    order = leaves_list(tree).astype(np.int64)
    labels = fcluster(tree, t=min(num_groups, len(human)), criterion="maxclust")
    along = {label: rank for rank, label in enumerate(dict.fromkeys(labels[order]))}
    return Arrangement(order, np.array([along[label] for label in labels], dtype=np.int64))


def fill_unobserved(rdm: RDM) -> FloatArray:
    """The square matrix with each unobserved pair at the mean of its two clips' mean distances."""
    square = rdm.square()  # (clips, clips)
    np.fill_diagonal(square, np.nan)
    known = ~np.isnan(square)
    overall = square[known].mean() if known.any() else 1.0
    sums = np.where(known, square, 0.0).sum(axis=1)
    means = np.divide(
        sums, known.sum(axis=1), out=np.full(len(rdm), overall), where=known.any(axis=1)
    )
    filled = np.where(known, square, (means[:, None] + means[None, :]) / 2)
    np.fill_diagonal(filled, 0.0)
    return filled


def rank_distances(rdm: RDM) -> FloatArray:
    """The square matrix of ranks from 0 (closest pair) to 1 (furthest), NaN where unobserved.

    Agreement is scored with Spearman's correlation, so ranks are what a reader should compare.
    """
    ranks = np.full(len(rdm.dissimilarities), np.nan)
    if rdm.num_pairs:
        observed = rankdata(rdm.dissimilarities[rdm.observed])  # ties share their mean rank
        ranks[rdm.observed] = (observed - 1) / max(rdm.num_pairs - 1, 1)
    square = squareform(ranks, checks=False)
    np.fill_diagonal(square, np.nan)
    return np.asarray(square, dtype=np.float64)


def map_clips(rdm: RDM, *, towards: FloatArray | None = None) -> tuple[FloatArray, float]:
    """Two coordinates a clip by classical MDS, and the share of the (positive) variance they show."""
    squared = fill_unobserved(rdm) ** 2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    top = np.maximum(values[::-1][:2], 0.0)
    points = vectors[:, ::-1][:, :2] * np.sqrt(top)  # (clips, 2)
    # An eigenvector's sign is arbitrary: the first clip that is off the axis fixes it.
    points *= np.where(points[np.abs(points).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    if towards is not None:
        points = points @ orthogonal_procrustes(points, towards)[0]
    total = np.maximum(values, 0.0).sum()
    return points, float(top.sum() / total) if total > 0 else 0.0


def nearest_clips(rdm: RDM, *, count: int) -> IntArray:
    """The `count` nearest other clips of every clip, nearest first: (clips, count) positions."""
    square = rdm.square()
    np.fill_diagonal(square, np.inf)
    return np.argsort(square, axis=1, kind="stable")[:, :count].astype(np.int64)


@dataclass(frozen=True)
class Flip:
    """One judgment on which two models disagree."""

    clips: tuple[int, int, int]  # the two people left together, then the one they found odd
    before: int  # position 0..2 of the clip the first model finds odd
    after: int
    change: float  # how much the margin of the human choice grew


def find_flips(before: RDM, after: RDM, triads: IntArray) -> tuple[list[Flip], list[Flip]]:
    """Judgments that went from wrong to right, and from right to wrong, largest change first."""
    first, first_margin = _odd_ones(before, triads)
    second, second_margin = _odd_ones(after, triads)
    change = second_margin / _spread(before, after)[1] - first_margin / _spread(before, after)[0]
    mended = np.flatnonzero((first != 2) & (second == 2))
    broken = np.flatnonzero((first == 2) & (second != 2))

    def flips(rows: IntArray, sign: int) -> list[Flip]:
        ordered = rows[np.argsort(-sign * change[rows], kind="stable")]
        return [
            Flip((int(a), int(b), int(c)), int(first[row]), int(second[row]), float(change[row]))
            for row, (a, b, c) in zip(ordered, triads[ordered], strict=True)
        ]

    return flips(mended, 1), flips(broken, -1)


def _odd_ones(rdm: RDM, triads: IntArray) -> tuple[IntArray, FloatArray]:
    """Which of the three a model finds odd, and by how much it favours the human choice."""
    square = rdm.square()
    a, b, odd = triads.T
    # The distance of the pair that is left when clip 0, 1 or 2 is taken out.
    left = np.stack([square[b, odd], square[a, odd], square[a, b]], axis=1)  # (judgments, 3)
    margin = np.minimum(left[:, 0], left[:, 1]) - left[:, 2]
    # A tie goes against the model: it is right only where the human pair is strictly closest.
    choice = np.where(margin > 0, 2, left[:, :2].argmin(axis=1))
    return choice.astype(np.int64), margin


def _spread(*rdms: RDM) -> tuple[float, ...]:
    # Models differ in the scale of their distances; margins are compared in standard deviations.
    return tuple(float(np.nanstd(rdm.dissimilarities)) or 1.0 for rdm in rdms)
