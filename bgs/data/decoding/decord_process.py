"""decord, the optional fast path: in a process of its own, because it can hang and take the GIL with it.

decord trusts headers more than packets. Where it loses a picture it repeats a neighbour without a word,
where a header promises more than there is it loops for ever. So it is believed only about containers
that index their packets and about 8-bit colours, only if it counts the frames that the packets count,
and only if no two pictures are the same; in every other case it raises and PyAV reads the file. Damage
inside a packet it still paints over: `check_clips`, which reads with PyAV, finds that.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bgs.data.decoding.doubts import check_believable, doubt
from bgs.data.decoding.pyav import VideoFile
from bgs.errors import VideoDecodeError

CHILD = Path(__file__).with_name("decord_child.py")
FILES_A_PROCESS = 256  # decord leaks a little with every file it opens

_own = threading.local()  # one process a thread: a worker waits for its own decoder only


def decord_version() -> str | None:
    """None where decord is not installed."""
    if importlib.util.find_spec("decord") is None:
        return None
    return f"decord {importlib.metadata.version('decord')}"


def decord_pictures(
    video: VideoFile, wanted: Collection[int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(frame number, RGB picture (height, width, 3)) for each wanted frame, in order, each once."""
    check_believable(video, decoder="decord")
    indices = sorted(wanted)
    count, pictures = _decord_of_this_thread().read(video, indices)
    if count != len(video.timeline):
        raise _doubt(video, f"counts {count} frames where there are {len(video.timeline)}")
    if any(np.array_equal(a, b) for a, b in pairwise(pictures)):
        raise _doubt(video, "gives the same picture twice, as it does where it loses one")
    yield from zip(indices, pictures, strict=True)


class DecordProcess:
    """A child process that reads pictures until it is closed, killed or worn out."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.files_left = FILES_A_PROCESS
        self._child = subprocess.Popen(
            [sys.executable, "-P", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._pipes = cast(
            "tuple[io.BufferedWriter, io.BufferedReader]", (self._child.stdin, self._child.stdout)
        )
        atexit.register(self.close)

    @property
    def usable(self) -> bool:
        """Whether it still runs, and was started by this process rather than inherited in a fork."""
        return self.owner == os.getpid() and self.files_left > 0 and self._child.poll() is None

    def read(self, video: VideoFile, indices: list[int]) -> tuple[int, NDArray[np.uint8]]:
        """The number of frames decord counts, and the pictures (len(indices), height, width, 3)."""
        self.files_left -= 1
        seconds = video.seconds_left / 2  # the rest is for PyAV
        timer = threading.Timer(seconds, self._child.kill)
        timer.start()
        try:
            header, pixels = self._ask({"path": str(video.path), "indices": indices})
        except (OSError, EOFError) as error:
            late = not timer.is_alive()
            self.close()
            reason = f"did not answer within {seconds:.1f} s" if late else "crashed"
            raise _doubt(video, reason) from error
        finally:
            timer.cancel()
        if "error" in header:
            raise _doubt(video, f"says: {header['error']}")
        pictures = np.frombuffer(pixels, dtype=np.uint8).reshape(header["shape"])
        return header["count"], pictures

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self.owner == os.getpid():
            self._child.kill()
            self._child.wait()
            for pipe in self._pipes:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        atexit.unregister(self.close)

    def _ask(self, request: dict[str, object]) -> tuple[dict[str, Any], bytearray]:
        stdin, stdout = self._pipes
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        header = json.loads(line)
        pixels = bytearray(int(np.prod(header.get("shape", 0))))
        if stdout.readinto(pixels) < len(pixels):
            raise EOFError
        return header, pixels


def _decord_of_this_thread() -> DecordProcess:
    process: DecordProcess | None = getattr(_own, "process", None)
    if process is None or not process.usable:
        if process is not None:
            process.close()
        process = _own.process = DecordProcess()
    return process


def _doubt(video: VideoFile, what: str) -> VideoDecodeError:
    return doubt(video, what, decoder="decord")
