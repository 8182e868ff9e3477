"""Where in the picture everything is, frame by frame: boxes as shares of width and height (0 to 1).

    rows = scene_regions(scene, look, times)
    table = write_regions(videos / "regions.csv", {"demo_0000": rows})

Columns of the table: clip, frame (counted from 0 in the clip's own frames), time_seconds (the middle of the
frame), region, x0, y0, x1, y1; x runs right and y down. A region is `agent_1`, `agent_2`, `object_1`, ... in
the order of the scene, or `wall`: a frame has as many rows for it as boxes are needed to follow the walls
closely. What is in no box is empty ground.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bgs.animations.behaviours import FloatArray
from bgs.animations.looks import Body, Look, Part
from bgs.animations.physics import WALL_HALF_WIDTH
from bgs.animations.placing import AnyLook, Placement, place_entities
from bgs.animations.scene import Scene
from bgs.animations.shapes import outline_points

COLUMNS = ("clip", "frame", "time_seconds", "region", "x0", "y0", "x1", "y1")
WALL = "wall"
_NOTHING = 1e-4  # what is thinner, as a share of the picture, has left it


@dataclass(frozen=True)
class Region:
    """One box in one frame; shares of the picture's width and height."""

    frame: int
    time_seconds: float
    region: str
    x0: float
    y0: float
    x1: float
    y1: float


def scene_regions(
    scene: Scene, look: AnyLook, times: FloatArray, *, walls: bool = True
) -> list[Region]:
    """Boxes of everything that is at least partly in the picture, at `times` (one a frame)."""
    placed = place_entities(scene, look, times=times, size=1.0)
    boxes = {name: _entity_boxes(look, placed, entity) for entity, name in _names(scene).items()}
    still = _wall_boxes(scene, look) if walls else np.zeros((0, 4))
    regions = []
    for frame, (time, shift) in enumerate(zip(times, placed.shifts, strict=True)):
        shown = [(name, box[frame]) for name, box in boxes.items()]
        shown += [(WALL, box + np.tile(shift, 2)) for box in still]
        for name, box in shown:
            x0, y0, x1, y1 = (float(edge) for edge in np.clip(box, 0, 1))
            if min(x1 - x0, y1 - y0) > _NOTHING:
                regions.append(Region(frame, float(time), name, x0, y0, x1, y1))
    return regions


def write_regions(file: Path, regions: Mapping[str, Iterable[Region]]) -> None:
    """The boxes of every clip as one CSV table."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for clip, boxes in regions.items():
            for box in boxes:
                edges = (f"{edge:.5f}" for edge in (box.x0, box.y0, box.x1, box.y1))
                writer.writerow((clip, box.frame, f"{box.time_seconds:.5f}", box.region, *edges))


def _names(scene: Scene) -> dict[int, str]:
    """Entity -> its region."""
    agents = {entity: f"agent_{k}" for k, entity in enumerate(scene.agents, start=1)}
    return agents | {entity: f"object_{k}" for k, entity in enumerate(scene.objects, start=1)}


def _entity_boxes(look: AnyLook, placed: Placement, entity: int) -> FloatArray:
    """The box around all parts of a body, (times, 4: x0, y0, x1, y1)."""
    parts = _parts(look, entity)
    heading = placed.headings[entity]
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)  # (times, 2)
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    corners = []
    for part in parts:
        points = outline_points(part.shape) * part.scale  # (corners, 2) in radii
        centre = part.ahead * ahead + part.aside * aside
        if part.shape == "circle":  # it has no corners to turn
            corners.append(centre[:, None] + points)
        else:
            turned = points[:, :1] * ahead[:, None] + points[:, 1:] * aside[:, None]
            corners.append(centre[:, None] + turned)  # (times, corners, 2)
    around = (
        np.concatenate(corners, axis=1) * placed.radii[entity] + placed.centres[entity][:, None]
    )
    return np.concatenate([around.min(axis=1), around.max(axis=1)], axis=1)


def _parts(look: AnyLook, entity: int) -> Body:
    if isinstance(look, Look):
        return look.bodies[entity]
    return (Part(look.shapes[entity], (0.0, 0.0, 0.0)),)


def _wall_boxes(scene: Scene, look: AnyLook) -> FloatArray:
    """Boxes (boxes, 4) that follow the inner walls; a slanting wall is cut into short pieces."""
    half_width = WALL_HALF_WIDTH
    if isinstance(look, Look):
        if look.walls is None:
            return np.zeros((0, 4))
        half_width = look.wall_half_width
    width = half_width * look.camera.zoom / 2
    boxes = []
    for wall in scene.walls:
        start, end = (look.camera.view(wall) + 1) / 2
        pieces = max(int(np.ceil(np.abs(end - start).min() / (4 * width))), 1)
        edges = start + np.linspace(0, 1, pieces + 1)[:, None] * (end - start)
        low, high = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
        boxes.append(np.concatenate([low - width, high + width], axis=1))
    return np.concatenate(boxes) if boxes else np.zeros((0, 4))
