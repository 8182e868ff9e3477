"""What a container claims, and what of it can be believed before a frame is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Disposition

from bgs.data.decoding.files import REENCODE, TruncatedVideoError
from bgs.data.decoding.timeline import Timeline
from bgs.errors import VideoDecodeError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_PIXELS = 8192 * 8192  # a larger picture is a broken header, and would exhaust memory
# A file that is really a playlist must not make us open other files or the network.
FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,ivf,obu,ogg,flv,asf,gif,apng,mxf,nut,yuv4mpegpipe"
CONTAINER_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
# Opening decodes pictures to find out what they are. MP4 and QuickTime say it in their index, and frames
# say it again when they are decoded, so there it can be spared: 1 of 25 ms for a short clip.
UNPROBED = {"skip_frame": "all"}
BROKEN = (av.error.FFmpegError, ValueError, ArithmeticError, MemoryError)


def open_container(path: Path, *, timeout_seconds: float, probe: bool) -> InputContainer:
    """The open container; without `probe` no picture is decoded yet, where the container allows it."""
    spared = {} if probe or not _is_quicktime(path) else UNPROBED
    return av.open(
        f"file:{path}",
        options=CONTAINER_OPTIONS | spared,
        metadata_errors="ignore",
        timeout=timeout_seconds,
    )


def find_stream(container: InputContainer, *, path: Path) -> VideoStream:
    """The largest stream of moving pictures; cover art is none."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise _error("has no video stream, only sound or still pictures", path)
    decodable = [s for s in streams if s.codec_context is not None]
    if not decodable:
        raise _error("is in a video format that this build of FFmpeg cannot decode", path)
    stream = max(decodable, key=lambda s: s.width * s.height)
    if not 0 < stream.width * stream.height <= MAX_PIXELS:
        raise _error(f"claims pictures of {stream.width} x {stream.height} pixels", path)
    return stream


def check_complete(
    timeline: Timeline, container: InputContainer, stream: VideoStream, *, path: Path
) -> None:
    """A file that ends before its header says it does was cut off, whatever decodes without complaint."""
    frame_seconds = float(timeline.interval * timeline.time_base)
    stated, tolerance = _stated_seconds(container, stream, frame_seconds=frame_seconds)
    # Matroska counts from 0, other containers from their first frame.
    found = max(timeline.duration_seconds, float(timeline.end * timeline.time_base))
    if stated - found > tolerance:
        raise TruncatedVideoError(
            f"ends after {timeline.duration_seconds:.2f} s and {len(timeline)} frames but its header"
            f" promises {stated:.2f} s",
            remedy="copy or download it again; if it is whole, `ffmpeg -i IN -c copy OUT` corrects the header",
            file=path,
        )


def reason_of(error: BaseException) -> str:
    """What a library complains about, as the end of a sentence."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def _is_quicktime(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == b"ftyp"
    except OSError:
        return False  # opening it says what is wrong


def _stated_seconds(
    container: InputContainer, stream: VideoStream, *, frame_seconds: float
) -> tuple[float, float]:
    """The duration the header states (0 if none), and how far it may be off."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base), 0.75 * frame_seconds
    tag = _seconds_of_tag(stream.metadata.get("DURATION", ""))
    if tag is not None:
        return tag, 1.5 * frame_seconds
    if container.duration is None:
        return 0.0, 0.0
    seconds = container.duration / av.time_base
    sound = 0.0 if len(container.streams) == 1 else 1.0 + 0.1 * seconds  # may outlast the pictures
    return seconds, 1.5 * frame_seconds + sound


def _seconds_of_tag(text: str) -> float | None:
    """Seconds of a Matroska tag `00:00:03.000000000`."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds


def _error(what: str, path: Path) -> VideoDecodeError:
    return VideoDecodeError(what, remedy=REENCODE, file=path)
