"""A decoder that hangs or crashes is killed, and the clip is read all the same."""

from __future__ import annotations

import logging
import os
import sys
import time

import numpy as np
import pytest

from bgs.data.decoding import decode_clip, decord_child, decord_process
from bgs.data.decoding.decord_process import DecordProcess, decord_version
from bgs.errors import ConfigError

HANGING = "while True: pass"
CRASHING = "import os; os._exit(11)"
STANDSTILL = """
import numpy
class DECORDError(Exception): pass
class Batch:
    def __init__(self, n): self.n = n
    def asnumpy(self): return numpy.zeros((self.n, 96, 128, 3), numpy.uint8)
class VideoReader:
    def __init__(self, path, num_threads): pass
    def __len__(self): return 30
    def get_batch(self, indices): return Batch(len(indices))
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put another module called decord before the real one, in new decoder processes only."""

    def install(source: str) -> None:
        (tmp_path / "decord.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(decord_process, "decord_version", lambda: "decord 0")
        monkeypatch.setattr(decord_process._own, "process", None, raising=False)

    yield install
    process = getattr(decord_process._own, "process", None)
    if process is not None:
        process.close()


@pytest.mark.skipif(decord_version() is None, reason="decord has no wheel for this platform")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (HANGING, "decord did not answer within 0.7 s"),
        (CRASHING, "decord crashed"),
        (STANDSTILL, "decord gives the same picture twice"),
    ],
)
def test_the_clip_is_read_by_pyav(studio, stand_in, caplog, source, reason):
    stand_in(source)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING):
        clip = decode_clip(
            studio.clip("plain.mp4"), studio.spec_of(4), decoder="decord", timeout_seconds=1.4
        )
    assert clip.decoder == "pyav"
    assert studio.numbers_of(clip.frames) == [0, 9, 19, 29]
    assert reason in caplog.text
    assert time.monotonic() - started < 10


@pytest.mark.skipif(decord_version() is None, reason="decord has no wheel for this platform")
def test_a_process_is_replaced_when_worn_out_and_not_shared_across_a_fork(monkeypatch):
    process = DecordProcess()
    assert process.usable
    process.files_left = 0
    assert not process.usable
    process.files_left = 1
    monkeypatch.setattr(os, "getpid", lambda: process.owner + 1)
    assert not process.usable
    monkeypatch.undo()
    process.close()
    assert not process.usable


@pytest.mark.skipif(decord_version() is None, reason="decord has no wheel for this platform")
def test_what_the_process_answers(studio):
    path = str(studio.clip("plain.mp4"))
    header, pixels = decord_child.read_pictures(path, [0, 29])
    assert header == {"count": 30, "shape": (2, 96, 128, 3)}
    pictures = np.frombuffer(pixels, dtype=np.uint8).reshape(2, 96, 128, 3)
    assert studio.numbers_of(pictures) == [0, 29]
    assert decord_child.read_pictures(path, [30]) == ({"error": "counts 30 frames"}, b"")
    header, pixels = decord_child.read_pictures(str(studio.clip("av1.mp4")), [0])
    assert "cannot find video stream" in header["error"]
    assert pixels == b""


def test_a_decoder_that_is_not_installed(studio, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with pytest.raises(ConfigError) as caught:
        decode_clip(studio.clip("plain.mp4"), studio.spec_of(4), decoder="torchcodec")
    assert str(caught.value) == (
        "decoder 'torchcodec' is not installed or does not load here;"
        " `pip install torchcodec`, or use decoder='auto'"
    )
