"""What is left out to save time changes nothing: frames that nobody wants, and the look inside on opening."""

from __future__ import annotations

import importlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from bgs.data.decoding import decode, decode_clip
from bgs.data.decoding.pyav import VideoFile
from bgs.data.sampling import Uniform
from bgs.errors import VideoDecodeError

USUAL = {"preset": "medium", "bf": "3", "g": "250"}
# name -> how it is made, and whether its format marks frames that no other refers to
ENCODINGS: dict[str, tuple[dict[str, Any], bool]] = {
    "usual.mp4": ({"options": USUAL}, True),
    "usual.mkv": ({"options": USUAL}, True),
    "groups.mp4": ({"options": USUAL | {"g": "12"}}, True),
    "open_groups.mp4": ({"options": USUAL | {"g": "12", "x264-params": "open-gop=1"}}, True),
    "no_pyramid.mp4": ({"options": USUAL | {"x264-params": "b-pyramid=none"}}, True),
    "interlaced.mp4": ({"options": USUAL | {"x264-params": "interlaced=1:tff=1"}}, True),
    "slices.mp4": ({"options": USUAL | {"slices": "3"}}, True),
    "temporal.mp4": ({"options": USUAL | {"direct-pred": "temporal"}}, True),
    "varying.mp4": (
        {"options": USUAL, "pts": [2 * i * i for i in range(60)], "time_base": Fraction(1, 600)},
        True,
    ),
    "trimmed.mp4": (
        {"options": USUAL, "shift": -7, "container_options": {"avoid_negative_ts": "disabled"}},
        True,
    ),
    "hevc.mp4": ({"codec": "libx265"}, True),
    "hevc_groups.mp4": (
        {
            "codec": "libx265",
            "options": {
                "x265-params": "log-level=none:pools=1:bframes=4:keyint=12:min-keyint=12:open-gop=1"
            },
        },
        True,
    ),
    "av1.mp4": ({"codec": "libsvtav1"}, False),
    "mpeg4.mp4": ({"codec": "mpeg4", "options": {"bf": "2", "g": "12"}}, False),
    "mpeg2.mov": ({"codec": "mpeg2video", "options": {"bf": "2", "g": "12"}}, False),
    "vp9.webm": ({"codec": "libvpx-vp9"}, False),
}
KEPT = {"trimmed.mp4": 53}  # frames seen, where not all 60 are


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("encodings")


@pytest.fixture
def clip(request, studio, folder) -> Path:
    path = folder / request.param
    if not path.exists():
        studio.write_video(path, num_frames=60, **ENCODINGS[request.param][0])
    return path


def every_picture(path: Path) -> list[NDArray[np.uint8]]:
    """All pictures, decoded one after the other by PyAV alone, in the order they are shown."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("clip", ENCODINGS, indirect=True)
def test_what_is_wanted_is_the_same_to_the_byte(clip):
    expected = every_picture(clip)
    number = len(expected)
    assert number == KEPT.get(clip.name, 60)
    choices = [[i] for i in range(0, number, 7)] + [[number - 1], [3, 4, 11], list(range(number))]
    choices += [np.linspace(0, number - 1, 16).astype(int).tolist()]
    for probe in (True, False):
        with VideoFile(clip, timeout_seconds=30, probe=probe) as video:
            assert len(video.timeline) == number
            for wanted in choices:
                found = dict(video.pictures(wanted))
                assert list(found) == wanted
                for index, picture in found.items():
                    np.testing.assert_array_equal(picture, expected[index])


@pytest.mark.parametrize("clip", ENCODINGS, indirect=True)
def test_frames_are_skipped_where_the_format_marks_them(clip):
    with VideoFile(clip, timeout_seconds=30) as video:
        last = len(video.timeline) - 1
        decoded = sum(1 for _ in video._frames(wanted=frozenset([last])))
    assert (decoded < last) == ENCODINGS[clip.name][1]


@pytest.mark.parametrize("clip", ["usual.mp4"], indirect=True)
def test_a_usual_encoding_has_much_to_skip(clip):
    """x264 as it comes: three frames in four are B-frames, and two of those three are referred to by none."""
    with VideoFile(clip, timeout_seconds=30) as video:
        wanted = frozenset(video.timeline.on_screen(Uniform(num_frames=8).ticks(video.timeline)))
        decoded = sum(1 for _ in video._frames(wanted=wanted))
    assert decoded <= 40


def test_opening_without_a_look_inside_changes_nothing(studio):
    for name in studio.kinds:
        with (
            VideoFile(studio.clip(name), timeout_seconds=30) as careful,
            VideoFile(studio.clip(name), timeout_seconds=30, probe=False) as quick,
        ):
            np.testing.assert_array_equal(careful.timeline.ticks, quick.timeline.ticks)
            assert careful.timeline.end == quick.timeline.end
            wanted = range(0, len(careful.timeline), 4)
            for (i, a), (j, b) in zip(
                careful.pictures(wanted), quick.pictures(wanted), strict=True
            ):
                assert i == j
                np.testing.assert_array_equal(a, b)


def test_a_size_that_only_the_stream_gives(studio, tmp_path):
    data = bytearray(studio.clip("plain.mp4").read_bytes())
    entry = data.rindex(b"avc1", 0, data.index(b"avcC")) + 4 + 24
    data[entry : entry + 4] = bytes(4)
    header = data.index(b"tkhd") + 4 + 76
    data[header : header + 8] = bytes(8)
    path = tmp_path / "sizeless.mp4"
    path.write_bytes(data)
    expected = decode(studio.clip("plain.mp4"), studio.spec_of(8))
    np.testing.assert_array_equal(decode(path, studio.spec_of(8)), expected)


def test_what_the_fast_way_of_opening_cannot_read_is_opened_with_care(studio, monkeypatch):
    path, spec = studio.clip("plain.mp4"), studio.spec_of(8)
    expected = decode(path, spec)
    opened, tried = VideoFile.__init__, []

    def fail_at_first(self, path, *, timeout_seconds, probe=True):
        tried.append(probe)
        if not probe:
            raise VideoDecodeError("is strange", remedy="none", file=path)
        opened(self, path, timeout_seconds=timeout_seconds)

    monkeypatch.setattr(VideoFile, "__init__", fail_at_first)
    np.testing.assert_array_equal(decode(path, spec), expected)
    assert tried == [False, True]


def test_both_ways_of_opening_share_the_time(studio, tmp_path, monkeypatch):
    given = []
    opened = VideoFile.__init__

    def record(self, path, *, timeout_seconds, probe=True):
        given.append((probe, timeout_seconds))
        opened(self, path, timeout_seconds=timeout_seconds, probe=probe)

    monkeypatch.setattr(VideoFile, "__init__", record)
    path = tmp_path / "notes.mp4"
    path.write_text("no video\n" * 100)
    with pytest.raises(VideoDecodeError, match="is not a video that can be opened"):
        decode(path, studio.spec_of(4), timeout_seconds=5.0)
    assert [probe for probe, _ in given] == [False, True]
    assert 5.0 >= given[0][1] > given[1][1] > 0


def test_a_frame_that_stays_on_the_screen_fills_its_rows(studio):
    """More moments than frames, and groups of one picture: rows are filled by frame, not by arrival."""
    clip = decode_clip(
        studio.clip("plain.mp4"),
        studio.spec_of(45),
        sampler=Uniform(num_frames=45, short_clips="hold"),
    )
    assert studio.numbers_of(clip.frames) == list(clip.indices)
    assert len(set(clip.indices)) == 30


def test_large_pictures_are_held_a_few_at_a_time(studio, monkeypatch):
    module = importlib.import_module("bgs.data.decoding.decode")
    expected = module.decode(studio.clip("plain.mp4"), studio.spec_of(10))
    held = []
    grouped = module._grouped

    def count(pictures):
        for group in grouped(pictures):
            held.append(len(group))
            yield group

    monkeypatch.setattr(module, "_grouped", count)
    monkeypatch.setattr(module, "HELD_BYTES", 3 * 128 * 96 * 3)
    np.testing.assert_array_equal(
        module.decode(studio.clip("plain.mp4"), studio.spec_of(10)), expected
    )
    assert held == [3, 3, 3, 1]
