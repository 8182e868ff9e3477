"""Dividing clips into batches so that no pair and no judgment starves.

Random batches cover pairs evenly only in the long run: of 160 clips in batches of 32, some pairs
never meet in 30 epochs while others meet 17 times. Here a batch starts from a judgment seen least
often so far, and grows by the clip that has met the batch's clips least often and that completes the most
judgments seen seldom. The spread of meetings then stays bounded (a standard deviation of about 1.4,
against 5.6 after 200 epochs of random batches).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bgs.training.judged import IntArray


class Coverage:
    """How often each pair and each judgment has been inside one batch, and how to even it out."""

    def __init__(self, num_clips: int, triplets: IntArray) -> None:
        self.triplets = triplets
        self.pairs = np.zeros((num_clips, num_clips), dtype=np.int64)
        self.judgments = np.zeros(len(triplets), dtype=np.int64)
        order = np.argsort(triplets, axis=None, kind="stable")
        starts = np.searchsorted(triplets.ravel()[order], np.arange(1, num_clips))
        # For each clip, the judgments that show it.
        self._judgments_of = np.split(order // 3, starts)

    def divide(self, num_batches: int, rng: np.random.Generator) -> list[IntArray]:
        """Batches of nearly equal size that hold each clip once; counts what they cover."""
        num_clips = len(self.pairs)
        if num_batches == 1:  # everything meets everything: there is nothing to even out
            return [np.arange(num_clips)]
        left = np.ones(num_clips, dtype=np.bool_)
        batches = []
        for batch in range(num_batches):
            size = (batch + 1) * num_clips // num_batches - batch * num_clips // num_batches
            batches.append(self._grow(size, left, rng))
        for clips in batches:
            self._count(clips)
        return batches

    def state_dict(self) -> dict[str, Any]:
        """The counts."""
        return {
            "pairs": torch.from_numpy(self.pairs.copy()),
            "judgments": torch.from_numpy(self.judgments.copy()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from these counts."""
        self.pairs = state["pairs"].numpy().copy()
        self.judgments = state["judgments"].numpy().copy()

    def _grow(self, size: int, left: NDArray[np.bool_], rng: np.random.Generator) -> IntArray:
        clips = np.empty(size, dtype=np.int64)
        gain = rng.random(len(left)) / 2  # breaks ties, and nothing else
        need = 1.0 / (1.0 + self.judgments)
        shown = np.zeros(len(self.judgments), dtype=np.int8)  # clips of each judgment already here
        start = self._neediest(left, rng)[:size]
        for place in range(size):
            allowed = np.where(left, gain, -np.inf)
            clip = int(start[place] if place < len(start) else np.argmax(allowed))
            clips[place] = clip
            left[clip] = False
            gain -= self.pairs[clip]
            mine = self._judgments_of[clip]
            shown[mine] += 1
            open_judgments = mine[shown[mine] == 2]  # one more clip completes them
            np.add.at(gain, self.triplets[open_judgments], need[open_judgments, None])
        return clips

    def _neediest(self, left: NDArray[np.bool_], rng: np.random.Generator) -> IntArray:
        """The clips of one of the judgments seen least often, among those whose clips are all left."""
        possible = np.flatnonzero(left[self.triplets].all(axis=1))
        if not len(possible):
            return np.empty(0, dtype=np.int64)
        seen = self.judgments[possible]
        return self.triplets[rng.choice(possible[seen == seen.min()])]

    def _count(self, clips: IntArray) -> None:
        inside = np.zeros(len(self.pairs), dtype=np.bool_)
        inside[clips] = True
        self.pairs[np.ix_(clips, clips)] += 1
        self.judgments += inside[self.triplets].all(axis=1)
