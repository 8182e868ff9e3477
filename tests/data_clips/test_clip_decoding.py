"""Every frame of every kind of file is the right one, whichever decoder reads it."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from bgs.data.decoding import decode, decode_clip
from bgs.data.decoding.orientation import UPRIGHT, turn_of, turn_picture
from bgs.data.decoding.pyav import VideoFile
from bgs.data.sampling import RandomSegments
from bgs.errors import ConfigError, VideoDecodeError
from bgs.frame_spec import FrameSpec

STEADY = [
    "plain.mp4", "fragmented.mp4", "hevc.mp4", "vp9.webm", "vp8.webm", "av1.mp4", "mjpeg.mov", "mpeg4.avi",
    "reordered.avi", "mpeg2.mpg", "transport.ts", "late.mkv", "odd.mp4", "ten_bit.mp4", "full_range.mp4",
    "bt709.mp4",
]  # fmt: skip
needs_decord = pytest.mark.skipif(
    importlib.util.find_spec("decord") is None, reason="decord has no wheel for this platform"
)


@pytest.mark.parametrize("name", STEADY)
def test_every_frame_in_order(studio, name):
    clip = decode_clip(studio.clip(name), studio.spec(name, 30))
    assert clip.frames.dtype == np.uint8
    assert clip.frames.shape == (30, 3, *reversed(studio.shape(name)))
    assert studio.numbers_of(clip.frames) == list(range(30))
    assert clip.seconds == pytest.approx([i / 30 for i in range(30)], abs=0.002)
    assert clip.duration_seconds == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("name", STEADY)
def test_pictures_are_those_of_a_sequential_decode(studio, name):
    path = studio.clip(name)
    with av.open(str(path)) as container:
        expected = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    found = decode(path, studio.spec(name, 30))
    difference = np.abs(found.transpose(0, 2, 3, 1).astype(int) - np.stack(expected))
    assert difference.max() <= 2


@pytest.mark.parametrize("name", ["varying.mp4", "varying.webm"])
def test_a_varying_rate_is_sampled_by_time(studio, name):
    clip = decode_clip(studio.clip(name), studio.spec(name, 8))
    times = np.array([3 * i * i / 600 for i in range(30)])
    moments = np.linspace(0, times[-1], 8)
    expected = [int(np.searchsorted(times, moment + 0.001, side="right")) - 1 for moment in moments]
    assert expected == [0, 10, 15, 18, 21, 24, 26, 29]
    assert studio.numbers_of(clip.frames) == expected == list(clip.indices)


def test_equal_time_stamps_keep_their_frames_apart(studio):
    path = studio.clip("doubled.mkv")
    with VideoFile(path, timeout_seconds=10) as video:
        pictures = dict(video.pictures(range(30)))
    assert [studio.number_of(pictures[i]) for i in range(30)] == list(range(30))
    # Of two frames at one moment the later stays on the screen.
    assert studio.numbers_of(decode(path, studio.spec_of(3))) == [1, 15, 29]


def test_frames_cut_off_by_an_edit_list_are_not_seen(studio):
    clip = decode_clip(studio.clip("edited.mp4"), studio.spec_of(23))
    assert studio.numbers_of(clip.frames) == list(range(7, 30))


@pytest.mark.parametrize("decoder", ["pyav", pytest.param("decord", marks=needs_decord)])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotated_picture_is_upright(studio, decoder, degrees):
    name = f"rotated{degrees}.mp4"
    stored = decode(studio.clip("plain.mp4"), studio.spec_of(4))
    clip = decode_clip(studio.clip(name), studio.spec(name, 4), decoder=decoder)
    assert clip.decoder == decoder
    np.testing.assert_array_equal(clip.frames, np.rot90(stored, -degrees // 90, axes=(2, 3)))


def test_all_eight_orientations():
    corner = np.zeros((2, 3, 3), dtype=np.uint8)
    corner[0, 0] = 1  # stored top left
    corner[0, 2] = 2  # stored top right
    where = {
        (1, 0, 0, 1): [(0, 0), (0, 2)], (-1, 0, 0, 1): [(0, 2), (0, 0)], (1, 0, 0, -1): [(1, 0), (1, 2)],
        (-1, 0, 0, -1): [(1, 2), (1, 0)], (0, 1, 1, 0): [(0, 0), (2, 0)], (0, 1, -1, 0): [(0, 1), (2, 1)],
        (0, -1, 1, 0): [(2, 0), (0, 0)], (0, -1, -1, 0): [(2, 1), (0, 1)],
    }  # fmt: skip
    for (a, b, c, d), (first, second) in where.items():
        matrix = struct.pack("=9i", *(x << 16 for x in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)
        seen = turn_picture(corner, turn_of(matrix))
        assert (int(seen[first][0]), int(seen[second][0])) == (1, 2)
    assert turn_of(None) == turn_of(bytes(36)) == turn_of(b"short") == UPRIGHT


@needs_decord
@pytest.mark.parametrize(
    "name", [*STEADY, "varying.mp4", "varying.webm", "doubled.mkv", "edited.mp4"]
)
def test_decord_agrees_within_two_levels(studio, name):
    spec = studio.spec(name, 12)
    ours, theirs = (decode_clip(studio.clip(name), spec, decoder=d) for d in ("pyav", "decord"))
    assert ours.indices == theirs.indices
    assert np.abs(ours.frames.astype(int) - theirs.frames).max() <= 2


@needs_decord
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("av1.mp4", "decord says: "),
        ("edited.mp4", "decord counts 30 frames where there are 23"),
        ("transport.ts", "decord is not believed about mpegts files"),
        ("ten_bit.mp4", "decord is not believed about colours of 10 bits"),
        ("doubled.mkv", "decord is not believed about frames with equal time stamps"),
    ],
)
def test_what_decord_cannot_be_trusted_with_falls_back_to_pyav(studio, caplog, name, reason):
    with caplog.at_level(logging.WARNING):
        clip = decode_clip(studio.clip(name), studio.spec(name, 12), decoder="decord")
    assert clip.decoder == "pyav"
    assert reason in caplog.text
    assert "PyAV reads it instead" in caplog.text


@needs_decord
def test_decord_is_used_where_it_can_be(studio):
    assert (
        decode_clip(studio.clip("plain.mp4"), studio.spec_of(8), decoder="decord").decoder
        == "decord"
    )


def test_a_sampler_replaces_that_of_the_spec(studio):
    clip = decode_clip(
        studio.clip("plain.mp4"), studio.spec_of(4), sampler=RandomSegments(num_frames=4, seed=3)
    )
    assert studio.numbers_of(clip.frames) == list(clip.indices)
    assert clip.indices != (0, 9, 19, 29)
    assert repr(clip) == "DecodedClip(frames (4, 3, 96, 128) by pyav)"


@pytest.mark.parametrize("name", ["long.mp4", "hevc.mp4", "plain.mp4", "varying.mp4"])
def test_frames_that_are_skipped_change_nothing(studio, monkeypatch, name):
    """Unreferenced frames that nobody wants are not decoded; those that are wanted stay the same."""
    with VideoFile(studio.clip(name), timeout_seconds=10) as video:
        number = len(video.timeline)
        every = dict(video.pictures(range(number)))
        for wanted in ([0], [number - 1], [3, 4, 11], list(range(0, number, 3))):
            some = dict(video.pictures(wanted))
            assert list(some) == wanted
            assert all(np.array_equal(some[i], every[i]) for i in wanted)
        decoded = sum(1 for _ in video._frames(wanted=[number - 1]))
    assert decoded < number


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.webm", "libvpx-vp9"), ("a.mkv", "libx264")]
)
def test_sound_that_outlasts_the_pictures_is_no_fault(studio, tmp_path, name, codec):
    path = studio.write_video(tmp_path / name, codec=codec, sound_seconds=1.7)
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1
        assert container.duration > 1_600_000
    assert studio.numbers_of(decode(path, studio.spec_of(3))) == [0, 14, 29]


def test_one_frame(studio):
    assert studio.numbers_of(decode(studio.clip("one_frame.mp4"), studio.spec_of(1))) == [0]


def test_too_short_a_clip_names_the_file(studio):
    path = studio.clip("one_frame.mp4")
    with pytest.raises(VideoDecodeError) as caught:
        decode(path, studio.spec_of(8))
    assert str(caught.value) == (
        f"{path}: has 1 frames but 8 are asked for; use longer clips, fewer frames, or short_clips='hold'"
    )


@pytest.mark.parametrize("name", ["klips ü 猫 %d.mp4", "a:b.mp4", "x" * 200 + ".mp4"])
def test_unusual_names(studio, tmp_path, name):
    path = tmp_path / name
    shutil.copy(studio.clip("plain.mp4"), path)
    assert studio.numbers_of(decode(path, studio.spec_of(3))) == [0, 14, 29]


def test_a_very_long_path(studio, tmp_path):
    folder = tmp_path.joinpath(*["d" * 100] * 20)
    folder.mkdir(parents=True)
    shutil.copy(studio.clip("plain.mp4"), folder / "clip.mp4")
    assert studio.numbers_of(decode(folder / "clip.mp4", studio.spec_of(3))) == [0, 14, 29]


def test_an_unknown_decoder(studio):
    with pytest.raises(ConfigError) as caught:
        decode(studio.clip("plain.mp4"), studio.spec_of(3), decoder="ffmpeg")
    assert str(caught.value) == (
        "decoder 'ffmpeg' is unknown; choose one of auto, pyav, decord, torchcodec"
    )


def test_a_crop_larger_than_the_picture(studio):
    wide = FrameSpec(num_frames=2, height=96, width=200, resize_short_side=96)
    path = studio.clip("plain.mp4")
    with pytest.raises(VideoDecodeError) as caught:
        decode(path, wide)
    assert str(caught.value) == (
        f"{path}: pictures of 96 x 128 become 96 x 128, too small for a crop of 96 x 200;"
        " use clips of another shape, or a larger resize_short_side"
    )


def test_a_thousand_opens_leak_nothing(studio):
    path, spec = studio.clip("plain.mp4"), studio.spec_of(2)

    def resident_bytes() -> int:
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    if not Path("/proc/self/statm").exists():
        pytest.skip("resident memory is read from /proc")
    for _ in range(100):
        decode(path, spec)
    before = resident_bytes()
    for _ in range(1000):
        decode(path, spec)
    assert resident_bytes() - before < 20 * 2**20
