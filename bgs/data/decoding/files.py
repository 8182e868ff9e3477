"""Refusing what is not a readable file before any decoder sees it, with the reason.

Decoders report a directory, a dangling link and an empty file alike as "invalid data".
"""

from __future__ import annotations

import os
from pathlib import Path

from bgs.errors import VideoDecodeError

REENCODE = "replace it, or re-encode it with `ffmpeg -i IN -c:v libx264 OUT.mp4`"


class TruncatedVideoError(VideoDecodeError):
    """A clip that ends before its own header says it does."""


def check_video_file(path: Path) -> None:
    """Raise unless `path` is a file with something in it that may be read."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreachable(path, error) from error
    if path.is_dir():
        raise VideoDecodeError("is a folder, not a video", remedy="name the file", file=path)
    if not path.is_file():
        raise VideoDecodeError(
            "is a device or pipe, not a video", remedy="copy it to a file", file=path
        )
    if not os.access(path, os.R_OK):
        raise VideoDecodeError(
            "may not be read", remedy="change its permissions (chmod u+r)", file=path
        )
    if found.st_size == 0:
        raise VideoDecodeError("is empty (0 bytes)", remedy="copy or download it again", file=path)


def _unreachable(path: Path, error: OSError) -> VideoDecodeError:
    if path.is_symlink():
        target = os.readlink(path)
        return VideoDecodeError(
            f"links to {target!r}, which cannot be reached", remedy="mend the link", file=path
        )
    if isinstance(error, FileNotFoundError):
        return VideoDecodeError(
            "does not exist", remedy="check the path, or obtain the clip", file=path
        )
    return VideoDecodeError(
        f"cannot be reached ({error.strerror})", remedy="check the path", file=path
    )
