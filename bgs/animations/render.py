"""Draws scenes: signed distances, anti-aliased, computed only inside each shape's bounding box.

A pixel's coverage is 0.5 minus its signed distance to the outline in pixels, clipped to [0, 1], which
integrates to the shape's area. All frames of a clip are drawn together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bgs.animations.appearance import Appearance, Backdrop
from bgs.animations.behaviours import FloatArray
from bgs.animations.physics import WALL_HALF_WIDTH
from bgs.animations.scene import Scene

_SIDES = {"triangle": 3, "square": 4, "hexagon": 6}
_EYE_PLACE, _EYE_SIZE = 0.48, 0.3  # the eye, in radii: it shows the heading
_FRAME_HALF_WIDTH = 0.015


def signed_distance(shape: str, x: FloatArray, y: FloatArray, radius: FloatArray) -> FloatArray:
    """Distance to the outline of a shape whose area is that of a circle of `radius`; < 0 inside."""
    if shape == "circle":
        return np.sqrt(x * x + y * y) - radius
    sides = _SIDES[shape]
    step = 2 * np.pi / sides
    inner = radius * np.float32(np.sqrt(np.pi / (sides * np.tan(np.pi / sides))))
    faces = [
        np.cos(k * step + step / 2) * x + np.sin(k * step + step / 2) * y for k in range(sides)
    ]
    return np.maximum.reduce(faces) - inner


def _blend(
    frames: FloatArray, index: NDArray[np.intp], cover: FloatArray, colour: FloatArray
) -> None:
    """Paint `colour` with `cover` (frames, patch pixels) onto the flat pixels `index`, in place."""
    flat = frames.reshape(-1, 3)
    under = flat[index]
    flat[index] = under + cover[..., None] * (colour - under)


def draw_shape(
    frames: FloatArray,
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

    centres (frames, 2) and `radius` in pixels; `eye` is the colour of the dot that shows the heading.
    """
    count, height, width, _ = frames.shape
    side = int(min(2 * np.ceil(radius * 1.6 + 2), height, width))
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
    distance = signed_distance(shape, ahead, aside, np.float32(radius))
    cover = np.clip(0.5 - distance / softness, 0, 1).reshape(count, -1)
    _blend(frames, index, cover, colour)
    if eye is not None:
        distance = signed_distance(
            "circle", ahead - _EYE_PLACE * radius, aside, np.float32(_EYE_SIZE * radius)
        )
        cover = np.clip(0.5 - distance / softness, 0, 1).reshape(count, -1)
        _blend(frames, index, cover, eye)


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
    full = size + 2 * margin
    axis = ((np.arange(full) + 0.5 - margin) / (size / 2) - 1).astype(np.float32)
    mix = _texture(backdrop, axis, axis).astype(np.float32)[..., None]
    base, second = np.float32(backdrop.colour), np.float32(backdrop.second)
    ground = base + mix * (np.float32(backdrop.contrast) + (second - base) / 2)
    half = size / 2
    pixels = half * camera.zoom

    def place(points: FloatArray) -> FloatArray:
        return (camera.view(points) + 1) * half + margin

    canvas = ground[None]
    for x, y, extent, *colour in backdrop.zones:
        draw_shape(
            canvas,
            shape="square",
            centres=place(np.array([[x, y]])),
            radius=extent * pixels / 2,
            headings=np.array([camera.turn]),
            colour=np.float32(colour),
        )
    segments = [(wall, WALL_HALF_WIDTH, backdrop.wall_colour) for wall in scene.walls]
    if backdrop.frame_colour is not None:
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1.0]])
        segments += [
            (corners[k : k + 2], _FRAME_HALF_WIDTH, backdrop.frame_colour) for k in range(4)
        ]
    for wall, half_width, colour in segments:
        start, end = place(wall)
        _draw_segment(canvas[0], start, end, max(half_width * pixels, 0.6), np.float32(colour))
    return canvas[0]


def _draw_segment(
    picture: FloatArray, start: FloatArray, end: FloatArray, half_width: float, colour: FloatArray
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


def _shift_crop(canvas: FloatArray, shifts: FloatArray, *, size: int, margin: int) -> FloatArray:
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


def render_frames(
    scene: Scene, look: Appearance, *, times: FloatArray, size: int, softness: float = 1.0
) -> FloatArray:
    """Float frames (frames, size, size, 3) in [0, 1] at `times` (seconds from the start)."""
    half = size / 2
    share = times / max(scene.seconds, 1e-6)
    shifts = share[:, None] * np.array(look.camera.drift) * look.camera.zoom * half
    margin = int(np.ceil(np.abs(shifts).max())) + 2
    canvas = paint_ground(scene, look, size=size, margin=margin)
    frames = _shift_crop(canvas, shifts, size=size, margin=margin)
    places, headings = scene.at(times)
    centres = (look.camera.view(places) + 1) * half + shifts
    flip = -1.0 if look.camera.mirrored else 1.0
    aim = np.arctan2(
        np.sin(headings + look.camera.turn), np.cos(headings + look.camera.turn) * flip
    )
    agents = set(scene.agents)
    for entity in [k for k in range(scene.num_entities) if k not in agents] + list(scene.agents):
        colour = look.colours[entity]
        draw_shape(
            frames,
            shape=look.shapes[entity],
            centres=centres[entity],
            radius=float(scene.sizes[entity]) * half * look.camera.zoom,
            headings=aim[entity],
            colour=colour,
            softness=softness,
            eye=1 - colour if entity in agents else None,
        )
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    slope_x, slope_y = look.light_slope
    frames *= np.float32(look.light) + slope_x * axis[:, None] + slope_y * axis[:, None, None]
    return frames


def render_scene(
    scene: Scene, look: Appearance, *, size: int = 128, frames_per_second: float = 12
) -> NDArray[np.uint8]:
    """The clip as uint8 (frames, size, size, 3); the same scene and look give the same bytes."""
    count = max(round(scene.seconds * frames_per_second), 1)
    times = (np.arange(count) + 0.5) / frames_per_second
    frames = render_frames(scene, look, times=times, size=size)
    return np.clip(frames * 255 + 0.5, 0, 255).astype(np.uint8)
