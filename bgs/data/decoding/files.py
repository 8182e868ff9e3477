"""Refusing what is not a readable file before any decoder sees it, with the reason.

Decoders report a directory, a dangling link and an empty file alike as "invalid data".
"""

from __future__ import annotations

from pathlib import Path

from bgs.data.reading import find_fault
from bgs.errors import VideoDecodeError

REENCODE = "replace it, or re-encode it with `ffmpeg -i IN -c:v libx264 OUT.mp4`"


class TruncatedVideoError(VideoDecodeError):
    """A clip that ends before its own header says it does."""


def check_video_file(path: Path) -> None:
    """Raise unless `path` is a file with something in it that may be read."""
    fault = find_fault(path, kind="video")
    if fault is None and path.stat().st_size == 0:
        fault = "is empty (0 bytes)", "copy or download it again"
    if fault is not None:
        raise VideoDecodeError(fault[0], remedy=fault[1], file=path)
