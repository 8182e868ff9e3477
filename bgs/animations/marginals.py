"""How scenes move, one number a clip: what a simulator is matched on, and nothing about what anybody judged.

Lengths in room halves, shares of a clip's time; times are counted in clips, so that the same motion shown in 3
or in 25 seconds has the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bgs.animations.behaviours import FloatArray
from bgs.animations.scene import Scene

MARGINALS: dict[str, str] = {
    "travel": "path of an agent, mean of the two",
    "travel_ratio": "path of the agent that moves less, as a share of the other's",
    "speed_p50": "median of an agent's speed (room halves a clip)",
    "speed_p90": "90th percentile of it",
    "resting": "share of time an agent moves slower than 0.3 room halves a clip",
    "turning": "mean |turn| between successive movements, radians",
    "contact": "share of time the two agents' outlines are within 0.03",
    "gap": "mean gap between the agents",
    "object_contact": "share of time an agent touches an object (within 0.03)",
    "object_travel": "path of all objects together",
    "spread": "mean distance of an agent from the middle of the room, per axis",
    "agent_radius": "mean radius of the agents",
    "object_radius": "mean radius of the objects",
    "walls": "inner walls",
    "wall_length": "their length together",
}
STEPS = 48  # a clip is resampled to so many steps, since rates differ
_TOUCH = 0.03
_REST = 0.3
_STIR = 1e-3  # a step shorter than this has no direction


def motion_marginals(scenes: Iterable[Scene]) -> pd.DataFrame:
    """`MARGINALS` of every scene, one row each."""
    return pd.DataFrame([_measure(scene) for scene in scenes], columns=list(MARGINALS))


def compare_marginals(sets: dict[str, Iterable[Scene]]) -> pd.DataFrame:
    """Median and quartiles of every marginal, one row each, one column a set of scenes."""
    columns = {}
    for name, scenes in sets.items():
        low, middle, high = motion_marginals(scenes).quantile([0.25, 0.5, 0.75]).to_numpy()
        columns[name] = [
            f"{b:.2f} ({a:.2f}-{c:.2f})" for a, b, c in zip(low, middle, high, strict=True)
        ]
    return pd.DataFrame(columns, index=pd.Index(list(MARGINALS), name="marginal"))


def _measure(scene: Scene) -> dict[str, float]:
    times = (np.arange(STEPS) + 0.5) / STEPS * scene.seconds
    places, _ = scene.at(times)  # (entities, steps, 2)
    steps = np.diff(places, axis=1)
    length = np.linalg.norm(steps, axis=-1)  # (entities, steps - 1)
    paths = length.sum(axis=1) * STEPS / (STEPS - 1)
    agents, objects = list(scene.agents[:2]), list(scene.objects)
    speed = length[agents] * STEPS
    gap = _gaps(scene, places, agents[0], agents[1])
    touched = [_gaps(scene, places, a, o) < _TOUCH for a in agents for o in objects]
    walls = np.linalg.norm(scene.walls[:, 1] - scene.walls[:, 0], axis=-1)
    return {
        "travel": float(paths[agents].mean()),
        "travel_ratio": float(paths[agents].min() / max(paths[agents].max(), 1e-6)),
        "speed_p50": float(np.median(speed)),
        "speed_p90": float(np.percentile(speed, 90)),
        "resting": float((speed < _REST).mean()),
        "turning": _turning(steps[agents], length[agents]),
        "contact": float((gap < _TOUCH).mean()),
        "gap": float(gap.mean()),
        "object_contact": float(np.any(touched, axis=0).mean()) if touched else 0.0,
        "object_travel": float(paths[objects].sum()),
        "spread": float(np.abs(places[agents]).mean()),
        "agent_radius": float(scene.sizes[agents].mean()),
        "object_radius": float(scene.sizes[objects].mean()) if objects else np.nan,
        "walls": float(len(walls)),
        "wall_length": float(walls.sum()),
    }


def _gaps(scene: Scene, places: FloatArray, one: int, two: int) -> FloatArray:
    apart = np.linalg.norm(places[one] - places[two], axis=-1)
    return np.asarray(np.maximum(apart - scene.sizes[one] - scene.sizes[two], 0))


def _turning(steps: FloatArray, length: FloatArray) -> float:
    angle = np.arctan2(steps[..., 1], steps[..., 0])
    turn = np.abs((np.diff(angle, axis=1) + np.pi) % (2 * np.pi) - np.pi)
    moving = (length[:, 1:] > _STIR) & (length[:, :-1] > _STIR)
    return float(turn[moving].mean()) if moving.any() else 0.0
