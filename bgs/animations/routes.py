"""Ways around walls: where to head first when a wall stands between an agent and its aim."""

from __future__ import annotations

import numpy as np

from bgs.animations.behaviours import FloatArray

_CLEARANCE = 0.17  # how far beyond the end of a wall to pass it, room halves


def find_detours(places: FloatArray, aims: FloatArray, walls: FloatArray) -> FloatArray:
    """The aims, or the free end of a wall in the way; arrays (clips, agents, 2), walls (clips, walls, 2, 2).

    A wall runs from its first to its second end; NaN walls are in nobody's way. A wall whose second end touches
    the outer wall cannot be passed there, so its first end is taken.
    """
    towards = aims.copy()
    for wall in range(walls.shape[1]):
        start, end = walls[:, wall, 0, None], walls[:, wall, 1, None]  # (clips, 1, 2)
        blocked = _cross(places, towards, start, end)
        along = (end - start) / (np.linalg.norm(end - start, axis=-1, keepdims=True) + 1e-9)
        open_end = np.abs(end).max(axis=-1, keepdims=True) < 1 - _CLEARANCE
        passage = np.where(open_end, end + along * _CLEARANCE, start - along * _CLEARANCE)
        towards = np.where(blocked[..., None], passage, towards)
    return np.clip(towards, -0.95, 0.95)


def _cross(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    """Whether the segments a-b and c-d cross; False where a coordinate is NaN."""

    def side(p: FloatArray, q: FloatArray, r: FloatArray) -> FloatArray:
        first, second = q - p, r - p
        return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])

    apart = side(c, d, a) * side(c, d, b) < 0
    return np.asarray(apart & (side(a, b, c) * side(a, b, d) < 0))
