"""What no decoder but PyAV is believed about: files where decord or torchcodec give wrong pictures in silence.

Containers without an index of their packets make both name the wrong frame, as do equal time stamps. Colours of
more than 8 bits differ between versions of FFmpeg by more than rounding.
"""

from __future__ import annotations

import numpy as np

from bgs.data.decoding.pyav import VideoFile
from bgs.errors import VideoDecodeError

INDEXED_CONTAINERS = ("mov", "matroska")


def check_believable(video: VideoFile, *, decoder: str) -> None:
    """Raise where `decoder` cannot be trusted with this file, so that PyAV reads it."""
    if not video.container.startswith(INDEXED_CONTAINERS):
        raise doubt(video, f"is not believed about {video.container} files", decoder=decoder)
    if video.bits_a_channel != 8:
        what = f"is not believed about colours of {video.bits_a_channel} bits"
        raise doubt(video, what, decoder=decoder)
    if (np.diff(video.timeline.ticks) == 0).any():
        raise doubt(video, "is not believed about frames with equal time stamps", decoder=decoder)


def doubt(video: VideoFile, what: str, *, decoder: str) -> VideoDecodeError:
    """The error that makes PyAV read a file instead of `decoder`."""
    return VideoDecodeError(f"{decoder} {what}", remedy="use decoder='pyav'", file=video.path)
