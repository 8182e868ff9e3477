"""Clips that people put under one of a few labels: how often each, and how far apart that makes two clips.

Conventions
-----------
- The human distance of two clips is the Jensen-Shannon distance (base 2, so from 0 to 1) between their
  shares of labels. It is a metric, finite where a label was never given, and hears of small shares,
  which total variation passes over; no order of the labels is assumed.
- Few people rate a clip. Shares are those expected under a flat-ish prior (Jeffreys: half a vote a label),
  so that 10 of 10 stands a little less far out than 20 of 20, and nothing is certain.
- A clip whose two commonest labels tie has no majority: it has a geometry, but no label to predict.
- A clip is clear where its commonest label leads the next by a margin in shares of votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PRIOR_VOTES = 0.5
NO_MAJORITY = -1


@dataclass(frozen=True, repr=False, eq=False)
class RatedClips:
    """How many people gave each clip each label."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    counts: IntArray  # (clips, labels)

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts)
        expected = (len(self.ids), len(self.labels))
        if counts.shape != expected or len(self.labels) < 2:
            raise DataError(
                f"rating counts have shape {counts.shape} for {expected[0]} clips and {expected[1]} labels",
                remedy="give one row a clip and one column a label, two labels or more",
            )
        if not np.issubdtype(counts.dtype, np.number) or not np.isfinite(counts).all():
            raise DataError("a rating count is missing", remedy="count people as 0, 1, 2, ...")
        broken = ((counts < 0) | (counts != np.round(counts))).any(axis=1)
        if broken.any():
            clip = self.ids[int(np.argmax(broken))]
            raise DataError(
                f"a rating count of clip {clip!r} is not a whole number of people",
                remedy="count people as 0, 1, 2, ...",
            )
        unrated = counts.sum(axis=1) == 0
        if unrated.any():
            raise DataError(
                f"nobody rated clip {self.ids[int(np.argmax(unrated))]!r}",
                remedy="leave out clips without ratings",
            )
        object.__setattr__(self, "counts", counts.astype(np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        people = self.counts.sum(axis=1)
        return f"RatedClips({len(self)} clips, {', '.join(self.labels)}, {people.min()}-{people.max()} people each)"

    @property
    def majority(self) -> IntArray:
        """The commonest label of each clip as a position in `labels`, NO_MAJORITY where two tie: (clips,)."""
        return majority_of(self.counts)

    @property
    def lead(self) -> FloatArray:
        """By which share of the votes the commonest label leads the next: (clips,)."""
        shares = np.sort(self.counts / self.counts.sum(axis=1, keepdims=True), axis=1)
        return np.asarray(shares[:, -1] - shares[:, -2])

    def restrict(self, ids: Sequence[str]) -> RatedClips:
        """These clips in this order; an unknown one is refused."""
        position = {clip: row for row, clip in enumerate(self.ids)}
        missing = [clip for clip in ids if clip not in position]
        if missing:
            raise DataError(
                f"clip {missing[0]!r} has no ratings ({len(missing)} of {len(ids)} clips)",
                remedy="rate every clip, or leave it out",
            )
        return RatedClips(tuple(ids), self.labels, self.counts[[position[clip] for clip in ids]])


def majority_of(counts: IntArray) -> IntArray:
    """The commonest label of each row of (..., labels), NO_MAJORITY where two tie."""
    top = counts.max(axis=-1, keepdims=True)
    tied = (counts == top).sum(axis=-1) > 1
    return np.asarray(np.where(tied, NO_MAJORITY, counts.argmax(axis=-1)), dtype=np.int64)


def rating_geometry(rated: RatedClips, *, prior_votes: float = PRIOR_VOTES) -> RDM:
    """Distances between what people said of each pair of clips; a pair counts as its less rated clip does."""
    rows, columns = np.triu_indices(len(rated), k=1)
    people = rated.counts.sum(axis=1)
    return RDM(
        rated.ids,
        jensen_shannon(smoothed_shares(rated.counts, prior_votes=prior_votes)),
        np.minimum(people[rows], people[columns]).astype(np.float64),
    )


def smoothed_shares(counts: IntArray, *, prior_votes: float = PRIOR_VOTES) -> FloatArray:
    """Expected shares of labels, (..., labels), given the votes and `prior_votes` more for each label."""
    votes = counts + prior_votes
    return np.asarray(votes / votes.sum(axis=-1, keepdims=True))


def jensen_shannon(shares: FloatArray) -> FloatArray:
    """Jensen-Shannon distances between the rows of (clips, labels): (pairs,) condensed, each 0 to 1."""
    rows, columns = np.triu_indices(len(shares), k=1)
    middle = (shares[rows] + shares[columns]) / 2  # (pairs, labels)
    own = _entropy(shares)
    divergence = _entropy(middle) - (own[rows] + own[columns]) / 2
    return np.asarray(np.sqrt(np.clip(divergence, 0.0, 1.0)))


def _entropy(shares: FloatArray) -> FloatArray:
    """In bits, (rows,); 0 log 0 is 0."""
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=-1))
