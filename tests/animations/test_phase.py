"""PHASE-style folders become scenes; incomplete ones are refused by name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bgs.animations.appearance import sample_appearance
from bgs.animations.phase import read_phase
from bgs.animations.render import render_scene
from bgs.animations.seeds import generator
from bgs.errors import BgsError, DataError

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "phase60"


def write_folder(folder: Path, *, motion: np.ndarray, **changes: object) -> Path:
    entry = {
        "clip": "one",
        "entity_sizes": [0.8, 0.8, 0.8, 1.2],
        "entity_color_code": {"0": 1, "1": 0, "3": 2},
        "wall_segs": [],
        "landmark_centers": [[8.5, 19.5]],
    }
    (folder / "scenes.json").write_text(json.dumps([entry | changes]))
    np.savez(folder / "trajectories.npz", one=motion)
    return folder


def test_a_scene_without_walls_keeps_all_four_entities(tmp_path):
    motion = np.full((4, 6, 5), 12.0)
    motion[..., 0] = 16.0
    motion[0, :, 0] = 26.0  # ten units right of the centre: one room half
    scene = read_phase(write_folder(tmp_path, motion=motion))["one"]
    assert scene.num_entities == 4
    assert scene.walls.shape == (0, 2, 2)
    np.testing.assert_allclose(scene.positions[0, 0], [1.0, 0.0])
    np.testing.assert_allclose(scene.sizes, [0.08, 0.08, 0.08, 0.12], rtol=1e-5)
    assert scene.seconds == pytest.approx(3.0)


def test_missing_entities_are_refused(tmp_path):
    folder = write_folder(tmp_path, motion=np.zeros((2, 6, 5)))
    message = "trajectory of 'one' has shape (2, 6, 5), expected (4, steps, 2 or more)"
    with pytest.raises(BgsError, match=re.escape(message)):
        read_phase(folder)


def test_nan_trajectories_are_refused(tmp_path):
    folder = write_folder(tmp_path, motion=np.full((4, 6, 5), np.nan))
    with pytest.raises(BgsError, match="scene positions contain values that are not finite"):
        read_phase(folder)


def test_missing_files_and_scenes_are_named(tmp_path):
    with pytest.raises(BgsError, match=r"scenes\.json is missing; point to a folder"):
        read_phase(tmp_path)
    folder = write_folder(tmp_path, motion=np.zeros((4, 6, 5)), clip="two")
    with pytest.raises(BgsError, match="scene 'two' has no trajectory in trajectories"):
        read_phase(folder)


def test_agents_face_where_the_recording_says_and_things_do_not_turn(tmp_path):
    motion = np.full((4, 6, 5), 12.0)
    motion[..., 0] = 16.0 + np.linspace(0, 1, 6)  # everything drifts to the right
    motion[0, :, 4] = np.pi / 2  # a quarter turn from its start, where it faced up: it faces left
    motion[1, :, 4] = 0.0
    scene = read_phase(write_folder(tmp_path, motion=motion))["one"]
    ahead = np.stack([np.cos(scene.headings), np.sin(scene.headings)], axis=-1)[:, 0]
    np.testing.assert_allclose(ahead[0], [-1, 0], atol=1e-6)
    np.testing.assert_allclose(
        ahead[1], [0, -1], atol=1e-6
    )  # up: the y axis of a picture points down
    np.testing.assert_array_equal(scene.headings[2:], 0)


def test_without_angles_agents_face_where_they_go(tmp_path):
    motion = np.full((4, 6, 2), 12.0)
    motion[..., 0] = 16.0 - np.linspace(0, 1, 6)
    scene = read_phase(write_folder(tmp_path, motion=motion))["one"]
    np.testing.assert_allclose(np.cos(scene.headings[:2]), -1, atol=1e-6)


@pytest.mark.parametrize(
    ("code", "colours"),
    [
        ({"0": 0, "1": 2, "2": 3}, ("red", "green", "light blue", "pink")),
        ({"0": 1, "1": 3, "2": 2}, ("green", "red", "pink", "light blue")),
        ({"0": 1, "1": 0, "3": 2, "4": 3}, ("green", "red", "light blue", "pink")),
        ({}, ("red", "green", "light blue", "pink")),
    ],
)
def test_colours_are_read_in_their_order_not_by_key(code, colours, tmp_path):
    folder = write_folder(tmp_path, motion=np.zeros((4, 6, 5)), entity_color_code=code)
    assert read_phase(folder)["one"].metadata["colours"] == colours


def test_the_original_tempo_is_four_steps_a_second(tmp_path):
    folder = write_folder(tmp_path, motion=np.zeros((4, 40, 5)))
    assert read_phase(folder, seconds=None)["one"].seconds == pytest.approx(10.0)
    assert read_phase(folder, seconds=5.0)["one"].seconds == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"wall_segs": [[[16, 12], [16, 12]]]},
            "clip 'one': wall number 1 is a point; give it two",
        ),
        (
            {"wall_segs": [[16, 12, 3]]},
            "scenes.json: clip 'one': wall_segs: cannot reshape array of",
        ),
        (
            {"wall_segs": [{"a": 1}]},
            "clip 'one': wall_segs: float() argument must be a string or a",
        ),
        (
            {"entity_sizes": ["a"] * 4},
            "entity_sizes: could not convert string to float: 'a'; write one number an entity",
        ),
        ({"entity_sizes": [1, 1, 1, [2]]}, "clip 'one': entity_sizes: "),
        ({"entity_sizes": [1e30, 1, 1, 1]}, "entity_sizes: not finite, or far outside the world"),
        ({"entity_sizes": "abc"}, "scene 'one' has no list 'entity_sizes'; add it"),
        ({"landmark_centers": [[float("nan"), 1]]}, "landmark_centers: not finite, or far"),
        ({"entity_color_code": [0, 3]}, "clip 'one': entity_color_code is [0, 3], no object; "),
        ({"entity_color_code": None}, "clip 'one': entity_color_code is None, no object; write"),
        ({"clip": "../../../out"}, "of scene number 1 is '../../../out', which is a path; give a"),
        ({"clip": "/tmp/out"}, "of scene number 1 is '/tmp/out', which is a path; give a name"),
        ({"clip": "..\\out"}, "which is a path; give a name without / \\ and :"),
        ({"clip": ".."}, "of scene number 1 is '..', which begins with '.'; begin it with a"),
        ({"clip": "-rf"}, "of scene number 1 is '-rf', which begins with '-'; begin it with"),
        ({"clip": "a\nb"}, "of scene number 1 is 'a\\nb', with a character that cannot be printed"),
        ({"clip": "x" * 302}, "of 302 characters; an id has 200 at most"),
        ({"landmark_centers": None}, "scene 'one' has no list 'landmark_centers'; add it"),
        ({"entity_sizes": [1, 1, 0, 1]}, "clip 'one': scene sizes and steps_per_second must be"),
        ({"clip": 3}, "scene number 1 names no clip; add `clip`"),
    ],
)
def test_broken_entries_are_refused_by_name(changes, message, tmp_path):
    folder = write_folder(tmp_path, motion=np.zeros((4, 6, 5)), **changes)
    with pytest.raises(DataError, match=re.escape(message)):
        read_phase(folder)


def test_broken_files_are_refused(tmp_path):
    folder = write_folder(tmp_path, motion=np.zeros((4, 6, 5)))
    entry = json.loads((folder / "scenes.json").read_text())
    (folder / "scenes.json").write_text(json.dumps(entry * 2))
    with pytest.raises(DataError, match="scene 'one' is listed twice; keep one of them"):
        read_phase(folder)
    (folder / "scenes.json").write_text("[")
    with pytest.raises(DataError, match=r"scenes\.json, row 1: not JSON: Expecting value; export"):
        read_phase(folder)
    (folder / "scenes.json").write_text("[" * 200_000)
    with pytest.raises(DataError, match=r"scenes\.json: brackets within brackets without end"):
        read_phase(folder)
    (folder / "scenes.json").write_bytes(b'["\xe9"]')
    with pytest.raises(DataError, match=r"scenes\.json, row 1: byte 0xe9 is not UTF-8; export"):
        read_phase(folder)
    twins = [entry[0], entry[0] | {"clip": "ONE"}]
    (folder / "scenes.json").write_text(json.dumps(twins))
    with pytest.raises(DataError, match="scenes 'one' and 'ONE' differ in capitals alone; rename"):
        read_phase(folder)
    (folder / "scenes.json").write_text("{}")
    with pytest.raises(DataError, match="is not a list of scenes"):
        read_phase(folder)
    (folder / "trajectories.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"trajectories\.npz: is not an \.npz file of plain arrays"):
        read_phase(folder)


def test_an_array_file_is_no_archive_and_a_byte_order_mark_is_no_fault(tmp_path):
    folder = write_folder(tmp_path, motion=np.zeros((4, 6, 5)))
    scenes = folder / "scenes.json"
    scenes.write_bytes(b"\xef\xbb\xbf" + scenes.read_bytes())
    assert list(read_phase(folder)) == ["one"]
    with (folder / "trajectories.npz").open("wb") as file:
        np.save(file, np.zeros((4, 6, 5)))
    with pytest.raises(DataError, match=r"trajectories\.npz: is not an \.npz file of plain arrays"):
        read_phase(folder)


@pytest.mark.parametrize(
    ("motion", "message"),
    [
        (np.full((4, 6, 5), "a"), "trajectory of 'one' holds str32, no numbers; store x and y as"),
        (np.zeros((4, 6, 5), complex), "trajectory of 'one' holds complex128, no numbers"),
        (np.zeros((4, 1, 5)), "trajectory of 'one' has 1 step; give two or more"),
        (np.full((4, 6, 5), 1e300), "trajectory of 'one' goes beyond 1000, far outside the world"),
    ],
)
def test_trajectories_that_are_none_are_refused(motion, message, tmp_path):
    with pytest.raises(DataError, match=re.escape(message)):
        read_phase(write_folder(tmp_path, motion=motion))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the 60 PHASE scenes are not at {SHARED}")
def test_the_sixty_real_scenes_fit_and_render():
    scenes = read_phase(SHARED)
    assert len(scenes) == 60
    travel = [
        np.linalg.norm(np.diff(s.positions[:2], axis=1), axis=-1).sum(1) for s in scenes.values()
    ]
    assert 3.5 < np.mean(travel) < 6.0
    assert max(np.abs(s.positions).max() for s in scenes.values()) < 1.1
    scene = next(iter(scenes.values()))
    look = sample_appearance(generator("test", 0), num_entities=scene.num_entities)
    assert render_scene(scene, look, size=64).shape == (36, 64, 64, 3)
