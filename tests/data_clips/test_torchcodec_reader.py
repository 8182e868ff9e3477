"""The torchcodec adapter: against torchcodec itself where it loads, and everywhere against a stand-in with its
interface that errs on request.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from bgs.data.decoding import decode_clip
from bgs.data.decoding.decode import decoder_version
from bgs.data.decoding.pyav import VideoFile
from bgs.data.decoding.torchcodec_reader import torchcodec_pictures, torchcodec_version
from bgs.errors import VideoDecodeError

BELIEVED = [
    "plain.mp4", "fragmented.mp4", "hevc.mp4", "vp9.webm", "vp8.webm", "av1.mp4", "mjpeg.mov", "late.mkv",
    "varying.mp4", "varying.webm", "odd.mp4", "full_range.mp4", "bt709.mp4", "one_frame.mp4", "rotated90.mp4",
    "rotated180.mp4", "rotated270.mp4", "long.mp4", "long.webm",
]  # fmt: skip
DOUBTED = {
    "mpeg4.avi": "is not believed about avi files",
    "reordered.avi": "is not believed about avi files",
    "mpeg2.mpg": "is not believed about mpeg files",
    "transport.ts": "is not believed about mpegts files",
    "ten_bit.mp4": "is not believed about colours of 10 bits",
    "doubled.mkv": "is not believed about frames with equal time stamps",
}
needs_torchcodec = pytest.mark.skipif(
    torchcodec_version() is None,
    reason="torchcodec is not installed, or loads neither FFmpeg nor this torch",
)


@needs_torchcodec
@pytest.mark.parametrize("name", BELIEVED)
def test_torchcodec_itself_agrees_within_two_levels(studio, name):
    """All frames in one go and single frames, which it seeks: the same picture, frame for frame."""
    with VideoFile(studio.clip(name), timeout_seconds=30) as video:
        number = len(video.timeline)
        expected = dict(video.pictures(range(number)))
        for wanted in (range(number), [number - 1], [number // 3, number // 2]):
            found = dict(torchcodec_pictures(video, set(wanted)))
            assert list(found) == sorted(set(wanted))
            for index, picture in found.items():
                assert np.abs(picture.astype(int) - expected[index]).max() <= 2


@needs_torchcodec
def test_torchcodec_itself_is_not_believed_past_an_edit_list(studio):
    """It counts what is seen and then takes what is cut off: its times give it away, whichever frame is asked."""
    with VideoFile(studio.clip("edited.mp4"), timeout_seconds=30) as video:
        expected = dict(video.pictures(range(23)))
        believed = []
        for index in range(23):
            with contextlib.suppress(VideoDecodeError):
                believed += torchcodec_pictures(video, {index})
        for index, picture in believed:
            assert np.abs(picture.astype(int) - expected[index]).max() <= 2
        with pytest.raises(VideoDecodeError, match="torchcodec gives another time for frame 0"):
            dict(torchcodec_pictures(video, {0, 7, 22}))


def test_the_fixtures_are_all_sorted(studio):
    assert {*BELIEVED, *DOUBTED, "edited.mp4"} == set(studio.kinds)


@pytest.mark.parametrize("name", DOUBTED)
def test_files_it_would_read_wrongly_are_left_to_pyav(studio, stand_in, caplog, name):
    spec = studio.spec(name, 6)
    with caplog.at_level(logging.WARNING):
        clip = decode_clip(studio.clip(name), spec, decoder="torchcodec")
    assert clip.decoder == "pyav"
    path = studio.clip(name)
    assert caplog.messages == [f"{path}: torchcodec {DOUBTED[name]}; PyAV reads it instead"]
    np.testing.assert_array_equal(clip.frames, decode_clip(path, spec).frames)


@pytest.fixture
def stand_in(monkeypatch):
    """Install a torchcodec whose decoder reads with PyAV, with an error put in on request."""
    faults = types.SimpleNamespace(extra_frames=0, late_seconds=0.0, fails=False)

    class VideoDecoder:
        def __init__(self, path, *, dimension_order, num_ffmpeg_threads, seek_mode):
            assert (dimension_order, num_ffmpeg_threads, seek_mode) == ("NHWC", 1, "exact")
            if faults.fails:
                raise RuntimeError("no decoder for this stream\nat line 3")
            with VideoFile(Path(path), timeout_seconds=10) as video:
                self.pictures = [
                    picture for _, picture in video.pictures(range(len(video.timeline)))
                ]
                line = video.timeline
                self.seconds = [float(tick * line.time_base) for tick in line.ticks.tolist()]

        def __len__(self):
            return len(self.pictures) + faults.extra_frames

        def get_frames_at(self, *, indices):
            seconds = np.array([self.seconds[i] for i in indices])
            seconds[-1] += faults.late_seconds
            return types.SimpleNamespace(
                data=torch.from_numpy(np.stack([self.pictures[i] for i in indices])),
                pts_seconds=torch.from_numpy(seconds),
            )

    package, decoders = types.ModuleType("torchcodec"), types.ModuleType("torchcodec.decoders")
    decoders.VideoDecoder = VideoDecoder
    package.ffmpeg_major_version = 5
    monkeypatch.setitem(sys.modules, "torchcodec", package)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", decoders)
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0.10" if name == "torchcodec" else real(name)
    )
    return faults


@pytest.mark.parametrize("name", ["plain.mp4", "late.mkv", "varying.webm", "rotated90.mp4"])
def test_it_reads_what_pyav_reads(studio, stand_in, name):
    spec = studio.spec(name, 6)
    clip = decode_clip(studio.clip(name), spec, decoder="torchcodec")
    assert clip.decoder == "torchcodec"
    np.testing.assert_array_equal(clip.frames, decode_clip(studio.clip(name), spec).frames)


@pytest.mark.parametrize(
    ("fault", "value", "reason"),
    [
        ("extra_frames", 1, "torchcodec counts 31 frames where there are 30"),
        ("late_seconds", 1 / 30, "torchcodec gives another time for frame 29"),
        ("fails", True, "torchcodec says: no decoder for this stream"),
    ],
)
def test_it_is_not_believed_when_it_disagrees(studio, stand_in, caplog, fault, value, reason):
    setattr(stand_in, fault, value)
    with caplog.at_level(logging.WARNING):
        clip = decode_clip(studio.clip("plain.mp4"), studio.spec_of(6), decoder="torchcodec")
    assert clip.decoder == "pyav"
    path = studio.clip("plain.mp4")
    assert caplog.messages == [f"{path}: {reason}; PyAV reads it instead"]


def test_its_version_is_in_cache_keys(stand_in):
    assert decoder_version("torchcodec").startswith("torchcodec 0.10 (FFmpeg 5) + pyav ")
