"""Spearman under many weightings at once: what every bootstrap sample of pairs of clips asks for.

In the order of a model's values a pair's rank is the weight of all pairs up to it, so the covariance of its ranks
with anything centred is a sum over running totals, and its spread follows from the weights alone: w copies of a pair
are tied with each other, and with T in all the squared centred ranks add up to (T^3 - sum of w^3) / 12.

Running totals are made in strips that lie side by side, so that one step adds a whole row:

    order   0 1 2 3 | 4 5 6 7 | 8 9 . .         strips of 4; `.` is padding of weight 0
    row 0   0 4 8       row 1  += row 0, ...    then each strip is lifted by the totals of those before it

Weights are whole numbers and centred mid-ranks are halves of whole numbers, so all sums are exact below 2^53 and do
not depend on the order in which they are made: a few hundred clips give the same bits as the definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bgs.evaluation.correlation import Variable, centred_correlation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_LONGEST = 32  # a strip; shorter where there are few pairs, so that rows stay wide
_WIDTH = 64  # strips there should be at least


@dataclass(frozen=True, repr=False)
class RankedModel:
    """One side of a correlation, sorted once and cut into strips; a model with ties has none."""

    variable: Variable
    places: IntArray | None  # (length * strips,) pairs row by row, or one past the last for padding
    length: int

    @classmethod
    def of(cls, values: FloatArray) -> RankedModel:
        """Sort a model's values."""
        variable = Variable(np.asarray(values))
        count = len(variable.order)
        length = int(np.clip(count // _WIDTH, 1, _LONGEST))
        if len(variable.ends) < count:
            return cls(variable, None, length)
        places = np.full(-(-count // length) * length, count)
        places[:count] = variable.order
        return cls(variable, np.ascontiguousarray(places.reshape(-1, length).T).ravel(), length)


class WeightedPairs:
    """Some samples of the pairs and what people say in them, with which any number of models are correlated.

    `weights` and `people` are (pairs, samples); `people` is centred under these weights (see `Variable.centred`).
    """

    def __init__(self, weights: FloatArray, people: FloatArray) -> None:
        self._weights = weights
        self._people = people
        nothing = np.zeros((1, weights.shape[1]))
        self._padded = np.concatenate([weights, nothing])
        self._pulls = np.concatenate([weights * people, nothing])
        self._buffers: tuple[FloatArray, FloatArray] = (np.empty((0, 0)), np.empty((0, 0)))

    def __repr__(self) -> str:
        return f"WeightedPairs({self._weights.shape[0]} pairs, {self._weights.shape[1]} samples)"

    def correlate(self, model: RankedModel) -> FloatArray:
        """Spearman in every sample: (samples,); NaN where undefined."""
        if model.places is None:
            return centred_correlation(
                model.variable.centred(self._weights), self._people, self._weights
            )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(
                (self._covariance(model.length, model.places) - self._own) / self._spread
            )

    @cached_property
    def _own(self) -> FloatArray:
        """A pair's rank is the middle of its own copies, half of which lie above it."""
        return np.einsum("ps,ps->s", self._pulls[:-1], self._weights) / 2

    @cached_property
    def _spread(self) -> FloatArray:
        total = self._weights.sum(axis=0)
        model = (
            total**3 - np.einsum("ps,ps,ps->s", self._weights, self._weights, self._weights)
        ) / 12
        people = np.einsum("ps,ps->s", self._pulls[:-1], self._people)
        return np.asarray(np.sqrt(model * people))

    def _covariance(self, length: int, places: IntArray) -> FloatArray:
        """Sum over pairs of what people say times the weight of all pairs up to this one: (samples,)."""
        samples = self._weights.shape[1]
        shape = (len(places), samples)
        if self._buffers[0].shape != shape:  # the same for all models without ties
            self._buffers = (np.empty(shape), np.empty(shape))
        totals, pulls = self._buffers
        # mode="clip" lets numpy write straight into `out`; every place exists.
        np.take(self._padded, places, axis=0, out=totals, mode="clip")
        np.take(self._pulls, places, axis=0, out=pulls, mode="clip")
        rows = totals.reshape(length, -1)
        for row in range(1, length):
            np.add(rows[row], rows[row - 1], out=rows[row])
        before = np.cumsum(rows[-1].reshape(-1, samples), axis=0)[:-1]  # (strips - 1, samples)
        pulled = pulls.reshape(length, -1).sum(axis=0).reshape(-1, samples)[1:]
        within = np.einsum("ps,ps->s", pulls, totals)
        return np.asarray(within + np.einsum("bs,bs->s", pulled, before))
