"""The torchcodec adapter, against a stand-in with torchcodec's interface: it is used if it agrees about time."""

from __future__ import annotations

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
                self.seconds = [video.timeline.seconds(i) for i in range(len(video.timeline))]

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
    assert decoder_version("torchcodec").startswith("torchcodec 0.10 + pyav ")
