"""The social variables of a clip, each a formula on the two agents' trajectories.

Notation: p_i, v_i position and velocity of agent i; u the unit vector from agent 0 to agent 1;
gap = max(|p_1 - p_0| - r_0 - r_1, 0); a_0 = v_0.u / (|v_0| + .2) and a_1 = -v_1.u / (|v_1| + .2) are the
shares of movement that go towards the other. Lengths in room halves, times in seconds.
"""

from __future__ import annotations

import numpy as np

from bgs.animations.behaviours import FloatArray
from bgs.animations.scene import Scene

SOCIAL_VARIABLES: dict[str, str] = {
    "proximity": "mean of exp(-gap / 0.5)",
    "chase": "|mean of (a_0 - a_1) / 2|: one comes after the other, who gets away",
    "tempo": "log(0.1 + mean speed of the two agents)",
    "synchrony": "mean of v_0.v_1 / (|v_0| |v_1| + 0.04)",
    "contact": "share of steps with gap < 0.03",
    "object_moved": "log(1 + path length of the objects / 0.1)",
    "size_asymmetry": "|log(r_0 / r_1)|",
    "withdrawal": "gap over the last quarter minus gap over the first quarter",
    "imbalance": "|log((path_0 + 0.2) / (path_1 + 0.2))|: one moves, one stays",
    "agitation": "log(0.5 + mean |acceleration| / (mean speed + 0.2))",
}

_SERIES = ("gap", "speed_0", "speed_1", "approach_0", "approach_1", "closing", "alignment")
FEATURES: tuple[str, ...] = (
    *SOCIAL_VARIABLES,
    *(f"{name}_{moment}" for name in _SERIES for moment in ("mean", "std")),
)


def _velocity(positions: FloatArray, steps_per_second: float) -> FloatArray:
    return np.gradient(positions, axis=-2) * steps_per_second


def pair_series(
    positions: FloatArray, radii: FloatArray, *, steps_per_second: float
) -> dict[str, FloatArray]:
    """Step-by-step relation of the two agents; arrays (clips, steps) or (clips, steps, 2)."""
    first, second = positions[:, 0], positions[:, 1]
    velocity = _velocity(positions[:, :2], steps_per_second)
    between = second - first
    distance = np.linalg.norm(between, axis=-1)
    toward = between / (distance[..., None] + 1e-6)
    speed = np.linalg.norm(velocity, axis=-1)
    along = (velocity * toward[:, None]).sum(-1)
    approach_0 = along[:, 0] / (speed[:, 0] + 0.2)
    approach_1 = -along[:, 1] / (speed[:, 1] + 0.2)
    dot = (velocity[:, 0] * velocity[:, 1]).sum(-1)
    return {
        "gap": np.maximum(distance - radii[:, 0, None] - radii[:, 1, None], 0),
        "speed_0": speed[:, 0],
        "speed_1": speed[:, 1],
        "approach_0": approach_0,
        "approach_1": approach_1,
        "closing": along[:, 0] - along[:, 1],
        "alignment": dot / (speed[:, 0] * speed[:, 1] + 0.04),
    }


def social_variables(
    positions: FloatArray, radii: FloatArray, *, steps_per_second: float
) -> FloatArray:
    """`SOCIAL_VARIABLES` of many clips, (clips, variables).

    positions (clips, entities, steps, 2) with the two agents first; radii (clips, entities). An
    absent object is one that does not move.
    """
    series = pair_series(positions, radii, steps_per_second=steps_per_second)
    gap = series["gap"]
    quarter = max(gap.shape[1] // 4, 1)
    paths = np.linalg.norm(np.diff(positions, axis=2), axis=-1).sum(-1)  # (clips, entities)
    mean_speed = (series["speed_0"] + series["speed_1"]).mean(axis=1) / 2
    velocity = _velocity(positions[:, :2], steps_per_second)
    acceleration = np.linalg.norm(_velocity(velocity, steps_per_second), axis=-1).mean(axis=(1, 2))
    columns = {
        "proximity": np.exp(-gap / 0.5).mean(axis=1),
        "chase": np.abs((series["approach_0"] - series["approach_1"]).mean(axis=1)) / 2,
        "tempo": np.log(0.1 + mean_speed),
        "synchrony": series["alignment"].mean(axis=1),
        "contact": (gap < 0.03).mean(axis=1),
        "object_moved": np.log1p(paths[:, 2:].sum(axis=1) / 0.1),
        "size_asymmetry": np.abs(np.log(radii[:, 0] / radii[:, 1])),
        "withdrawal": gap[:, -quarter:].mean(axis=1) - gap[:, :quarter].mean(axis=1),
        "imbalance": np.abs(np.log((paths[:, 0] + 0.2) / (paths[:, 1] + 0.2))),
        "agitation": np.log(0.5 + acceleration / (mean_speed + 0.2)),
    }
    return np.stack([columns[name] for name in SOCIAL_VARIABLES], axis=1)


def trajectory_features(scene: Scene) -> FloatArray:
    """`FEATURES` of one scene from its true trajectories: a control that never sees a pixel."""
    order = [*scene.agents[:2], *scene.objects]
    positions, radii = scene.positions[order][None], scene.sizes[order][None]
    rate = scene.steps_per_second
    series = pair_series(positions, radii, steps_per_second=rate)
    moments = [float(f(series[name][0])) for name in _SERIES for f in (np.mean, np.std)]
    social = social_variables(positions, radii, steps_per_second=rate)[0]
    return np.array([*social, *moments], dtype=np.float32)
