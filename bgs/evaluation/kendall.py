"""Kendall's tau-a under many weightings at once, so that it can have bootstrap intervals like the others.

Conventions
-----------
- Tau-a: concordant less discordant, over all pairs of units; ties count 0. (A unit here is a pair of clips.)
- A weight says how many times a unit is in the sample. A unit and its own copy are no pair: they would
  be a tie that nobody observed. With weights of 1 this is the usual tau-a.

In the order of the first variable, units are merged as in a merge sort: in every block of twice the size each
unit of the right half meets all of the left half, and what counts is how much weight lies below it in the
second variable and how much above. Who meets whom does not depend on the weights, so it is worked out once, in
n log n, and then serves thousands of weightings as sums and look-ups.

    order of first   0 1 2 3 4 5 6 7        blocks of 2: (0 1) (2 3) (4 5) (6 7)
                                            of 4: (0 1 | 2 3) (4 5 | 6 7)     of 8: (0 1 2 3 | 4 5 6 7)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class _Level:
    """All blocks of one size: their units by block and second variable, and who is compared with what."""

    order: IntArray  # (units,) places in the order of the first variable
    left: FloatArray  # (units, 1) 1 where the unit belongs to the left half of its block
    right: IntArray  # (right units,) places in the order of the first variable
    below: IntArray  # (right units,) how many units of `order` come before those equal to it
    through: IntArray  # (right units,) the same, those equal to it included
    start: IntArray  # (right units,) where its block begins in `order`
    stop: IntArray  # (right units,) where it ends


class KendallTau:
    """Tau-a between two variables, sorted once so that every weighting costs no sorting."""

    def __init__(self, first: FloatArray, second: FloatArray) -> None:
        codes = np.unique(second, return_inverse=True)[1].astype(np.int64)
        self._order = np.lexsort((codes, first))  # ties in `first` in the order of `second`
        self._codes = codes[self._order]
        runs = np.r_[True, np.diff(first[self._order]) != 0]
        self._runs = np.flatnonzero(runs)
        self._equal = np.flatnonzero(runs | np.r_[True, np.diff(self._codes) != 0])
        self._levels = list(_levels(self._codes))

    def __repr__(self) -> str:
        return f"KendallTau({len(self._order)} units)"

    def under(self, weights: FloatArray) -> FloatArray:
        """Tau-a under each column of weights: (units, samples) -> (samples,)."""
        sorted_weights = np.ascontiguousarray(weights[self._order])
        agreement = sum(
            (
                np.einsum("us,us->s", sorted_weights[level.right], _lead(level, sorted_weights))
                for level in self._levels
            ),
            np.zeros(weights.shape[1]),
        )
        # Units tied in `first` were compared in the order of `second`, as if they all agreed.
        tied, equal = (np.add.reduceat(sorted_weights, at) for at in (self._runs, self._equal))
        agreement -= ((tied**2).sum(axis=0) - (equal**2).sum(axis=0)) / 2
        pairs = (weights.sum(axis=0) ** 2 - (weights**2).sum(axis=0)) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(agreement / pairs)

    def influence(self) -> FloatArray:
        """How far each unit pulls tau-a: its derivative with respect to that unit's weight; sums to 0."""
        count = len(self._order)
        ones = np.ones((count, 1))
        agreement = np.zeros(count)
        for level in self._levels:
            agreement[level.right] += _lead(level, ones)[:, 0]
        # What comes later agrees with what comes earlier: the same, with both variables turned round.
        for level in _levels(self._codes.max() - self._codes[::-1]):
            agreement[count - 1 - level.right] += _lead(level, ones)[:, 0]
        for starts, sign in ((self._runs, -1.0), (self._equal, 1.0)):
            sizes = np.diff(np.r_[starts, count])
            agreement += sign * np.repeat(sizes, sizes)
        mean = agreement / (count - 1)  # of each unit's agreement with the others
        pull = np.empty(count)
        pull[self._order] = 2 * (mean - mean.mean()) / count
        return pull


def _lead(level: _Level, weights: FloatArray) -> FloatArray:
    """For each right unit the weight below it in the left half, less the weight above it: (right, samples)."""
    cumulated = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights[level.order] * level.left, axis=0, out=cumulated[1:])
    lead = cumulated[level.below] + cumulated[level.through]
    lead -= cumulated[level.start]
    lead -= cumulated[level.stop]
    return lead


def _levels(codes: IntArray) -> Iterator[_Level]:
    """Blocks of 2, 4, 8, ... units; `codes` are ranks of the second variable in the order of the first."""
    count = len(codes)
    places = np.arange(count)
    half = 1
    while half < count:
        block = places // (2 * half)
        order = np.argsort(block * (int(codes.max()) + 1) + codes, kind="stable")
        is_left = places % (2 * half) < half
        fresh = np.r_[True, (np.diff(codes[order]) != 0) | (np.diff(block[order]) != 0)]
        starts = np.flatnonzero(fresh)
        run = np.cumsum(fresh) - 1
        right = np.flatnonzero(~is_left[order])  # positions in `order`
        yield _Level(
            order=order,
            left=is_left[order].astype(np.float64)[:, None],
            right=order[right],
            below=starts[run[right]],
            through=np.r_[starts[1:], count][run[right]],
            start=block[order][right] * 2 * half,
            stop=np.minimum((block[order][right] + 1) * 2 * half, count),
        )
        half *= 2
