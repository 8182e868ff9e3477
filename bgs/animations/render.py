"""From a scene and its look to frames: what stands still first, then objects, then agents, then light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bgs.animations.appearance import Appearance
from bgs.animations.behaviours import FloatArray
from bgs.animations.ground import crop_drifting, paint_ground, paint_look
from bgs.animations.looks import Look
from bgs.animations.placing import AnyLook, Placement, place_entities, sample_times
from bgs.animations.scene import Scene
from bgs.animations.shapes import draw_shape
from bgs.errors import BgsError


def render_frames(
    scene: Scene, look: Appearance, *, times: FloatArray, size: int, softness: float = 1.0
) -> FloatArray:
    """Float frames (frames, size, size, 3) in [0, 1] at `times` (seconds from the start)."""
    placed = place_entities(scene, look, times=times, size=size)
    margin = int(np.ceil(np.abs(placed.shifts).max())) + 2
    canvas = paint_ground(scene, look, size=size, margin=margin)
    frames = crop_drifting(canvas, placed.shifts, size=size, margin=margin)
    for entity in _painting_order(scene):
        colour = look.colours[entity]
        draw_shape(
            frames,
            shape=look.shapes[entity],
            centres=placed.centres[entity],
            radius=float(placed.radii[entity]),
            headings=placed.headings[entity],
            colour=colour,
            softness=softness,
            eye=1 - colour if entity in scene.agents else None,
        )
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    slope_x, slope_y = look.light_slope
    light = look.light + slope_x * axis[:, None] + slope_y * axis[:, None, None]
    for frame in frames:  # one after the other: a frame fits the processor's cache, a clip does not
        frame *= light
    return frames


def render_scene(
    scene: Scene, look: AnyLook, *, size: int = 128, frames_per_second: float = 12
) -> NDArray[np.uint8]:
    """The clip as uint8 (frames, size, size, 3); the same scene and look give the same bytes."""
    times = sample_times(scene, frames_per_second=frames_per_second)
    if isinstance(look, Look):
        return _render_bytes(scene, look, times=times, size=size)
    frames = render_frames(scene, look, times=times, size=size)
    return np.stack([_to_bytes(frame) for frame in frames])


def _render_bytes(scene: Scene, look: Look, *, times: FloatArray, size: int) -> NDArray[np.uint8]:
    """What stands still is painted once and copied; after that only bodies' own pixels are touched."""
    if len(look.bodies) != scene.num_entities:
        raise BgsError(
            f"the look {look.name!r} has {len(look.bodies)} bodies, the scene {scene.num_entities} entities",
            remedy="make the look for this scene",
        )
    still = _to_bytes(paint_look(scene, look, size=size))
    frames = np.repeat(still[None], len(times), axis=0)  # (frames, size, size, 3)
    placed = place_entities(scene, look, times=times, size=size)
    for entity in _painting_order(scene):
        _draw_body(frames, look, placed, entity)
    return frames


def _draw_body(frames: NDArray[np.uint8], look: Look, placed: Placement, entity: int) -> None:
    radius, heading = float(placed.radii[entity]), placed.headings[entity]
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)  # (frames, 2)
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    for part in look.bodies[entity]:
        draw_shape(
            frames,
            shape=part.shape,
            centres=placed.centres[entity] + (part.ahead * ahead + part.aside * aside) * radius,
            radius=radius * part.scale,
            headings=heading,
            colour=np.asarray(part.colour, dtype=np.float32),
        )


def _to_bytes(picture: FloatArray) -> NDArray[np.uint8]:
    """A picture in [0, 1], overwritten, as bytes."""
    picture *= 255
    picture += 0.5
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def _painting_order(scene: Scene) -> list[int]:
    """Agents last, so that nothing hides them."""
    return [*scene.objects, *scene.agents]
