"""From a scene and its appearance to frames: ground, then objects, then agents, then light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bgs.animations.appearance import Appearance
from bgs.animations.behaviours import FloatArray
from bgs.animations.ground import crop_drifting, paint_ground
from bgs.animations.scene import Scene
from bgs.animations.shapes import draw_shape


def render_frames(
    scene: Scene, look: Appearance, *, times: FloatArray, size: int, softness: float = 1.0
) -> FloatArray:
    """Float frames (frames, size, size, 3) in [0, 1] at `times` (seconds from the start)."""
    half = size / 2
    share = times / max(scene.seconds, 1e-6)
    shifts = share[:, None] * np.array(look.camera.drift) * look.camera.zoom * half
    margin = int(np.ceil(np.abs(shifts).max())) + 2
    canvas = paint_ground(scene, look, size=size, margin=margin)
    frames = crop_drifting(canvas, shifts, size=size, margin=margin)
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
    frames *= look.light + slope_x * axis[:, None] + slope_y * axis[:, None, None]
    return frames


def render_scene(
    scene: Scene, look: Appearance, *, size: int = 128, frames_per_second: float = 12
) -> NDArray[np.uint8]:
    """The clip as uint8 (frames, size, size, 3); the same scene and look give the same bytes."""
    count = max(round(scene.seconds * frames_per_second), 1)
    times = (np.arange(count) + 0.5) / frames_per_second
    frames = render_frames(scene, look, times=times, size=size)
    return np.clip(frames * 255 + 0.5, 0, 255).astype(np.uint8)
