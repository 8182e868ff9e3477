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
from bgs.errors import BgsError

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


def test_a_scene_without_walls_keeps_the_entities_that_take_part(tmp_path):
    motion = np.full((4, 6, 5), 12.0)
    motion[..., 0] = 16.0
    motion[0, :, 0] = 26.0  # ten units right of the centre: one room half
    scene = read_phase(write_folder(tmp_path, motion=motion))["one"]
    assert scene.num_entities == 3
    assert scene.walls.shape == (0, 2, 2)
    np.testing.assert_allclose(scene.positions[0, 0], [1.0, 0.0])
    np.testing.assert_allclose(scene.sizes, [0.08, 0.08, 0.12], rtol=1e-5)
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
