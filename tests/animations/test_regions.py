"""Boxes hold what is drawn, follow walls closely, and reach disk in the documented columns."""

import numpy as np
import pandas as pd
import pytest

from bgs.animations.appearance import sample_appearance
from bgs.animations.ground import paint_look
from bgs.animations.looks import Look, make_look
from bgs.animations.placing import sample_times
from bgs.animations.regions import COLUMNS, Region, scene_regions, write_regions
from bgs.animations.render import render_scene
from bgs.animations.scene import Scene
from bgs.animations.seeds import generator

SIZE = 160


def room(*, heading: float = 0.7) -> Scene:
    positions = np.zeros((3, 12, 2), np.float32)
    positions[:, :, 0] = np.array([-0.5, 0.5, 0.0])[:, None] + np.linspace(0, 0.2, 12)
    positions[:, :, 1] = np.array([-0.4, 0.4, 0.0])[:, None]
    return Scene(
        positions,
        np.full((3, 12), heading, np.float32),
        np.array([0.15, 0.12, 0.1], np.float32),
        walls=np.array([[[0.0, -0.9], [0.0, -0.5]]], np.float32),
    )


def mask_of(boxes: list[Region], *, slack: float) -> np.ndarray:
    centre = (np.arange(SIZE) + 0.5) / SIZE
    inside = np.zeros((SIZE, SIZE), bool)
    for box in boxes:
        rows = (centre > box.y0 - slack) & (centre < box.y1 + slack)
        columns = (centre > box.x0 - slack) & (centre < box.x1 + slack)
        inside |= rows[:, None] & columns
    return inside


@pytest.mark.parametrize("name", ["phase", "heider-simmel", "points", "discs"])
def test_boxes_hold_every_drawn_pixel_and_little_more(name):
    scene = room()
    look = make_look(name, scene)
    assert isinstance(look, Look)
    regions = scene_regions(scene, look, sample_times(scene, frames_per_second=12), walls=False)
    still = np.clip(paint_look(scene, look, size=SIZE) * 255 + 0.5, 0, 255).astype(np.uint8)
    frames = render_scene(scene, look, size=SIZE)
    assert {region.frame for region in regions} == set(range(len(frames)))
    for number in (0, len(frames) - 1):
        changed = (frames[number] != still).any(axis=-1)
        boxes = [region for region in regions if region.frame == number]
        assert not (changed & ~mask_of(boxes, slack=1 / SIZE)).any()
        for box in boxes:
            own = changed & mask_of([box], slack=0.0)
            rows, columns = np.nonzero(own)
            found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / SIZE
            edges = (box.x0, box.y0, box.x1, box.y1)
            np.testing.assert_allclose(found, edges, atol=2 / SIZE)


def test_a_disc_in_the_middle_has_the_box_of_a_circle():
    scene = room()
    look = make_look("discs", scene)
    thing = next(
        region
        for region in scene_regions(scene, look, np.array([0.5 / 24]))
        if region.region == "object_1"
    )
    half, middle = 0.1 * look.camera.zoom / 2, 0.5 + 0.0
    assert (thing.x0, thing.y0) == pytest.approx((middle - half, middle - half), abs=1e-6)
    assert (thing.x1, thing.y1) == pytest.approx((middle + half, middle + half), abs=1e-6)


def test_an_upright_wall_is_one_thin_box_and_no_box_where_it_is_not_drawn():
    scene = room()
    look = make_look("phase", scene)
    (wall,) = [r for r in scene_regions(scene, look, np.array([0.1])) if r.region == "wall"]
    zoom = look.camera.zoom
    assert wall.x1 - wall.x0 == pytest.approx(look.wall_half_width * zoom, abs=1e-6)
    assert wall.y1 - wall.y0 == pytest.approx((0.4 + 2 * look.wall_half_width) * zoom / 2, abs=1e-6)
    dark = make_look("points", scene)
    assert not [r for r in scene_regions(scene, dark, np.array([0.1])) if r.region == "wall"]


def test_slanting_walls_and_drifting_cameras_are_followed():
    scene = room()
    for seed in range(6):
        look = sample_appearance(generator("test", seed))
        frames = render_scene(scene, look, size=SIZE).astype(float)
        regions = scene_regions(scene, look, sample_times(scene, frames_per_second=12))
        walls = [r for r in regions if r.region == "wall" and r.frame == len(frames) - 1]
        inside = mask_of(walls, slack=0.0)
        assert inside.mean() < 0.04  # a box around the whole of a slanting wall would be larger
        paint = np.array(look.backdrop.wall_colour)
        pixels = frames[-1][inside] / 255
        assert np.linalg.norm(pixels - paint, axis=-1).min() < 0.25


def test_what_leaves_the_picture_has_no_box():
    positions = np.zeros((2, 4, 2), np.float32)
    positions[0, :, 0], positions[1, :, 0] = 5.0, 1.0
    scene = Scene(positions, np.zeros((2, 4), np.float32), np.full(2, 0.2, np.float32))
    regions = scene_regions(scene, make_look("discs", scene), np.array([0.05]))
    assert [region.region for region in regions] == ["agent_2"]
    assert regions[0].x1 == 1.0


def test_the_table_has_the_documented_columns(tmp_path):
    scene = room()
    look = make_look("discs", scene)
    times = sample_times(scene, frames_per_second=12)
    write_regions(tmp_path / "regions.csv", {"one": scene_regions(scene, look, times)})
    table = pd.read_csv(tmp_path / "regions.csv")
    assert tuple(table.columns) == COLUMNS
    assert set(table["region"]) == {"agent_1", "agent_2", "object_1", "wall"}
    assert len(table) == 4 * len(times)
    assert table[["x0", "y0", "x1", "y1"]].to_numpy().min() >= 0
    np.testing.assert_allclose(np.unique(table["time_seconds"]), times, atol=1e-5)
