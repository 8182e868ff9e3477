"""Paints what stands still in a clip: background, coloured zones, walls, the room's outline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np

from bgs.animations.appearance import Appearance, Backdrop
from bgs.animations.behaviours import FloatArray
from bgs.animations.looks import Look
from bgs.animations.physics import WALL_HALF_WIDTH
from bgs.animations.scene import Scene
from bgs.animations.shapes import draw_segment, draw_shape

_FRAME_HALF_WIDTH = 0.015  # room halves
_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _as_pixel(colour: Sequence[float]) -> FloatArray:
    return np.asarray(colour, dtype=np.float32)


def _upsample_matrix(coarse: int, fine: int) -> FloatArray:
    place = np.linspace(0, coarse - 1, fine)
    low = np.minimum(place.astype(int), coarse - 2)
    matrix = np.zeros((fine, coarse), np.float32)
    matrix[np.arange(fine), low] = 1 - (place - low)
    matrix[np.arange(fine), low + 1] = place - low
    return matrix


def _texture(backdrop: Backdrop, x: FloatArray, y: FloatArray) -> FloatArray:
    """A picture in [-1, 1] on the grid x (columns), y (rows), both in units of half the picture."""
    angle, rate = backdrop.angle, backdrop.frequency
    u = np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None]
    if backdrop.texture == "gradient":
        return u
    if backdrop.texture == "stripes":
        return np.sin(np.pi * rate * u)
    if backdrop.texture == "checks":
        v = np.cos(angle) * y[:, None] - np.sin(angle) * x[None, :]
        return np.tanh(2 * np.sin(np.pi * rate * u) * np.sin(np.pi * rate * v))
    if backdrop.texture == "clouds":
        cells = int(rate) + 2
        noise = np.random.default_rng(backdrop.seed).uniform(-1, 1, (cells, cells))
        rows, columns = _upsample_matrix(cells, len(y)), _upsample_matrix(cells, len(x))
        return rows @ noise.astype(np.float32) @ columns.T
    return np.zeros_like(u)


def paint_ground(scene: Scene, look: Appearance, *, size: int, margin: int) -> FloatArray:
    """All that stands still, as one picture with `margin` extra pixels on every side."""
    backdrop, camera = look.backdrop, look.camera
    half = size / 2
    axis = ((np.arange(size + 2 * margin) + 0.5 - margin) / half - 1).astype(np.float32)
    mix = _texture(backdrop, axis, axis).astype(np.float32)[..., None]
    base, second = _as_pixel(backdrop.colour), _as_pixel(backdrop.second)
    canvas = (base + mix * (backdrop.contrast + (second - base) / 2))[None]
    for x, y, extent, *colour in backdrop.zones:
        draw_shape(
            canvas,
            shape="square",
            centres=(camera.view(np.array([[x, y]])) + 1) * half + margin,
            radius=extent * half * camera.zoom / 2,
            headings=np.array([camera.turn]),
            colour=_as_pixel(colour),
        )
    for wall, half_width, paint in _segments(scene, backdrop):
        start, end = (camera.view(wall) + 1) * half + margin
        width = max(half_width * half * camera.zoom, 0.6)
        draw_segment(canvas[0], start, end, half_width=width, colour=_as_pixel(paint))
    return canvas[0]


def _segments(
    scene: Scene, backdrop: Backdrop
) -> list[tuple[FloatArray, float, tuple[float, float, float]]]:
    """Inner walls, then the room's outline: ends, half width, colour."""
    segments = [(wall, WALL_HALF_WIDTH, backdrop.wall_colour) for wall in scene.walls]
    if backdrop.frame_colour is not None:
        sides = zip(_CORNERS, np.roll(_CORNERS, -1, axis=0), strict=True)
        colour = backdrop.frame_colour
        segments += [(np.stack(ends), _FRAME_HALF_WIDTH, colour) for ends in sides]
    return segments


def crop_drifting(canvas: FloatArray, shifts: FloatArray, *, size: int, margin: int) -> FloatArray:
    """A window of the ground a frame, moved by sub-pixel `shifts` (frames, 2: x, y)."""
    if not shifts.any():
        window = canvas[margin : margin + size, margin : margin + size]
        return np.repeat(window[None], len(shifts), axis=0)
    frames = np.empty((len(shifts), size, size, 3), np.float32)
    corner = np.clip(margin - shifts, 0, 2 * margin - 1e-3)
    whole = corner.astype(int)
    part = (corner - whole).astype(np.float32)
    for k, ((x, y), (fx, fy)) in enumerate(zip(whole, part, strict=True)):
        block = canvas[y : y + size + 1, x : x + size + 1]
        rows = block[:-1] + fy * (block[1:] - block[:-1])
        frames[k] = rows[:, :-1] + fx * (rows[:, 1:] - rows[:, :-1])
    return frames


def paint_look(scene: Scene, look: Look, *, size: int) -> FloatArray:
    """All that stands still in a named look: coloured areas around landmarks, walls, the house."""
    camera, half = look.camera, size / 2
    canvas = np.broadcast_to(_as_pixel(look.ground), (1, size, size, 3)).copy()
    areas = zip(scene.landmarks, cycle(look.areas), strict=False) if look.areas else ()
    for centre, colour in areas:
        _fill_box(
            canvas[0],
            (camera.view(centre - look.area_half_side) + 1) * half,
            (camera.view(centre + look.area_half_side) + 1) * half,
            colour=_as_pixel(colour),
        )
    if look.walls is None:
        return canvas[0]
    width = max(look.wall_half_width * half * camera.zoom, 0.5)
    lines = [np.array([line.start, line.end]) for line in look.house]
    for wall in (*scene.walls, *lines):
        start, end = (camera.view(wall) + 1) * half
        draw_segment(canvas[0], start, end, half_width=width, colour=_as_pixel(look.walls))
    return canvas[0]


def _fill_box(
    picture: FloatArray, low: FloatArray, high: FloatArray, *, colour: FloatArray
) -> None:
    """An upright rectangle from `low` to `high` in pixels; a pixel is covered as far as it is inside."""
    sides = [
        np.clip(np.minimum(np.arange(count) + 1, end) - np.maximum(np.arange(count), start), 0, 1)
        for count, start, end in zip(picture.shape[1::-1], low, high, strict=True)
    ]
    cover = (sides[1][:, None] * sides[0]).astype(np.float32)[..., None]
    picture += cover * (colour - picture)
