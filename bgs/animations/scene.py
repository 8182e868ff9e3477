"""A scene: who is where when, between which walls; nothing about how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bgs.animations.behaviours import FloatArray
from bgs.errors import BgsError


@dataclass(frozen=True)
class Scene:
    """Trajectories of agents and objects, with the room they move in.

    positions (entities, steps, 2) in room halves (the room is [-1, 1] on its longer side), headings
    (entities, steps) in radians, sizes (entities,) as radii, agents the indices of the entities
    that act, walls (walls, 2, 2) segment ends, landmarks (landmarks, 2).
    """

    positions: FloatArray
    headings: FloatArray
    sizes: FloatArray
    agents: tuple[int, ...] = (0, 1)
    walls: FloatArray = field(default_factory=lambda: np.zeros((0, 2, 2), np.float32))
    landmarks: FloatArray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    world_size: tuple[float, float] = (2.0, 2.0)
    steps_per_second: float = 24.0
    relation: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        positions = self.positions
        if positions.ndim != 3 or positions.shape[2] != 2 or positions.shape[1] < 2:
            raise BgsError(
                f"scene positions have shape {positions.shape}, not (entities, steps >= 2, 2)",
                remedy="pass x and y of every entity at two steps or more",
            )
        entities, steps, _ = positions.shape
        if len(self.agents) < 2 or max(self.agents) >= entities:
            raise BgsError(
                f"scene has {entities} entities but its agents are {self.agents}",
                remedy="a scene needs at least two agents among its entities",
            )
        shapes = {
            "headings": (self.headings.shape, (entities, steps)),
            "sizes": (self.sizes.shape, (entities,)),
            "walls": (self.walls.shape[1:], (2, 2)),
            "landmarks": (self.landmarks.shape[1:], (2,)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise BgsError(
                    f"scene {name} have shape {found}, expected {expected}",
                    remedy=f"give {name} that agree with positions {positions.shape}",
                )
        for name in ("positions", "headings", "sizes", "walls", "landmarks"):
            if not np.isfinite(getattr(self, name)).all():
                raise BgsError(
                    f"scene {name} contain values that are not finite",
                    remedy=f"remove or interpolate the missing {name} first",
                )
        if not (self.sizes > 0).all() or self.steps_per_second <= 0:
            raise BgsError(
                "scene sizes and steps_per_second must be above 0",
                remedy="give every entity a radius and the scene a rate",
            )

    @property
    def num_entities(self) -> int:
        """Agents and objects together."""
        return int(self.positions.shape[0])

    @property
    def num_steps(self) -> int:
        """Steps of the trajectories."""
        return int(self.positions.shape[1])

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.num_steps / self.steps_per_second

    @property
    def objects(self) -> tuple[int, ...]:
        """Entities that do not act."""
        return tuple(k for k in range(self.num_entities) if k not in self.agents)

    def at(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Positions (entities, times, 2) and headings (entities, times), linear between steps."""
        place = np.clip(times * self.steps_per_second - 0.5, 0, self.num_steps - 1)
        low = np.minimum(place.astype(int), self.num_steps - 2)
        part = place - low
        near, far = self.positions[:, low], self.positions[:, low + 1]
        turn = self.headings[:, low + 1] - self.headings[:, low]
        turn = (turn + np.pi) % (2 * np.pi) - np.pi
        return near + (far - near) * part[:, None], self.headings[:, low] + turn * part

    def __repr__(self) -> str:
        return (
            f"Scene(entities={self.num_entities}, agents={len(self.agents)}, "
            f"steps={self.num_steps}, seconds={self.seconds:.1f}, walls={len(self.walls)}, "
            f"landmarks={len(self.landmarks)}, relation={self.relation!r})"
        )
