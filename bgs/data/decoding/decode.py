"""A clip's frames, whichever decoder reads them."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bgs.data.decoding.decord_process import decord_pictures, decord_version
from bgs.data.decoding.pyav import VideoFile, pyav_version
from bgs.data.decoding.torchcodec_reader import torchcodec_pictures, torchcodec_version
from bgs.data.preprocess import prepare_picture
from bgs.data.sampling import Sampler, sampler_of
from bgs.errors import ConfigError, DataError, VideoDecodeError
from bgs.frame_spec import FrameSpec

DecoderName = Literal["auto", "pyav", "decord", "torchcodec"]
TIMEOUT_SECONDS = 60.0
HELD_BYTES = 16 * 2**20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False, eq=False)
class DecodedClip:
    """Frames ready for a backbone, with where they came from."""

    frames: NDArray[np.uint8]  # (frames, 3, height, width)
    indices: tuple[int, ...]  # place of each frame in presentation order
    seconds: tuple[float, ...]  # when each frame appears, from the first frame of the clip
    duration_seconds: float
    decoder: str  # the one that read the pixels

    def __repr__(self) -> str:
        return f"DecodedClip(frames {self.frames.shape} by {self.decoder})"


def decode(
    path: Path | str,
    spec: FrameSpec,
    *,
    decoder: DecoderName = "auto",
    sampler: Sampler | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> NDArray[np.uint8]:
    """The frames of one clip as uint8 (frames, 3, height, width).

    >>> from bgs.frame_spec import FrameSpec
    >>> spec = FrameSpec(num_frames=16, height=224, width=224, resize_short_side=224)
    >>> frames = decode("clip.mp4", spec)  # doctest: +SKIP
    """
    return decode_clip(
        path, spec, decoder=decoder, sampler=sampler, timeout_seconds=timeout_seconds
    ).frames


def decode_clip(
    path: Path | str,
    spec: FrameSpec,
    *,
    decoder: DecoderName = "auto",
    sampler: Sampler | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> DecodedClip:
    """`decode`, with the frame numbers, their times and the decoder that read them."""
    file = Path(path)
    policy = sampler or sampler_of(spec)
    reader = _reader(decoder)
    deadline = time.monotonic() + timeout_seconds

    def read(*, probe: bool) -> DecodedClip:
        seconds = max(0.0, deadline - time.monotonic())
        with VideoFile(file, timeout_seconds=seconds, probe=probe) as video:
            return _read_clip(video, policy, reader=reader, spec=spec)

    try:
        if reader is PYAV:
            # What the fast way of opening cannot read is opened with care; that has the last word.
            with contextlib.suppress(VideoDecodeError):
                return read(probe=False)
        return read(probe=True)
    except DataError as error:
        raise _name_file(error, file) from error


def decoder_version(decoder: DecoderName) -> str:
    """Everything about a decoder that can change a pixel, for cache keys.

    PyAV is always part of it: it reads the time stamps, and the files that the other one cannot.
    """
    reader = _reader(decoder)
    return PYAV.version() or "" if reader is PYAV else f"{reader.version()} + {PYAV.version()}"


@dataclass(frozen=True)
class Reader:
    """A decoder: its version, None where it is not installed, and its pictures of an open file."""

    name: str
    version: Callable[[], str | None]
    pictures: Callable[[VideoFile, Collection[int]], Iterator[tuple[int, NDArray[np.uint8]]]]


PYAV = Reader("pyav", pyav_version, VideoFile.pictures)
# "auto" is the same decoder everywhere, so that a number does not depend on what else is installed.
READERS = {
    "auto": PYAV,
    "pyav": PYAV,
    "decord": Reader("decord", decord_version, decord_pictures),
    "torchcodec": Reader("torchcodec", torchcodec_version, torchcodec_pictures),
}


def _reader(name: DecoderName) -> Reader:
    if name not in READERS:
        raise ConfigError(
            f"decoder {name!r} is unknown", remedy=f"choose one of {', '.join(READERS)}"
        )
    reader = READERS[name]
    if reader.version() is None:
        raise ConfigError(
            f"decoder {name!r} is not installed or does not load here",
            remedy=f"`pip install {name}`, or use decoder='auto'",
        )
    return reader


def _read_clip(
    video: VideoFile, policy: Sampler, *, reader: Reader, spec: FrameSpec
) -> DecodedClip:
    timeline = video.timeline
    indices = timeline.on_screen(policy.ticks(timeline)).tolist()
    read_by = reader
    try:
        frames = _read_frames(video, indices, reader=reader, spec=spec)
    except VideoDecodeError as error:
        if reader is PYAV:
            raise
        logger.warning("%s: %s; PyAV reads it instead", video.path, error.what)
        read_by = PYAV
        frames = _read_frames(video, indices, reader=PYAV, spec=spec)
    return DecodedClip(
        frames=frames,
        indices=tuple(indices),
        seconds=tuple(timeline.seconds(i) for i in indices),
        duration_seconds=timeline.duration_seconds,
        decoder=read_by.name,
    )


def _read_frames(
    video: VideoFile, indices: list[int], *, reader: Reader, spec: FrameSpec
) -> NDArray[np.uint8]:
    frames = np.empty((len(indices), 3, spec.height, spec.width), dtype=np.uint8)
    rows: dict[int, list[int]] = {}  # a frame that stays on the screen fills several
    for row, index in enumerate(indices):
        rows.setdefault(index, []).append(row)
    for group in _grouped(reader.pictures(video, set(indices))):
        for index, picture in group:
            frames[rows[index]] = prepare_picture(picture, spec=spec).numpy()
    return frames


def _grouped(
    pictures: Iterator[tuple[int, NDArray[np.uint8]]],
) -> Iterator[list[tuple[int, NDArray[np.uint8]]]]:
    """Pictures, a few megabytes of them at a time.

    Resizing each as it comes would take turns with the decoder in the processor's caches, which costs
    more than a millisecond a clip.
    """
    held: list[tuple[int, NDArray[np.uint8]]] = []
    for index, picture in pictures:
        held.append((index, picture))
        if len(held) * picture.nbytes >= HELD_BYTES:
            yield held
            held = []
    yield held


def _name_file(error: DataError, file: Path) -> VideoDecodeError:
    if isinstance(error, VideoDecodeError):
        return error
    return VideoDecodeError(error.what, remedy=error.remedy, file=file)
