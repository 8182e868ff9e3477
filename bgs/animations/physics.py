"""Moves agents and objects: steering forces, walls, collisions and pushing, many clips at once.

The room is the square [-1, 1] x [-1, 1]; lengths are in room halves, times in seconds. All clips of
a batch advance together, so a second of computing yields thousands of clips.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bgs.animations.behaviours import Controls, FloatArray
from bgs.animations.errands import Errands
from bgs.animations.routes import find_detours
from bgs.animations.scene import Scene
from bgs.animations.steering import Percepts, desired_velocity, unit
from bgs.animations.worlds import DEMO_WORLD, Layout, World

STEPS_PER_SECOND = 24
CLIP_SECONDS = 3.0
_NUM_WAYPOINTS = 32
_STEPS_TO_GET_GOING = STEPS_PER_SECOND // 4  # before the clip starts
_DT = 1.0 / STEPS_PER_SECOND
WALL_HALF_WIDTH = 0.025


@dataclass(frozen=True)
class Motion:
    """Trajectories of a batch: two agents first, then objects.

    positions (clips, entities, steps, 2), headings (clips, entities, steps), radii (clips,
    entities), walls (clips, walls, 2, 2) with NaN where a clip has fewer walls, present (clips,
    entities) False where a clip lacks an object.
    """

    positions: FloatArray
    headings: FloatArray
    radii: FloatArray
    walls: FloatArray
    present: NDArray[np.bool_]
    landmarks: FloatArray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    steps_per_second: float = STEPS_PER_SECOND
    relations: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        clips, entities, steps, _ = self.positions.shape
        return f"Motion(clips={clips}, entities={entities}, steps={steps})"


@dataclass
class _Bodies:
    """The moving state of a batch, changed in place; arrays start with (clips, bodies)."""

    places: FloatArray
    velocity: FloatArray
    heading: FloatArray
    radii: FloatArray
    walls: FloatArray
    present: NDArray[np.bool_]


def _collide_bodies(bodies: _Bodies) -> None:
    """Push overlapping bodies apart; objects give way, agents meet as equals."""
    places, velocity, radii = bodies.places, bodies.velocity, bodies.radii
    for one, two in combinations(range(places.shape[1]), 2):
        between = places[:, two] - places[:, one]
        distance = np.linalg.norm(between, axis=-1, keepdims=True)
        normal = between / (distance + 1e-6)
        overlap = radii[:, one, None] + radii[:, two, None] - distance
        hit = (overlap > 0) & bodies.present[:, two, None] & bodies.present[:, one, None]
        share = 0.15 if one < 2 <= two else 0.5
        move = np.where(hit, overlap, 0.0) * normal
        places[:, one] -= move * share
        places[:, two] += move * (1 - share)
        closing = ((velocity[:, one] - velocity[:, two]) * normal).sum(-1, keepdims=True)
        impulse = np.where(hit, np.maximum(closing, 0), 0.0) * normal
        velocity[:, one] -= impulse * share * 1.2
        velocity[:, two] += impulse * (1 - share) * 1.2


def _collide_walls(bodies: _Bodies) -> None:
    """Keep bodies off the inner walls and inside the room."""
    places, velocity, radii, walls = bodies.places, bodies.velocity, bodies.radii, bodies.walls
    for wall in range(walls.shape[1]):
        start, along = walls[:, wall, 0, None], (walls[:, wall, 1] - walls[:, wall, 0])[:, None]
        length2 = (along**2).sum(-1, keepdims=True)
        t = np.clip(((places - start) * along).sum(-1, keepdims=True) / length2, 0, 1)
        apart = places - (start + t * along)
        distance = np.linalg.norm(apart, axis=-1, keepdims=True)
        overlap = radii[..., None] + WALL_HALF_WIDTH - distance
        hit = overlap > 0  # False for absent walls, whose overlap is NaN
        normal = apart / (distance + 1e-6)
        places += np.where(hit, overlap * normal, 0.0)
        inward = np.minimum((velocity * normal).sum(-1, keepdims=True), 0)
        velocity -= np.where(hit, inward * normal, 0.0)
    limit = 1.0 - radii[..., None]
    outside = np.abs(places) > limit
    np.copyto(places, np.clip(places, -limit, limit))
    velocity[outside] *= -0.2


def _turn_heads(bodies: _Bodies) -> None:
    """Agents come to face where they move, the sooner the faster they are; objects never turn."""
    speed = np.linalg.norm(bodies.velocity, axis=-1)
    aim = np.arctan2(bodies.velocity[..., 1], bodies.velocity[..., 0])
    turn = (aim - bodies.heading + np.pi) % (2 * np.pi) - np.pi
    bodies.heading[:, :2] += (turn * np.minimum(speed * 12 * _DT, 0.6))[:, :2]


class _Plans:
    """Where agents are heading: waypoints to walk to, a goal for the object, a beat for lunges."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.waypoints = rng.uniform(-0.85, 0.85, (count, 2, _NUM_WAYPOINTS, 2))
        self.hop = np.zeros((count, 2), dtype=int)
        self.goal = unit(rng.normal(size=(count, 2))) * rng.uniform(0.6, 0.95, (count, 1))
        self.phase = rng.uniform(0, 2 * np.pi, (count, 2))

    def waypoint(self, agents: FloatArray) -> FloatArray:
        """The current waypoints; an agent that arrives, or tires of one, gets the next."""
        rows = np.arange(len(agents))[:, None]
        current = self.waypoints[rows, np.array([[0, 1]]), self.hop]
        near = np.linalg.norm(current - agents, axis=-1) < 0.25
        tired = self.rng.random(near.shape) < 0.5 * _DT
        self.hop = (self.hop + (near | tired)) % _NUM_WAYPOINTS
        return current


def simulate_motion(
    controls: Controls,
    *,
    rng: np.random.Generator,
    seconds: float | None = None,
    relations: tuple[str, ...] = (),
    world: World = DEMO_WORLD,
) -> Motion:
    """Let every clip of `controls` run for `seconds`; the same generator state, the same motion.

    What takes longer than a clip to happen (`world.seconds`) is shown faster.
    """
    happening = world.seconds if seconds is None else seconds
    count, steps = len(controls.speed), round(happening * STEPS_PER_SECOND)
    bodies = _place_bodies(world.sample_layout(controls, rng))
    plans = _Plans(count, rng)
    bodies.heading = rng.uniform(-np.pi, np.pi, bodies.radii.shape)
    errands = _start_errands(controls, bodies, world, rng)
    if errands is not None:
        controls = errands.settled
    lag = np.round(controls.delay * STEPS_PER_SECOND).astype(int)
    track, speeds = np.empty((2, steps, *bodies.places.shape))
    facing = np.empty((steps, *bodies.heading.shape))
    rows, both = np.arange(count)[:, None], np.array([[1, 0]])
    for step in range(-_STEPS_TO_GET_GOING, steps):
        past = np.maximum(step - 1 - lag, 0)
        known = step >= 1
        percepts = Percepts(
            places=bodies.places,
            other_place=track[past, rows, both] if known else bodies.places[:, [1, 0]],
            other_velocity=speeds[past, rows, both] if known else bodies.velocity[:, [1, 0]],
            waypoint=plans.waypoint(bodies.places[:, :2]),
            goal=plans.goal,
            seconds=step * _DT,
            edge=world.edge,
        )
        if errands is not None:
            percepts = _go_around(percepts, controls, bodies)
        desired = desired_velocity(controls, percepts, radii=bodies.radii, phase=plans.phase)
        if errands is not None:
            desired = errands.step(desired, places=bodies.places, seconds=_DT)
        _move(bodies, desired, agility=controls.agility, errands=errands)
        if step >= 0:
            track[step], speeds[step], facing[step] = bodies.places, bodies.velocity, bodies.heading
    return Motion(
        positions=track.transpose(1, 2, 0, 3).astype(np.float32),
        headings=facing.transpose(1, 2, 0).astype(np.float32),
        radii=bodies.radii.astype(np.float32),
        walls=bodies.walls.astype(np.float32),
        present=bodies.present,
        landmarks=np.asarray(
            np.zeros((0, 2)) if world.landmarks is None else world.landmarks, dtype=np.float32
        ),
        steps_per_second=steps / (CLIP_SECONDS if seconds is None else seconds),
        relations=relations,
    )


def _place_bodies(layout: Layout) -> _Bodies:
    return _Bodies(
        places=layout.places,
        velocity=np.zeros_like(layout.places),
        heading=np.zeros_like(layout.radii),
        radii=layout.radii,
        walls=layout.walls,
        present=layout.present,
    )


def _start_errands(
    controls: Controls, bodies: _Bodies, world: World, rng: np.random.Generator
) -> Errands | None:
    """Errands where things are carried; None where they are pushed, or left alone."""
    if not world.carries:
        return None
    layout = Layout(bodies.places, bodies.radii, bodies.walls, bodies.present)
    return Errands(controls, layout=layout, world=world, rng=rng)


def _go_around(percepts: Percepts, controls: Controls, bodies: _Bodies) -> Percepts:
    """The same percepts with walls taken into account: what is sought is sought by the way to it."""
    agents = bodies.places[:, :2]
    seeks = (controls.approach > 0)[..., None]
    other = find_detours(agents, percepts.other_place, bodies.walls)
    return replace(
        percepts,
        other_place=np.where(seeks, other, percepts.other_place),
        waypoint=find_detours(agents, percepts.waypoint, bodies.walls),
    )


def _move(
    bodies: _Bodies, desired: FloatArray, *, agility: FloatArray, errands: Errands | None
) -> None:
    """One step: velocities follow wishes, things slow down, nothing passes through anything."""
    gain = np.minimum(agility * _DT, 1.0)[..., None]
    bodies.velocity[:, :2] += (desired - bodies.velocity[:, :2]) * gain
    bodies.velocity[:, 2:] *= np.exp(-3.0 * _DT)
    if errands is not None:
        errands.carry(bodies.velocity, places=bodies.places)
    bodies.places += bodies.velocity * _DT
    _collide_bodies(bodies)
    _collide_walls(bodies)
    _turn_heads(bodies)


def scene_of(motion: Motion, clip: int) -> Scene:
    """One clip of a batch as a scene; objects and walls it lacks are left out."""
    here = motion.present[clip]
    walls = motion.walls[clip]
    return Scene(
        positions=motion.positions[clip][here],
        headings=motion.headings[clip][here],
        sizes=motion.radii[clip][here],
        walls=walls[np.isfinite(walls).all(axis=(1, 2))],
        landmarks=motion.landmarks,
        steps_per_second=motion.steps_per_second,
        relation=motion.relations[clip] if motion.relations else None,
    )
