"""Where in the picture everything is: from room coordinates through a look's camera to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bgs.animations.appearance import Appearance
from bgs.animations.behaviours import FloatArray
from bgs.animations.looks import Look
from bgs.animations.scene import Scene

AnyLook = Look | Appearance


@dataclass(frozen=True)
class Placement:
    """Entities in the picture: centres (entities, times, 2), headings (entities, times), radii (entities,).

    `shifts` (times, 2) is how far a drifting camera has moved everything; pixels throughout.
    """

    centres: FloatArray
    headings: FloatArray
    radii: FloatArray
    shifts: FloatArray

    def __repr__(self) -> str:
        entities, times, _ = self.centres.shape
        return f"Placement(entities={entities}, times={times})"


def place_entities(scene: Scene, look: AnyLook, *, times: FloatArray, size: float) -> Placement:
    """Entities at `times` (seconds from the start) in a square picture `size` pixels wide."""
    camera, half = look.camera, size / 2
    share = times / max(scene.seconds, 1e-6)
    shifts = share[:, None] * np.array(camera.drift) * camera.zoom * half
    places, headings = scene.at(times)
    flip = -1.0 if camera.mirrored else 1.0
    return Placement(
        centres=(camera.view(places) + 1) * half + shifts,
        headings=np.arctan2(np.sin(headings + camera.turn), np.cos(headings + camera.turn) * flip),
        radii=np.array([float(radius) * half * camera.zoom for radius in scene.sizes]),
        shifts=shifts,
    )


def sample_times(scene: Scene, *, frames_per_second: float) -> FloatArray:
    """The middle of every frame, in seconds from the start."""
    count = max(round(scene.seconds * frames_per_second), 1)
    return (np.arange(count) + 0.5) / frames_per_second
