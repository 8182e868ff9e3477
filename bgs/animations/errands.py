"""What keeps agents busy in a world of things to carry: fetch one, bring it to a corner, rest, go on.

Two agents that help share a thing and a corner; two that hinder each other share the thing but not the corner; others
carry things of their own, or nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bgs.animations.behaviours import Controls, FloatArray
from bgs.animations.routes import find_detours
from bgs.animations.steering import unit
from bgs.animations.worlds import Layout, World

_ERRAND_SHARE = 0.9  # of the agents that would only walk about
_NUM_CORNERS = 16
_GRIP = 0.04  # a gap up to which a thing is held
_NEAR = 0.1  # from here on an aim is approached more slowly
_ARRIVED = 0.12
_DEEP = 1.1  # things are carried into the corner, beyond its middle
_PACE = (0.15, 1.6)  # a spell's pace, as a share of the agent's speed


class Errands:
    """The errands of both agents of every clip, advanced step by step."""

    def __init__(
        self, controls: Controls, *, layout: Layout, world: World, rng: np.random.Generator
    ) -> None:
        if world.landmarks is None:
            raise ValueError(f"the world {world.name!r} has no corners to carry things to")
        count = len(controls.speed)
        self.rng, self.walls, self.world = rng, layout.walls, world
        self.radii, self.corners, self.speed = layout.radii, world.landmarks, controls.speed
        shared = np.abs(controls.push).min(axis=1) > 0
        walkers = (np.abs(controls.push) == 0) & (controls.approach >= 0)
        own = walkers & (rng.random((count, 2)) < _ERRAND_SHARE)
        self.task = np.where(own, 0.8, np.abs(controls.push))  # (clips, 2) how keenly
        first = np.where(shared, 2, rng.integers(2, 4, count))  # what is shared is the first thing
        self.thing = np.stack([first, np.where(shared, first, 5 - first)], axis=1)
        corners = rng.integers(0, len(self.corners), (count, 2, _NUM_CORNERS))
        agree = shared & (np.sign(controls.push).prod(axis=1) > 0)
        corners[agree, 1] = corners[agree, 0]
        against = shared & ~agree
        corners[against, 1] = (corners[against, 0] + 2) % len(self.corners)  # the opposite one
        self.plan = corners
        self.hop = np.zeros((count, 2), dtype=int)
        self.going = rng.random((count, 2)) < 0.8
        self.pace = rng.uniform(*_PACE, (count, 2))
        self.settled = replace(
            controls,
            push=np.zeros_like(controls.push),
            wander=np.where(own, 0.0, controls.wander),
        )

    def step(self, desired: FloatArray, *, places: FloatArray, seconds: float) -> FloatArray:
        """What the agents do in the next moment: (clips, 2, 2) velocities, errands and rests included."""
        self._change_spells(seconds)
        rows = np.arange(len(places))[:, None]
        things = places[rows, self.thing]  # (clips, 2, 2)
        corners = _DEEP * self.corners[self.plan[rows, np.array([[0, 1]]), self.hop]]
        there = np.linalg.norm(things - corners, axis=-1) < _ARRIVED
        self.hop = (self.hop + (there & (self.task > 0))) % _NUM_CORNERS
        held = self._held(places)
        agents = places[:, :2]
        aims = np.where(
            held[..., None], corners + agents - things, things
        )  # the thing shall arrive
        way = find_detours(agents, aims, self.walls) - agents
        nearing = np.minimum(np.linalg.norm(way, axis=-1, keepdims=True) / _NEAR, 1.0)
        drive = unit(way) * nearing * (self.task * self.speed)[..., None]
        total = desired + drive
        size = np.linalg.norm(total, axis=-1, keepdims=True)
        limit = self.speed[..., None]
        total = total / np.maximum(size / limit, 1.0)
        return np.asarray(total * (self.going * self.pace)[..., None])

    def carry(self, velocity: FloatArray, *, places: FloatArray) -> None:
        """Let things move with whoever holds them, in place; two holders drag each other along."""
        held = self._held(places)
        for thing in (2, 3):
            holds = held & (self.thing == thing)  # (clips, 2)
            number = holds.sum(axis=1)
            together = (velocity[:, :2] * holds[..., None]).sum(axis=1)
            together /= np.maximum(number, 1)[:, None]
            moved = np.where((number > 0)[:, None], together, velocity[:, thing])
            velocity[:, thing] = moved
            dragged = 0.5 * (velocity[:, :2] + moved[:, None])
            velocity[:, :2] = np.where(holds[..., None], dragged, velocity[:, :2])

    def _held(self, places: FloatArray) -> FloatArray:
        rows = np.arange(len(places))[:, None]
        apart = np.linalg.norm(places[rows, self.thing] - places[:, :2], axis=-1)
        gap = apart - self.radii[:, :2] - self.radii[rows, self.thing]
        return np.asarray((gap < _GRIP) & (self.task > 0))

    def _change_spells(self, seconds: float) -> None:
        rate = np.where(self.going, 1 / self.world.going_seconds, 1 / self.world.resting_seconds)
        changes = self.rng.random(rate.shape) < rate * seconds
        self.going ^= changes
        self.pace = np.where(changes, self.rng.uniform(*_PACE, rate.shape), self.pace)
