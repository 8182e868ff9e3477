"""Reads PHASE-style scenes: trajectories in an .npz file, their geometry in scenes.json.

Expected in the folder:
  trajectories.npz  clip id -> float (4 entities, steps, 5): x, y, velocity x, velocity y, angle of the body;
                    entities 0 and 1 are the agents, 2 and 3 the objects
  scenes.json       a list of {"clip", "entity_sizes", "entity_color_code", "wall_segs",
                    "landmark_centers", ...}

PHASE's world is square; positions are shifted and scaled so that it spans [-1, 1]. An agent faces a quarter
turn ahead of its body's angle. `entity_color_code` lists which colour was given to whom in an order of
its own: its first value says which agent is red, its last which object is pink. Its keys are no entities
(objects are counted from 1 or from 3, and may take the place of an agent), so they are not read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgs.animations.behaviours import FloatArray
from bgs.animations.scene import Scene
from bgs.clip_ids import find_file_problem
from bgs.errors import BgsError, DataError
from bgs.strict_json import read_json

CLIP_SECONDS = 3.0  # the length of the demo's clips, whatever a trajectory's number of steps
STEPS_PER_SECOND = 4.0  # in the original animations, which last up to 25 seconds
_CENTRE = np.array([16.0, 12.0])
_HALF = 10.0
_AGENTS = 2
_FURTHEST = 1000.0  # 50 times the width of PHASE's world; beyond it a number is a mistake
_EXPECTED = {  # key of an entry -> what it lists
    "entity_sizes": "one number an entity",
    "wall_segs": "two points [x, y] a wall",
    "landmark_centers": "a point [x, y] a landmark",
}


def read_phase(folder: str | Path, *, seconds: float | None = CLIP_SECONDS) -> dict[str, Scene]:
    """All scenes of a folder by clip id, in the order of scenes.json.

    `seconds` is how long every clip shall last; None leaves the original tempo.
    """
    folder = Path(folder)
    geometry_file, motion_file = folder / "scenes.json", folder / "trajectories.npz"
    for file in (geometry_file, motion_file):
        if not file.is_file():
            raise BgsError(
                f"{file.name} is missing",
                remedy="point to a folder with scenes.json and trajectories.npz",
                file=file,
            )
    motions = _read_motions(motion_file)
    scenes: dict[str, Scene] = {}
    for entry in _read_entries(geometry_file):
        clip = entry["clip"]
        if clip not in motions:
            raise DataError(
                f"scene {clip!r} has no trajectory in {motion_file.name}",
                remedy="give every scene a trajectory of the same name",
                file=geometry_file,
            )
        scenes[clip] = scene_from_phase(motions[clip], entry, file=motion_file, seconds=seconds)
    return scenes


def scene_from_phase(
    motion: NDArray[Any],
    entry: dict[str, Any],
    *,
    file: Path,
    seconds: float | None = CLIP_SECONDS,
) -> Scene:
    """One scene from its raw trajectory, of `file`, and its entry in the scenes.json beside it."""
    clip = entry["clip"]
    described = file.with_name("scenes.json")
    sizes = _numbers(entry, "entity_sizes", (-1,), file=described)
    walls = _numbers(entry, "wall_segs", (-1, 2, 2), file=described)
    landmarks = _numbers(entry, "landmark_centers", (-1, 2), file=described)
    colours = _colours(entry, file=described)
    _check_walls(walls, clip, file=described)
    _check_motion(motion, clip, entities=len(sizes), file=file)
    places = _to_room(motion[..., :2])
    try:
        return Scene(
            positions=places,
            headings=_headings(motion, places),
            sizes=(sizes / _HALF).astype(np.float32),
            walls=_to_room(walls),
            landmarks=_to_room(landmarks),
            steps_per_second=STEPS_PER_SECOND if seconds is None else motion.shape[1] / seconds,
            metadata={"source": "phase", "clip": clip, "colours": colours},
        )
    except ValueError as error:
        what = error.what if isinstance(error, BgsError) else str(error)
        remedy = error.remedy if isinstance(error, BgsError) else "correct the entry"
        raise DataError(
            f"clip {clip!r}: {what}", remedy=f"{remedy} (in scenes.json or here)", file=file
        ) from error


def _check_motion(motion: NDArray[Any], clip: str, *, entities: int, file: Path) -> None:
    if motion.dtype.kind not in "fiu":
        raise DataError(
            f"trajectory of {clip!r} holds {motion.dtype.name}, no numbers",
            remedy="store x and y as numbers",
            file=file,
        )
    if motion.ndim != 3 or motion.shape[0] != entities or motion.shape[2] < 2:
        raise DataError(
            f"trajectory of {clip!r} has shape {motion.shape}, expected "
            f"({entities}, steps, 2 or more)",
            remedy="store x and y of every entity that scenes.json lists",
            file=file,
        )
    if motion.shape[1] < 2:
        raise DataError(
            f"trajectory of {clip!r} has {motion.shape[1] or 'no'} step",
            remedy="give two or more",
            file=file,
        )
    if (np.abs(motion[..., :2].astype(np.float64)) > _FURTHEST).any():
        raise DataError(
            f"trajectory of {clip!r} goes beyond {_FURTHEST:g}, far outside the world",
            remedy="give positions in PHASE's units",
            file=file,
        )


def _numbers(
    entry: dict[str, Any], key: str, shape: tuple[int, ...], *, file: Path
) -> NDArray[np.float64]:
    """The numbers of a field, finite and no larger than a world could hold."""
    try:
        numbers = np.array(entry[key], dtype=np.float64).reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        numbers, reason = np.array([np.nan]), str(error).split(";")[0]
    else:
        reason = "not finite, or far outside the world"
    if not (np.abs(numbers) <= _FURTHEST).all():
        raise DataError(
            f"clip {entry['clip']!r}: {key}: {reason}", remedy=f"write {_EXPECTED[key]}", file=file
        )
    return numbers


def _read_entries(file: Path) -> list[dict[str, Any]]:
    """The entries of scenes.json, each complete and each clip once."""
    described = read_json(file)
    if not isinstance(described, list) or not described:
        raise DataError("is not a list of scenes", remedy="give one object a scene", file=file)
    seen: dict[str, str] = {}  # as a file system sees it that knows no capitals -> the clip
    for number, entry in enumerate(described, start=1):
        clip = entry.get("clip") if isinstance(entry, dict) else None
        if not isinstance(clip, str):
            raise DataError(f"scene number {number} names no clip", remedy="add `clip`", file=file)
        problem = find_file_problem(clip)  # clips are stored by their ids
        if problem is not None:
            raise DataError(
                f"the clip id of scene number {number} {problem[0]}", remedy=problem[1], file=file
            )
        lacking = next((key for key in _EXPECTED if not isinstance(entry.get(key), list)), None)
        if lacking is not None:
            raise DataError(
                f"scene {clip!r} has no list {lacking!r}",
                remedy="add it; it may be empty",
                file=file,
            )
        twin = seen.get(clip.casefold())
        if twin == clip:
            raise DataError(f"scene {clip!r} is listed twice", remedy="keep one of them", file=file)
        if twin is not None:
            raise DataError(
                f"scenes {twin!r} and {clip!r} differ in capitals alone",
                remedy="rename one: some disks would take them for one file",
                file=file,
            )
        seen[clip.casefold()] = clip
    return described


def _read_motions(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            return {clip: stored[clip] for clip in stored.files}
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(
            "is not an .npz file of plain arrays", remedy="save it with numpy.savez", file=file
        ) from error


def _check_walls(walls: FloatArray, clip: str, *, file: Path) -> None:
    """A scene may have no walls, but no wall without a length."""
    short = np.linalg.norm(walls[:, 1] - walls[:, 0], axis=-1) == 0
    if short.any():
        raise DataError(
            f"clip {clip!r}: wall number {int(np.argmax(short)) + 1} is a point",
            remedy="give it two different ends",
            file=file,
        )


def _headings(motion: FloatArray, places: FloatArray) -> FloatArray:
    """Where the agents face: as recorded, else where they go. Objects never turn."""
    step_x, step_y = (np.gradient(places[..., axis], axis=1) for axis in (0, 1))
    headings = np.arctan2(step_y, step_x)
    if motion.shape[2] > 4:
        headings = -(motion[..., 4] + np.pi / 2)  # the y axis of a picture points down
    headings[_AGENTS:] = 0.0
    return headings.astype(np.float32)


def _colours(entry: dict[str, Any], *, file: Path) -> tuple[str, str, str, str]:
    """The names of the four entities' colours."""
    given = entry.get("entity_color_code", {})
    if not isinstance(given, dict):
        raise DataError(
            f"clip {entry['clip']!r}: entity_color_code is {given!r}, no object",
            remedy='write it as {"0": 0, "1": 2, "2": 3}, or leave it out',
            file=file,
        )
    code = list(given.values()) or [0, 3]
    agents = ("red", "green") if code[0] == 0 else ("green", "red")
    things = ("light blue", "pink") if code[-1] == 3 else ("pink", "light blue")
    return (*agents, *things)


def _to_room(points: FloatArray) -> FloatArray:
    """PHASE's coordinates to room halves; its y axis points up, pictures' points down."""
    return ((points - _CENTRE) / _HALF * np.array([1.0, -1.0])).astype(np.float32)
