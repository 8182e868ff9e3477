"""Writes frames as .mp4, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bgs.errors import BgsError


def write_mp4(
    path: Path,
    frames: NDArray[np.uint8],
    *,
    frames_per_second: int,
    crf: int = 16,
    portable: bool = True,
) -> None:
    """Encode (frames, height, width, 3) with H.264; one thread, so that the bytes are repeatable.

    Without `portable`, x264 takes what is fastest on this processor, and at some sizes (64 and 224 pixels, not 128)
    its bytes differ now and then.
    """
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise BgsError(
            f"{path.name} would be {width} x {height} pixels, but H.264 needs even sides",
            remedy="render at an even size",
        )
    with av.open(str(path), "w", options={"fflags": "+bitexact", "movflags": "faststart"}) as out:
        stream = out.add_stream("libx264", rate=frames_per_second)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(crf), "preset": "veryfast", "tune": "animation"}
        if portable:
            stream.options |= {"x264-params": "cpu-independent=1"}
        for picture in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
