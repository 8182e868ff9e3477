"""What is drawn has the right area, the right place, and the same bytes every time."""

import av
import numpy as np
import pytest

from bgs.animations.appearance import Appearance, Backdrop, Camera, sample_appearance
from bgs.animations.render import render_scene
from bgs.animations.scene import Scene
from bgs.animations.seeds import generator
from bgs.animations.shapes import draw_shape
from bgs.animations.video import write_mp4
from bgs.errors import BgsError


def still_scene(*, seconds: float = 0.5) -> Scene:
    steps = round(24 * seconds)
    positions = np.zeros((2, steps, 2), np.float32)
    positions[0, :, 0], positions[1, :, 0] = -0.5, 0.5
    return Scene(positions, np.zeros((2, steps), np.float32), np.full(2, 0.2, np.float32))


def plain_look() -> Appearance:
    grey = (0.5, 0.5, 0.5)
    return Appearance(
        camera=Camera(zoom=1.0, turn=0.0, mirrored=False, pan=(0, 0), drift=(0, 0)),
        backdrop=Backdrop(grey, grey, "plain", 0.0, 2.0, 0.0, 0, (), None, grey),
        shapes=("circle", "square"),
        colours=np.array([[1, 1, 1], [0, 0, 0]], np.float32),
        light=1.0,
        light_slope=(0.0, 0.0),
    )


@pytest.mark.parametrize("shape", ["circle", "square", "triangle", "hexagon", "trapezoid"])
@pytest.mark.parametrize("heading", [0.0, 0.4])
def test_anti_aliased_area_matches_the_closed_form(shape, heading):
    frames = np.zeros((1, 80, 80, 3), np.float32)
    draw_shape(
        frames,
        shape=shape,
        centres=np.array([[40.3, 39.8]]),
        radius=15.0,
        headings=np.array([heading]),
        colour=np.ones(3, np.float32),
    )
    assert frames[0, ..., 0].sum() == pytest.approx(np.pi * 15**2, rel=0.01)


def test_a_shape_half_outside_the_picture_covers_half():
    frames = np.zeros((1, 60, 60, 3), np.float32)
    draw_shape(
        frames,
        shape="circle",
        centres=np.array([[0.0, 30.0]]),
        radius=10.0,
        headings=np.zeros(1),
        colour=np.ones(3, np.float32),
    )
    assert frames[..., 0].sum() == pytest.approx(np.pi * 100 / 2, rel=0.02)


def test_agents_appear_where_the_scene_says():
    frame = render_scene(still_scene(), plain_look(), size=64)[0].astype(float).mean(-1)
    assert frame[32, 13] > 240  # light agent, left
    assert frame[32, 45] < 15  # dark agent, right
    assert frame[5, 32] == pytest.approx(128, abs=1)


@pytest.mark.parametrize(("size", "rate"), [(48, 12), (64, 8), (130, 24)])
def test_any_size_and_rate_and_the_same_bytes_again(size, rate):
    look = sample_appearance(generator("test", 3))
    frames = render_scene(still_scene(), look, size=size, frames_per_second=rate)
    assert frames.shape == (rate // 2, size, size, 3)
    assert frames.dtype == np.uint8
    again = render_scene(still_scene(), look, size=size, frames_per_second=rate)
    np.testing.assert_array_equal(frames, again)


def test_a_drifting_camera_moves_ground_and_agents_together():
    look = plain_look()
    camera = Camera(zoom=1.0, turn=0.0, mirrored=False, pan=(0, 0), drift=(0.25, 0.0))
    drifting = Appearance(camera, look.backdrop, look.shapes, look.colours, 1.0, (0.0, 0.0))
    frames = render_scene(still_scene(seconds=2.0), drifting, size=64, frames_per_second=12)
    columns = np.arange(64) + 0.5
    light = np.maximum(frames.astype(float).mean(-1) - 130, 0)
    first, last = ((light[k].sum(0) * columns).sum() / light[k].sum() for k in (0, -1))
    assert last - first == pytest.approx(0.25 * 32 * 23 / 24, abs=0.3)


def test_mp4_files_are_identical_and_close_to_the_frames(tmp_path):
    look = sample_appearance(generator("test", 4))
    frames = render_scene(still_scene(seconds=1.0), look, size=64)
    for name in ("a.mp4", "b.mp4"):
        write_mp4(tmp_path / name, frames, frames_per_second=12)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as video:
        decoded = np.stack([f.to_ndarray(format="rgb24") for f in video.decode(video=0)])
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(float) - frames).mean() < 5


def test_odd_sides_are_refused(tmp_path):
    with pytest.raises(BgsError, match=r"^odd\.mp4 would be 33 x 33 pixels, but H\.264 needs even"):
        write_mp4(tmp_path / "odd.mp4", np.zeros((2, 33, 33, 3), np.uint8), frames_per_second=12)
