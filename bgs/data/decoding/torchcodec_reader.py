"""torchcodec, an optional extra: used where it imports and agrees with the packets about time.

Its wheels bring no FFmpeg but load the one installed, and those for a GPU load only beside a torch for a GPU.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from bgs.data.decoding.doubts import check_believable, doubt
from bgs.data.decoding.pyav import VideoFile
from bgs.errors import VideoDecodeError


def torchcodec_version() -> str | None:
    """None where torchcodec is not installed, or finds no FFmpeg to load."""
    try:
        import torchcodec.decoders
    except (ImportError, RuntimeError, OSError):
        return None
    ffmpeg = getattr(torchcodec, "ffmpeg_major_version", "unknown")  # the one installed here
    return f"torchcodec {importlib.metadata.version('torchcodec')} (FFmpeg {ffmpeg})"


def torchcodec_pictures(
    video: VideoFile, wanted: Collection[int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(frame number, RGB picture (height, width, 3)) for each wanted frame, in order, each once."""
    from torchcodec.decoders import VideoDecoder

    check_believable(video, decoder="torchcodec")
    indices = sorted(wanted)
    try:
        decoder = VideoDecoder(
            str(video.path), dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="exact"
        )
        count = len(decoder)
        if count != len(video.timeline):
            raise _doubt(video, f"counts {count} frames where there are {len(video.timeline)}")
        batch = decoder.get_frames_at(indices=indices)
    except (RuntimeError, ValueError, IndexError) as error:
        if isinstance(error, VideoDecodeError):
            raise
        raise _doubt(video, f"says: {str(error).strip().splitlines()[0][:200]}") from error
    _check_times(video, indices, batch.pts_seconds.numpy())
    yield from zip(indices, batch.data.numpy(), strict=True)


def _check_times(video: VideoFile, indices: list[int], found: NDArray[np.float64]) -> None:
    stated = np.array([float(video.timeline.ticks[i] * video.timeline.time_base) for i in indices])
    # Absolute times: past an edit list it can be wrong by the same step for every frame.
    wrong = np.abs(found - stated) > 0.002
    if wrong.any():
        raise _doubt(video, f"gives another time for frame {indices[int(np.argmax(wrong))]}")


def _doubt(video: VideoFile, what: str) -> VideoDecodeError:
    return doubt(video, what, decoder="torchcodec")
