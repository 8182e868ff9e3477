"""Simulated participants: who they are, which three clips they see, and which one they pick as odd.

A participant holds clips in a space of social variables, weighs its dimensions in an own way, and keeps
together the two clips that lie closest there, with softmax noise: of the three pairs of a triad, pair p
is kept with probability exp(-d_p / t) / sum over pairs, d the distance in the participant's space and t
the participant's temperature. Some answer carelessly; attention checks (one clip shown twice) show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.animations.behaviours import FloatArray
from bgs.errors import BgsError

PAIRS = np.array([[1, 2], [0, 2], [0, 1]])  # the pair that stays when position k is odd


@dataclass(frozen=True)
class Crowd:
    """Simulated participants: weights (people, dimensions), temperature and lapse rate (people,)."""

    weights: FloatArray
    temperature: FloatArray
    lapse: FloatArray

    @property
    def size(self) -> int:
        """How many people."""
        return len(self.weights)

    @property
    def names(self) -> list[str]:
        """Ids that say that nobody is real."""
        return [f"sim_p{k + 1:02d}" for k in range(self.size)]

    def __repr__(self) -> str:
        return f"Crowd(people={self.size}, dimensions={self.weights.shape[1]})"


def sample_crowd(
    weights: FloatArray,
    *,
    rng: np.random.Generator,
    size: int = 40,
    spread: float = 0.3,
    temperature: float = 0.3,
    careless_share: float = 0.08,
) -> Crowd:
    """People around one shared geometry: log-normal weights and temperatures, a few careless ones."""
    if size < 1:
        raise BgsError(f"{size} simulated participants", remedy="ask for at least one")
    lapse = rng.beta(1.0, 40.0, size)
    careless = rng.permutation(size)[: round(size * careless_share)]
    lapse[careless] = rng.uniform(0.4, 0.8, len(careless))
    return Crowd(
        weights=weights * np.exp(rng.normal(0, spread, (size, len(weights)))),
        temperature=temperature * np.exp(rng.normal(0, 0.2, size)),
        lapse=lapse,
    )


def odd_probabilities(
    points: FloatArray, *, weights: FloatArray, temperature: FloatArray, lapse: FloatArray
) -> FloatArray:
    """Probability that each of three clips is picked as odd, (triads, 3).

    points (triads, 3, dimensions); weights (triads, dimensions); temperature and lapse (triads,).
    """
    scaled = points * weights[:, None]
    distance = np.linalg.norm(scaled[:, PAIRS[:, 0]] - scaled[:, PAIRS[:, 1]], axis=-1)
    logit = -distance / temperature[:, None]
    chosen = np.exp(logit - logit.max(axis=1, keepdims=True))
    chosen /= chosen.sum(axis=1, keepdims=True)
    return (1 - lapse[:, None]) * chosen + lapse[:, None] / 3


def even_triads(
    clips: NDArray[np.integer], count: int, *, rng: np.random.Generator
) -> NDArray[np.intp]:
    """`count` triads of `clips` that show every pair about equally often, (count, 3).

    Greedy: the least shown clip, its least shown partner, then the third least shown with both.
    """
    size = len(clips)
    if size < 3:
        raise BgsError(f"{size} clips cannot make a triad", remedy="give at least three clips")
    shown = np.zeros((size, size))
    np.fill_diagonal(shown, np.inf)
    total = np.zeros(size)
    triads = np.empty((count, 3), dtype=np.intp)
    for row in range(count):
        noise = rng.random(size) * 0.5
        first = int(np.argmin(total + noise))
        second = int(np.argmin(shown[first] + noise))
        third = int(np.argmin(shown[first] + shown[second] + noise))
        for one, two in ((first, second), (first, third), (second, third)):
            shown[one, two] += 1
            shown[two, one] += 1
        total[[first, second, third]] += 1
        triads[row] = first, second, third
    return clips[rng.permuted(triads, axis=1)]


def attention_checks(num_clips: int, count: int, *, rng: np.random.Generator) -> NDArray[np.intp]:
    """Triads that show one clip twice, in random places, (count, 3)."""
    pairs = np.array([rng.choice(num_clips, 2, replace=False) for _ in range(count)])
    triads = np.stack([pairs[:, 0], pairs[:, 0], pairs[:, 1]], axis=1).reshape(count, 3)
    return rng.permuted(triads, axis=1)


def judge_triads(
    triads: NDArray[np.integer],
    points: FloatArray,
    *,
    crowd: Crowd,
    clips: Sequence[str],
    rng: np.random.Generator,
    trials_per_session: int = 150,
) -> pd.DataFrame:
    """Hand the triads out to the crowd and let everyone answer; one row a judgment.

    Columns: clip_1, clip_2, clip_3, odd, participant, session, trial, response_time (seconds).
    """
    triads = triads[rng.permutation(len(triads))]
    person = np.arange(len(triads)) % crowd.size
    chance = odd_probabilities(
        points[triads],
        weights=crowd.weights[person],
        temperature=crowd.temperature[person],
        lapse=crowd.lapse[person],
    )
    odd = (chance.cumsum(axis=1) < rng.random((len(triads), 1))).sum(axis=1).clip(0, 2)
    doubt = -(chance * np.log(chance + 1e-9)).sum(axis=1)
    pace = np.exp(rng.normal(0, 0.25, crowd.size))[person]
    seconds = pace * (2.0 + 2.5 * doubt) * np.exp(rng.normal(0, 0.35, len(triads)))
    trial = np.arange(len(triads)) // crowd.size + 1
    names = np.array(clips)
    frame = pd.DataFrame(
        {
            "clip_1": names[triads[:, 0]],
            "clip_2": names[triads[:, 1]],
            "clip_3": names[triads[:, 2]],
            "odd": names[triads[np.arange(len(triads)), odd]],
            "participant": np.array(crowd.names)[person],
            "session": (trial - 1) // trials_per_session + 1,
            "trial": trial,
            "response_time": np.round(seconds, 3),
        }
    )
    return frame.sort_values(["participant", "trial"], kind="stable").reset_index(drop=True)
