"""From wishes to desired velocities: what each agent would do next if nothing were in the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bgs.animations.behaviours import Controls, FloatArray


@dataclass(frozen=True)
class Percepts:
    """What the agents of every clip know at one moment, arrays (clips, 2, 2) unless said otherwise."""

    places: FloatArray  # (clips, 3, 2): both agents and the object, now
    other_place: FloatArray  # where each agent believes the other to be
    other_velocity: FloatArray
    waypoint: FloatArray
    goal: FloatArray  # (clips, 2): where the object should go
    seconds: float
    edge: float = 0.72  # from here outwards agents are turned back into the room


def unit(vector: FloatArray) -> FloatArray:
    """Vectors of length one in the same direction; a zero vector stays zero."""
    return vector / (np.linalg.norm(vector, axis=-1, keepdims=True) + 1e-6)


def desired_velocity(
    controls: Controls, percepts: Percepts, *, radii: FloatArray, phase: FloatArray
) -> FloatArray:
    """The sum of all drives, limited to each agent's speed, (clips, 2, 2)."""
    agents = percepts.places[:, :2]
    drives = _drive_to_other(controls, percepts, radii=radii, phase=phase)
    drives += unit(percepts.waypoint - agents) * controls.wander[..., None]
    fastest = np.maximum(controls.speed, 0.2)[..., None]
    drives += percepts.other_velocity / fastest * controls.match[..., None]
    drives += _drive_to_push(controls, percepts, radii=radii)
    edge = np.maximum(np.abs(agents) - percepts.edge, 0) * -np.sign(agents) * 5.0
    drives += edge * (np.linalg.norm(drives, axis=-1, keepdims=True) + 0.2)
    size = np.linalg.norm(drives, axis=-1, keepdims=True)
    return drives / np.maximum(size, 1.0) * controls.speed[..., None]


def _drive_to_other(
    controls: Controls, percepts: Percepts, *, radii: FloatArray, phase: FloatArray
) -> FloatArray:
    """Approaching or fleeing, lunging and recoiling, circling."""
    away = percepts.other_place - percepts.places[:, :2]
    distance = np.linalg.norm(away, axis=-1)
    toward = away / (distance[..., None] + 1e-6)
    gap = distance - radii[:, :2].sum(axis=1, keepdims=True)
    arrives = np.tanh((gap - controls.standoff) / 0.12)
    pull = np.where(controls.approach < 0, 1.0, arrives) * (distance < controls.sight)
    beat = np.sign(np.sin(2 * np.pi * controls.strike_hz * percepts.seconds + phase))
    drive = controls.approach * pull + controls.strike * beat * np.exp(-np.maximum(gap, 0) / 0.5)
    sideways = np.stack([-toward[..., 1], toward[..., 0]], axis=-1)
    return toward * drive[..., None] + sideways * controls.orbit[..., None]


def _drive_to_push(controls: Controls, percepts: Percepts, *, radii: FloatArray) -> FloatArray:
    """Where an agent must go to bring the object to its goal: behind it, then through it.

    goal  <----  (object)  <----  agent, aligned: push
                    ^
                    agent, not yet aligned: walk around to the far side
    """
    sign = np.sign(controls.push)[..., None]
    target = percepts.goal[:, None] * np.where(sign == 0, 1.0, sign)
    thing, agents = percepts.places[:, 2:3], percepts.places[:, :2]
    line = unit(target - thing)
    reach = (radii[:, 2:3] + radii[:, :2])[..., None]
    from_thing = agents - thing
    aligned = (unit(from_thing) * line).sum(axis=-1, keepdims=True) < -0.75
    step = np.where(aligned, thing + line * 0.3, thing - line * reach) - agents
    side = np.stack([-line[..., 1], line[..., 0]], axis=-1)
    side = side * np.sign((from_thing * side).sum(axis=-1, keepdims=True) + 1e-6)
    blocked = ~aligned & (np.linalg.norm(from_thing, axis=-1, keepdims=True) < reach * 1.15)
    direction = unit(np.where(blocked, step + side * 0.6, step))
    return direction * np.abs(controls.push)[..., None]
