"""Draws shapes and lines: signed distances, anti-aliased, only inside each shape's bounding box.

A pixel's coverage is 0.5 minus its signed distance to the outline in pixels, clipped to [0, 1], which
integrates to the shape's area. All frames of a clip are drawn together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgs.animations.behaviours import FloatArray

_SIDES = {"triangle": 3, "square": 4, "hexagon": 6}
_TAIL, _HEAD = 1.5, 0.5  # half widths of the trapezoid, in units of its half length
_TRAPEZOID = np.sqrt(
    np.pi / (2 * (_TAIL + _HEAD))
)  # half length of one with the area of a unit circle
_REACH = 1.6  # no regular shape leaves a circle of this many radii
_EYE_PLACE, _EYE_SIZE = 0.48, 0.3  # the eye, in radii: it shows the heading


def signed_distance(shape: str, x: FloatArray, y: FloatArray, radius: float) -> FloatArray:
    """Distance to the outline of a shape whose area is that of a circle of `radius`; < 0 inside."""
    if shape == "circle":
        return np.sqrt(x * x + y * y) - radius
    if shape == "trapezoid":
        return _trapezoid_distance(x, np.abs(y), np.float32(radius * _TRAPEZOID))
    sides = _SIDES[shape]
    step = 2 * np.pi / sides
    inner = radius * np.float32(np.sqrt(np.pi / (sides * np.tan(np.pi / sides))))
    faces = [
        np.cos(k * step + step / 2) * x + np.sin(k * step + step / 2) * y for k in range(sides)
    ]
    return np.maximum.reduce(faces) - inner


def _trapezoid_distance(x: FloatArray, y: FloatArray, half: np.float32) -> FloatArray:
    """A tapering body, narrow in front, `2 * half` long; y is the distance from its axis."""
    slope = _TAIL - _HEAD  # what one side loses in width from tail to head, in half lengths
    length = np.float32(np.hypot(2.0, slope))
    side = (np.float32(slope) * x + 2 * y - half * np.float32(_TAIL + _HEAD)) / length
    return np.maximum(np.abs(x) - half, side)


def outline_points(shape: str) -> FloatArray:
    """Corners of a shape of radius 1 that heads along x, (corners, 2); a circle has its bounding square's."""
    if shape == "circle":
        return np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    if shape == "trapezoid":
        corners = np.array([[-1, -_TAIL], [1, -_HEAD], [1, _HEAD], [-1, _TAIL]])
        return corners * _TRAPEZOID
    sides = _SIDES[shape]
    angle = 2 * np.pi / sides * np.arange(sides)
    outer = np.sqrt(np.pi / (sides * np.tan(np.pi / sides))) / np.cos(np.pi / sides)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * outer


def _blend(
    frames: NDArray[Any], index: NDArray[np.intp], cover: FloatArray, colour: FloatArray
) -> None:
    """Paint `colour` with `cover` (frames, patch pixels) onto the flat pixels `index`, in place."""
    flat = frames.reshape(-1, 3)
    if frames.dtype == np.uint8:
        under = flat[index].astype(np.float32)
        flat[index] = (under + cover[..., None] * (colour * 255 - under) + 0.5).astype(np.uint8)
        return
    under = flat[index]
    flat[index] = under + cover[..., None] * (colour - under)


def draw_shape(
    frames: NDArray[Any],
    *,
    shape: str,
    centres: FloatArray,
    radius: float,
    headings: FloatArray,
    colour: FloatArray,
    softness: float = 1.0,
    eye: FloatArray | None = None,
) -> None:
    """Draw one moving shape on `frames` (frames, height, width, 3), in place.

    Frames are floats in [0, 1] or bytes. centres (frames, 2) and `radius` in pixels; `eye` is the colour
    of the dot that shows the heading.
    """
    count, height, width, _ = frames.shape
    side = int(min(2 * np.ceil(radius * _REACH + 2), height, width))
    left = np.clip(np.round(centres[:, 0] - side / 2), 0, width - side).astype(np.intp)
    top = np.clip(np.round(centres[:, 1] - side / 2), 0, height - side).astype(np.intp)
    span = np.arange(side)
    rows, columns = top[:, None] + span, left[:, None] + span
    x = (columns + 0.5 - centres[:, :1]).astype(np.float32)[:, None, :]
    y = (rows + 0.5 - centres[:, 1:]).astype(np.float32)[:, :, None]
    cos = np.cos(headings, dtype=np.float32)[:, None, None]
    sin = np.sin(headings, dtype=np.float32)[:, None, None]
    ahead, aside = cos * x + sin * y, cos * y - sin * x
    index = (np.arange(count)[:, None, None] * height + rows[:, :, None]) * width + columns[:, None]
    index = index.reshape(count, -1)
    distance = signed_distance(shape, ahead, aside, radius)
    cover = np.clip(0.5 - distance / softness, 0, 1).reshape(count, -1)
    _blend(frames, index, cover, colour)
    if eye is not None:
        distance = signed_distance("circle", ahead - _EYE_PLACE * radius, aside, _EYE_SIZE * radius)
        cover = np.clip(0.5 - distance / softness, 0, 1).reshape(count, -1)
        _blend(frames, index, cover, eye)


def draw_segment(
    picture: FloatArray,
    start: FloatArray,
    end: FloatArray,
    *,
    half_width: float,
    colour: FloatArray,
) -> None:
    """A thick line with round ends, touched only inside its bounding box."""
    height, width, _ = picture.shape
    low = np.floor(np.minimum(start, end) - half_width - 1).astype(int)
    high = np.ceil(np.maximum(start, end) + half_width + 1).astype(int)
    x0, x1 = np.clip([low[0], high[0]], 0, width)
    y0, y1 = np.clip([low[1], high[1]], 0, height)
    if x0 >= x1 or y0 >= y1:
        return
    x = (np.arange(x0, x1) + 0.5 - start[0]).astype(np.float32)[None, :]
    y = (np.arange(y0, y1) + 0.5 - start[1]).astype(np.float32)[:, None]
    along = (end - start).astype(np.float32)
    t = np.clip((x * along[0] + y * along[1]) / max(float(along @ along), 1e-6), 0, 1)
    distance = np.hypot(x - t * along[0], y - t * along[1]) - half_width
    cover = np.clip(0.5 - distance, 0, 1)[..., None]
    patch = picture[y0:y1, x0:x1]
    patch += cover * (colour - patch)
