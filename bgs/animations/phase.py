"""Reads PHASE-style scenes: trajectories in an .npz file, their geometry in scenes.json.

Expected in the folder:
  trajectories.npz  clip id -> float (4 entities, steps, 5), x and y first; entities 0 and 1 are agents
  scenes.json       a list of {"clip", "entity_sizes", "entity_color_code", "wall_segs",
                    "landmark_centers", ...}; entities without a colour code do not take part

PHASE's world is square; positions are shifted and scaled so that it spans [-1, 1].
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bgs.animations.behaviours import FloatArray
from bgs.animations.scene import Scene
from bgs.errors import BgsError

_CENTRE = np.array([16.0, 12.0])
_HALF = 10.0
_CLIP_SECONDS = 3.0  # every clip is shown as a three-second clip, whatever its number of steps


def read_phase(folder: str | Path) -> dict[str, Scene]:
    """All scenes of a folder by clip id, in the order of scenes.json."""
    folder = Path(folder)
    geometry_file, motion_file = folder / "scenes.json", folder / "trajectories.npz"
    for file in (geometry_file, motion_file):
        if not file.is_file():
            raise BgsError(
                f"{file.name} is missing",
                remedy="point to a folder with scenes.json and trajectories.npz",
                file=file,
            )
    described = json.loads(geometry_file.read_text(encoding="utf-8"))
    with np.load(motion_file) as stored:
        motions = {clip: stored[clip] for clip in stored.files}
    scenes = {}
    for entry in described:
        clip = entry["clip"]
        if clip not in motions:
            raise BgsError(
                f"scene {clip!r} has no trajectory in {motion_file.name}",
                remedy="give every scene a trajectory of the same name",
                file=geometry_file,
            )
        scenes[clip] = scene_from_phase(motions[clip], entry, file=motion_file)
    return scenes


def scene_from_phase(motion: FloatArray, entry: dict[str, Any], *, file: Path) -> Scene:
    """One scene from its raw trajectory and its entry in scenes.json."""
    sizes = np.array(entry["entity_sizes"], dtype=np.float32)
    if motion.ndim != 3 or motion.shape[0] != len(sizes) or motion.shape[2] < 2:
        raise BgsError(
            f"trajectory of {entry['clip']!r} has shape {motion.shape}, expected "
            f"({len(sizes)}, steps, 2 or more)",
            remedy="store x and y of every entity that scenes.json lists",
            file=file,
        )
    coded = entry.get("entity_color_code", {})
    taking_part = [k for k in range(len(sizes)) if k < 2 or str(k) in coded or not coded]
    places = _to_room(motion[taking_part, :, :2])
    step = np.gradient(places[..., 0], axis=1), np.gradient(places[..., 1], axis=1)
    return Scene(
        positions=places,
        headings=np.arctan2(step[1], step[0]).astype(np.float32),
        sizes=sizes[taking_part] / np.float32(_HALF),
        walls=_to_room(np.array(entry.get("wall_segs", []), dtype=float).reshape(-1, 2, 2)),
        landmarks=_to_room(np.array(entry.get("landmark_centers", []), dtype=float).reshape(-1, 2)),
        steps_per_second=motion.shape[1] / _CLIP_SECONDS,
        metadata={"source": "phase", "clip": entry["clip"]},
    )


def _to_room(points: FloatArray) -> FloatArray:
    """PHASE's coordinates to room halves; its y axis points up, pictures' points down."""
    return ((points - _CENTRE) / _HALF * np.array([1.0, -1.0])).astype(np.float32)
