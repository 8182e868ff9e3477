"""Named looks: the same motion each time, drawn where and as large as the scene says."""

import re

import numpy as np
import pytest

from bgs.animations.appearance import Appearance
from bgs.animations.ground import paint_look
from bgs.animations.looks import LOOKS, PHASE_COLOURS, Look, make_look, name_colour
from bgs.animations.placing import place_entities
from bgs.animations.render import render_scene
from bgs.animations.scene import Scene
from bgs.errors import BgsError

SIZE = 120


def room(*, heading: float = 0.0, steps: int = 12, walls: bool = False) -> Scene:
    """Two agents and two things that stand apart, the first agent walking right."""
    positions = np.zeros((4, steps, 2), np.float32)
    positions[:, :, 0] = np.array([-0.5, 0.5, -0.5, 0.5])[:, None]
    positions[:, :, 1] = np.array([-0.5, -0.5, 0.5, 0.5])[:, None]
    positions[0, :, 0] += np.linspace(0, 0.4, steps)
    ends = np.array([[[0.0, -0.2], [0.0, 0.6]]], np.float32) if walls else np.zeros((0, 2, 2))
    return Scene(
        positions,
        np.full((4, steps), heading, np.float32),
        np.array([0.15, 0.12, 0.1, 0.1], np.float32),
        walls=ends.astype(np.float32),
        landmarks=np.array([[-0.75, 0.75]], np.float32),
    )


def drawn(scene: Scene, look: Look, *, size: int = SIZE) -> np.ndarray:
    """How much each pixel of the first frame differs from what stands still, 0 to 1."""
    still = np.floor(paint_look(scene, look, size=size) * 255 + 0.5)
    first = render_scene(scene, look, size=size)[0]
    return np.abs(first - still).max(axis=-1) / 255


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize(("size", "rate"), [(33, 8), (96, 12)])
def test_any_size_and_rate_and_the_same_bytes_again(name, size, rate):
    scene = room(walls=True)
    frames = render_scene(scene, make_look(name, scene, seed=5), size=size, frames_per_second=rate)
    assert frames.shape == (round(scene.seconds * rate), size, size, 3)
    assert frames.dtype == np.uint8
    again = render_scene(scene, make_look(name, scene, seed=5), size=size, frames_per_second=rate)
    assert frames.tobytes() == again.tobytes()


def test_a_disc_has_the_area_and_the_place_of_its_entity():
    scene = room()
    look = make_look("discs", scene)
    change = drawn(scene, look, size=200)
    placed = place_entities(scene, look, times=np.array([0.5 / 12]), size=200)
    left, right = change[10:90, 10:90], change[10:90, 110:190]  # without the outer wall
    radius = 0.15 * 100 * look.camera.zoom
    assert left.max() == pytest.approx(0.95 - 0.5, abs=0.01)  # the first agent is light
    assert left.sum() / left.max() == pytest.approx(np.pi * radius**2, rel=0.02)
    rows, columns = np.mgrid[10:90, 10:90] + 0.5
    centre = np.array([(left * columns).sum(), (left * rows).sum()]) / left.sum()
    np.testing.assert_allclose(centre, placed.centres[0, 0], atol=0.1)
    assert right.max() == pytest.approx(0.5 - 0.06, abs=0.01)  # the second one is dark


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.2])
def test_eyes_and_the_narrow_end_are_in_front(heading):
    scene = room(heading=heading)
    look = make_look("phase", scene)
    first = render_scene(scene, look, size=300)[0][:150, :150].astype(float)
    centre = place_entities(scene, look, times=np.array([0.5 / 12]), size=300).centres[0, 0]
    rows, columns = np.mgrid[:150, :150] + 0.5
    along = (columns - centre[0]) * np.cos(heading) + (rows - centre[1]) * np.sin(heading)
    near = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 < 30**2
    pupils = near & (first.max(axis=-1) < 60)
    assert along[pupils].mean() > 5
    body = near & (first[..., 0] > 200) & (first[..., 1:].max(axis=-1) < 60)
    assert along[body].mean() < -2  # the broad end is behind


def test_looks_share_the_motion_and_nothing_else():
    scene = room(walls=True)
    times = (np.arange(6) + 0.5) / 12
    paths, pictures = [], []
    for name in ("phase", "points", "discs", "heider-simmel"):
        look = make_look(name, scene)
        placed = place_entities(scene, look, times=times, size=SIZE)
        paths.append((placed.centres / SIZE - 0.5) / look.camera.zoom)
        pictures.append(render_scene(scene, look, size=SIZE)[0])
    for path in paths[1:]:
        np.testing.assert_allclose(path, paths[0], atol=1e-6)
    means = [picture.mean() for picture in pictures]
    assert max(means) - min(means) > 150  # black with points of light, white with shapes
    assert len({picture.tobytes() for picture in pictures}) == 4


def test_points_leave_almost_everything_black_and_show_no_walls():
    scene = room(walls=True)
    first = render_scene(scene, make_look("points", scene), size=SIZE)[0]
    lit = (first.max(axis=-1) > 100).mean()
    assert 0.002 < lit < 0.02
    assert first[SIZE // 2 + 10, SIZE // 2].max() == 0  # where the wall would be


def test_phase_scenes_keep_their_own_colours():
    scene = room()
    colours = ("green", "red", "pink", "light blue")
    recorded = Scene(scene.positions, scene.headings, scene.sizes, metadata={"colours": colours})
    look = make_look("phase", recorded, seed=9)
    assert tuple(name_colour(body) for body in look.bodies) == colours
    assert PHASE_COLOURS["pink"] == (1.0, 0.6, 0.6)
    first = render_scene(recorded, look, size=100)[0]
    np.testing.assert_array_equal(first[75, 25], [255, 153, 153])  # the first thing


def test_the_seed_says_which_agent_is_which():
    scene = room()
    bodies = {make_look("heider-simmel", scene, seed=seed).bodies for seed in range(8)}
    assert len(bodies) == 2
    assert isinstance(make_look("random", scene), Appearance)
    assert repr(make_look("discs", scene)) == "Look('discs', entities=4)"


def test_landmarks_are_areas_half_a_room_half_wide():
    scene = room()
    first = render_scene(scene, make_look("phase", scene), size=SIZE)[0]
    blue = (first == [45, 45, 180]).all(axis=-1)
    side = 0.5 * make_look("phase", scene).camera.zoom * SIZE / 2
    assert (side - 3) ** 2 < blue.sum() <= side**2  # the outer wall covers a part of it
    assert blue[SIZE // 2 :, : SIZE // 2].sum() == blue.sum()


def test_mistakes_are_named():
    scene = room()
    message = "'cartoon' is not a look; the looks are phase, heider-simmel, points, discs, random"
    with pytest.raises(BgsError, match=f"^{re.escape(message)}$"):
        make_look("cartoon", scene)
    pair = Scene(scene.positions[:2], scene.headings[:2], scene.sizes[:2])
    message = "the look 'discs' has 4 bodies, the scene 2 entities; make the look for this scene"
    with pytest.raises(BgsError, match=f"^{re.escape(message)}$"):
        render_scene(pair, make_look("discs", scene))
