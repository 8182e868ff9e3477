"""Simulated people whose geometry is known, so that every statistic has a truth to be held against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bgs.data.triplets import Triplets
from bgs.rdm import RDM


@dataclass(frozen=True)
class World:
    """Clips with a latent position, and how people choose among three of them."""

    latent: np.ndarray  # (clips, width)
    temperature: float

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"clip{index:03d}" for index in range(len(self.latent)))

    @property
    def rdm(self) -> RDM:
        return RDM.from_embeddings(self.ids, self.latent)

    def choice_probabilities(self, clips: np.ndarray) -> np.ndarray:
        """Probability that each position is the odd one: (judgments, 3)."""
        square = self.rdm.square()
        first, second, third = clips.T
        across = np.stack(
            [square[second, third], square[first, third], square[first, second]], axis=1
        )
        weights = np.exp(-(across - across.min(axis=1, keepdims=True)) / self.temperature)
        return weights / weights.sum(axis=1, keepdims=True)

    def judge(
        self,
        num_judgments: int,
        *,
        seed: int,
        num_participants: int | None = 20,
        clips: np.ndarray | None = None,
    ) -> Triplets:
        """Judgments of random triads (or of `clips`) by people who share the world's geometry."""
        rng = np.random.default_rng([seed, 7])
        if clips is None:
            clips = rng.random((num_judgments, len(self.latent))).argpartition(3, axis=1)[:, :3]
            clips = rng.permuted(clips, axis=1)
        steps = self.choice_probabilities(clips).cumsum(axis=1)
        odd = (rng.random((len(clips), 1)) > steps[:, :2]).sum(axis=1)
        people = (
            None if num_participants is None else rng.integers(num_participants, size=len(clips))
        )
        return Triplets(
            ids=self.ids,
            clips=clips,
            odd=odd,
            participants=people,
            participant_ids=()
            if people is None
            else tuple(f"p{i}" for i in range(num_participants)),
            name="simulated",
            simulated=True,
        )

    def expected_rdm(self) -> RDM:
        """What the human RDM tends to as judgments of random triads grow without end."""
        size = len(self.latent)
        grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        different = (
            (grid[:, 0] != grid[:, 1]) & (grid[:, 0] != grid[:, 2]) & (grid[:, 1] != grid[:, 2])
        )
        kept = np.zeros(len(grid))
        kept[different] = self.choice_probabilities(grid[different])[:, 2]
        together = kept.reshape(size, size, size).sum(axis=2) / (size - 2)
        together = (together + together.T) / 2  # equal but for rounding
        dissimilarity = 1 - together
        np.fill_diagonal(dissimilarity, 0.0)
        return RDM.from_square(self.ids, dissimilarity)


def make_world(
    num_clips: int = 24, *, width: int = 4, temperature: float = 0.3, seed: int = 0
) -> World:
    return World(np.random.default_rng(seed).normal(size=(num_clips, width)), temperature)


@pytest.fixture(scope="session")
def new_world():
    return make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def judgments(world: World) -> Triplets:
    return world.judge(1500, seed=1)


@dataclass(frozen=True)
class Social250:
    """The public release, read as plainly as can be so that these tests lean on nothing else."""

    triplets: Triplets
    test: tuple[str, ...]
    train: tuple[str, ...]
    folder: Path


@pytest.fixture(scope="session")
def social250(shared_data: Path) -> Social250:
    folder = shared_data / "social250"
    frame = pd.read_csv(folder / "interim/similarity/all_triplets.csv")
    clips = frame[["stim1_name", "stim2_name", "stim3_name"]].to_numpy()
    clean = np.array([len(set(row)) == 3 for row in clips])
    frame, clips = frame[clean], clips[clean]
    people, names = pd.factorize(frame["participation"])
    test = tuple(str(clip) for clip in pd.read_csv(folder / "raw/utils/test.csv")["index"])
    ids = tuple(str(clip) for clip in range(250))
    triplets = Triplets(
        ids=ids,
        clips=clips,
        odd=(clips == frame["choice"].to_numpy()[:, None]).argmax(axis=1),
        participants=people,
        participant_ids=tuple(names),
        name="social250",
    )
    return Social250(triplets, test, tuple(clip for clip in ids if clip not in set(test)), folder)
