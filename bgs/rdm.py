"""Representational dissimilarity matrices that know their clips.

Conventions
-----------
- It always means DISsimilarity: 0 is "the same", larger is "further apart".
- The upper triangle is stored condensed, row by row, as `scipy.spatial.distance.squareform` does::

        ids a b c d          condensed
          a . 0 1 2
          b   . 3 4    ->    [ab, ac, ad, bc, bd, cd]
          c     . 5
          d       .

- A pair nobody observed is NaN with count 0, never a distance of 0.
- Two RDMs are combined by clip id or not at all; position means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import squareform

from bgs.errors import DataError

if TYPE_CHECKING:
    from rsatoolbox.rdm.rdms import RDMs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)
class RDM:
    """Dissimilarities between all pairs of clips, with the number of observations behind each."""

    ids: tuple[str, ...]
    dissimilarities: FloatArray  # (pairs,) condensed, NaN where unobserved
    counts: FloatArray  # (pairs,) observations behind each pair

    def __post_init__(self) -> None:
        ids = tuple(str(clip) for clip in self.ids)
        values = np.array(self.dissimilarities, dtype=np.float64)
        counts = np.array(self.counts, dtype=np.float64)
        _check_ids(ids)
        pairs = len(ids) * (len(ids) - 1) // 2
        for name, array in (("dissimilarities", values), ("counts", counts)):
            if array.shape != (pairs,):
                raise DataError(
                    f"{name} have shape {array.shape} but {len(ids)} clips make {pairs} pairs",
                    remedy="pass the condensed upper triangle, row by row",
                )
        if np.isinf(values).any():
            raise DataError(
                "an RDM holds an infinite dissimilarity", remedy="mark it NaN if unobserved"
            )
        if (counts < 0).any() or not np.isfinite(counts).all():
            raise DataError(
                "an RDM holds a negative or missing count", remedy="counts are 0 or more"
            )
        values.setflags(write=False)
        counts.setflags(write=False)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "dissimilarities", values)
        object.__setattr__(self, "counts", counts)

    @classmethod
    def from_condensed(
        cls, ids: Iterable[str], dissimilarities: ArrayLike, *, counts: ArrayLike | None = None
    ) -> RDM:
        """An RDM from its condensed upper triangle; without counts every observed pair counts once."""
        values = np.asarray(dissimilarities, dtype=np.float64)
        known = (~np.isnan(values)).astype(np.float64) if counts is None else counts
        return cls(tuple(ids), values, np.asarray(known, dtype=np.float64))

    @classmethod
    def from_square(
        cls, ids: Iterable[str], matrix: ArrayLike, *, counts: ArrayLike | None = None
    ) -> RDM:
        """An RDM from a symmetric matrix with a zero diagonal; anything else is refused."""
        square = np.asarray(matrix, dtype=np.float64)
        ids = tuple(ids)
        _check_square(ids, square)
        condensed = square[np.triu_indices(len(ids), k=1)]
        if counts is None:
            return cls.from_condensed(ids, condensed)
        table = np.asarray(counts, dtype=np.float64)
        if table.shape != square.shape:
            raise DataError(
                f"counts have shape {table.shape}, the matrix {square.shape}",
                remedy="give one count for every pair of the same clips",
            )
        return cls.from_condensed(ids, condensed, counts=table[np.triu_indices(len(ids), k=1)])

    @classmethod
    def from_embeddings(cls, ids: Iterable[str], embeddings: ArrayLike) -> RDM:
        """Cosine distances (1 - cosine) between the rows of `embeddings`, one row a clip."""
        ids = tuple(ids)
        matrix = np.asarray(embeddings, dtype=np.float64)  # (clips, width)
        if matrix.ndim != 2 or len(matrix) != len(ids):
            raise DataError(
                f"embeddings have shape {matrix.shape} for {len(ids)} clips",
                remedy="pass one row a clip",
            )
        _check_embeddings(ids, matrix)
        unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
        cosine = unit @ unit.T
        rows, columns = np.triu_indices(len(ids), k=1)
        return cls.from_condensed(ids, np.clip(1.0 - cosine[rows, columns], 0.0, 2.0))

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Which condensed pairs carry a dissimilarity."""
        return ~np.isnan(self.dissimilarities)

    @property
    def num_pairs(self) -> int:
        """How many pairs are observed."""
        return int(self.observed.sum())

    def square(self) -> FloatArray:
        """The symmetric matrix, zero on the diagonal, NaN where unobserved."""
        return np.asarray(squareform(self.dissimilarities), dtype=np.float64)

    def restrict(self, ids: Sequence[str]) -> RDM:
        """The RDM of these clips, in this order; an unknown clip is refused."""
        position = {clip: index for index, clip in enumerate(self.ids)}
        missing = [clip for clip in ids if clip not in position]
        if missing:
            raise DataError(
                f"clip {missing[0]!r} is not in this RDM of {len(self.ids)} clips"
                + (f" (nor are {len(missing) - 1} others)" if len(missing) > 1 else ""),
                remedy="restrict to clips that both sides have",
            )
        _check_ids(tuple(ids))
        order = np.array([position[clip] for clip in ids])
        rows, columns = np.triu_indices(len(ids), k=1)
        condensed = condensed_index(order[rows], order[columns], num_clips=len(self.ids))
        return RDM(tuple(ids), self.dissimilarities[condensed], self.counts[condensed])

    def to_rsatoolbox(self) -> RDMs:
        """One RDM of `rsatoolbox.rdm.RDMs`: pattern descriptor `clip`, counts among the descriptors.

        rsatoolbox matches patterns by position, so subset both sides by `clip` before comparing there.
        """
        from rsatoolbox.rdm.rdms import RDMs  # slow to import, and few need it

        return RDMs(
            self.dissimilarities[None, :].copy(),
            dissimilarity_measure="1 - together / shown",
            descriptors={"counts": self.counts.tolist(), "counts_clips": list(self.ids)},
            pattern_descriptors={"clip": list(self.ids)},
        )

    @classmethod
    def from_rsatoolbox(cls, rdms: RDMs, *, clip: str = "clip", index: int | None = None) -> RDM:
        """An RDM of `rsatoolbox`, its clips named by the pattern descriptor `clip`."""
        if index is None and rdms.n_rdm != 1:
            raise DataError(
                f"{rdms.n_rdm} RDMs where one is wanted", remedy="choose one by `index`"
            )
        if clip not in rdms.pattern_descriptors:
            known = ", ".join(sorted(rdms.pattern_descriptors))
            raise DataError(
                f"no pattern descriptor {clip!r} (there are: {known})",
                remedy="name the one with clip ids",
            )
        values = np.asarray(rdms.dissimilarities[index or 0], dtype=np.float64)
        ids = tuple(str(name) for name in rdms.pattern_descriptors[clip])
        counts = rdms.descriptors.get("counts") if rdms.n_rdm == 1 else None
        if counts is not None:  # by clip: patterns may have been subset or reordered since
            counted = cls.from_condensed(rdms.descriptors["counts_clips"], counts)
            counts = counted.restrict(ids).dissimilarities
        return cls.from_condensed(ids, values, counts=counts)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RDM):
            return NotImplemented
        return (
            self.ids == other.ids
            and np.array_equal(self.dissimilarities, other.dissimilarities, equal_nan=True)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        pairs = len(self.dissimilarities)
        return (
            f"RDM({len(self.ids)} clips, {self.num_pairs}/{pairs} pairs observed, "
            f"{self.counts.sum():g} observations)"
        )


def align(first: RDM, second: RDM) -> tuple[RDM, RDM]:
    """Both RDMs over the same clips in the order of `first`; refused unless the clips are the same."""
    only_first = sorted(set(first.ids) - set(second.ids))
    only_second = sorted(set(second.ids) - set(first.ids))
    if only_first or only_second:
        example = (only_first or only_second)[0]
        raise DataError(
            f"the two RDMs are not about the same clips: {len(only_first)} only in the first, "
            f"{len(only_second)} only in the second (such as {example!r})",
            remedy="restrict both to the clips they share",
        )
    return first, second.restrict(first.ids)


def condensed_index(rows: IntArray, columns: IntArray, *, num_clips: int) -> IntArray:
    """Where the pairs (rows, columns) stand in the condensed upper triangle; order within a pair is free."""
    low = np.minimum(rows, columns).astype(np.int64)
    high = np.maximum(rows, columns).astype(np.int64)
    return low * (2 * num_clips - low - 1) // 2 + (high - low - 1)


def _check_ids(ids: tuple[str, ...]) -> None:
    if len(ids) < 2:
        raise DataError(f"{len(ids)} clips make no pair", remedy="an RDM needs 2 clips or more")
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = next(clip for clip in ids if clip in seen or seen.add(clip))  # type: ignore[func-returns-value]
        raise DataError(f"clip {twice!r} is listed twice", remedy="name each clip once")


def _check_square(ids: tuple[str, ...], square: FloatArray) -> None:
    if square.shape != (len(ids), len(ids)):
        raise DataError(
            f"a matrix of shape {square.shape} for {len(ids)} clips",
            remedy="pass one row and one column a clip",
        )
    if not np.allclose(square, square.T, equal_nan=True):
        raise DataError("the matrix is not symmetric", remedy="pass d(i, j) = d(j, i)")
    diagonal = np.diag(square)
    if not np.allclose(diagonal[~np.isnan(diagonal)], 0.0):
        raise DataError(
            f"the diagonal holds {diagonal[~np.isnan(diagonal)].max():g} where a dissimilarity is 0",
            remedy="convert a similarity to 1 - similarity first",
        )


def _check_embeddings(ids: tuple[str, ...], matrix: FloatArray) -> None:
    broken = ~np.isfinite(matrix).all(axis=1)
    if broken.any():
        raise DataError(
            f"the embedding of clip {ids[int(np.argmax(broken))]!r} holds NaN or infinity "
            f"({int(broken.sum())} of {len(ids)} clips)",
            remedy="check the clip and the model's precision",
        )
    empty = np.linalg.norm(matrix, axis=1) == 0
    if empty.any():
        raise DataError(
            f"the embedding of clip {ids[int(np.argmax(empty))]!r} is all zeros",
            remedy="a direction is needed for a cosine",
        )
