"""Where scenes are set: how many things there are, how large, behind which walls, and how they are handled.

`DEMO_WORLD` is the demo's: one thing that is pushed, at most one wall. `PHASE_WORLD` is laid out like PHASE: a square
room quartered by walls with gaps, a marked corner in each quarter, small bodies, two things that are carried, and
agents that stop and go. Its numbers match the marginal statistics of 60 PHASE trajectories (`bgs.animations.marginals`:
distances, speeds, contact, walls); what people said about those was not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.animations.behaviours import Controls, FloatArray

CORNERS = np.array([[-0.75, -0.75], [0.75, -0.75], [0.75, 0.75], [-0.75, 0.75]])
_PHASE_RADII = np.array([0.08, 0.101, 0.12, 0.16])
_PHASE_RADIUS_CHANCE = np.array(
    [[0.66, 0.12, 0.12, 0.10], [0.42, 0.22, 0.26, 0.10]]
)  # agents, things
_PHASE_WALLS = np.array([0.5, 0.75, 1.0])  # lengths, from the middle of the room outwards
_PHASE_WALL_CHANCE = np.array([0.31, 0.44, 0.25])
_PHASE_WALL_COUNT = (0.05, 0.0, 0.2, 0.4, 0.35)  # chance of 0, 1, 2, 3, 4 walls


@dataclass
class Layout:
    """How a batch of clips begins; arrays start with (clips, bodies), agents first."""

    places: FloatArray
    radii: FloatArray
    walls: FloatArray  # (clips, walls, 2, 2), NaN where a clip has fewer
    present: NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """A kind of room and how things are done in it."""

    name: str
    sample_layout: Callable[[Controls, np.random.Generator], Layout]
    seconds: float  # how long a clip takes to happen
    edge: float = 0.72  # from here outwards agents are turned back into the room
    carries: bool = False  # things are carried to marked corners, not pushed anywhere
    going_seconds: float = 0.0  # mean length of a spell of walking; 0: agents never rest
    resting_seconds: float = 0.0
    landmarks: FloatArray | None = None

    def __repr__(self) -> str:
        return f"World({self.name!r}, seconds={self.seconds:g})"


def _lay_out_demo(controls: Controls, rng: np.random.Generator) -> Layout:
    """Starting places, sizes, walls, and whether there is an object."""
    count = len(controls.speed)
    base = rng.uniform(0.115, 0.18, count)
    ratio = np.exp(rng.uniform(-0.35, 0.35, count))
    radii = np.stack([base * ratio, base / ratio, rng.uniform(0.1, 0.15, count)], axis=1)
    places = rng.uniform(-0.75, 0.75, (count, 3, 2))
    angle = rng.uniform(0, 2 * np.pi, count)
    distance = controls.start_gap + radii[:, 0] + radii[:, 1]
    offset = np.stack([np.cos(angle), np.sin(angle)], axis=1) * distance[:, None] / 2
    middle = rng.uniform(-0.6, 0.6, (count, 2))
    places[:, 0], places[:, 1] = middle - offset, middle + offset
    works = np.abs(controls.push).max(axis=1) > 0
    near = middle + rng.normal(0, 0.35, (count, 2))
    places[:, 2] = np.where(works[:, None], near, places[:, 2])
    walls = rng.uniform(-0.8, 0.8, (count, 1, 1, 2)) + np.zeros((count, 1, 2, 2))
    length = rng.uniform(0.4, 0.9, (count, 1))
    upright = rng.random((count, 1)) < 0.5
    walls[:, :, 1, 0] += np.where(upright, 0, length)
    walls[:, :, 1, 1] += np.where(upright, length, 0)
    walls[rng.random(count) < 0.6] = np.nan
    present = np.ones((count, 3), dtype=bool)
    present[:, 2] = works | (rng.random(count) < 0.7)
    return Layout(np.clip(places, -0.88, 0.88), radii, walls, present)


def _lay_out_phase(controls: Controls, rng: np.random.Generator) -> Layout:
    """Walls from the middle outwards, leaving a gap unless they reach the outer wall; bodies away from them."""
    count = len(controls.speed)
    sizes = [rng.choice(_PHASE_RADII, (count, 2), p=chance) for chance in _PHASE_RADIUS_CHANCE]
    radii = np.concatenate(sizes, axis=1)
    grid = np.array([-0.8, -0.4, 0.4, 0.8])
    spots = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    chosen = rng.random((count, len(spots))).argsort(axis=1)[:, :4]
    places = spots[chosen] + rng.uniform(-0.1, 0.1, (count, 4, 2))
    directions = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    length = rng.choice(_PHASE_WALLS, (count, 4), p=_PHASE_WALL_CHANCE)
    walls = np.zeros((count, 4, 2, 2))
    walls[:, :, 1] = directions * length[..., None]
    number = rng.choice(5, count, p=_PHASE_WALL_COUNT)
    rank = rng.random((count, 4)).argsort(axis=1).argsort(axis=1)
    walls[rank >= number[:, None]] = np.nan
    return Layout(places, radii, walls, np.ones((count, 4), dtype=bool))


DEMO_WORLD = World("demo", _lay_out_demo, seconds=3.0)
PHASE_WORLD = World(
    "phase",
    _lay_out_phase,
    seconds=12.0,
    edge=0.95,
    carries=True,
    going_seconds=1.6,
    resting_seconds=0.5,
    landmarks=CORNERS,
)
