"""The default decoder: PyAV, and the only reader of time stamps, whichever decoder reads the pixels.

A file is opened once. All packets are taken first, which costs nothing next to decoding and gives the
timeline; then they are decoded in order up to the last picture wanted. Nothing is sought, so the
pictures are those of a sequential decode by construction, and each is checked against its time stamp:
a picture that does not come when its packet promised it is an error, never a repeat of its neighbour.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import av
import av.error
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from bgs.data.decoding.files import REENCODE, TruncatedVideoError, check_video_file
from bgs.data.decoding.orientation import turn_of, turn_picture
from bgs.data.decoding.timeline import Timeline
from bgs.errors import VideoDecodeError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_PIXELS = 8192 * 8192  # a larger picture is a broken header, and would exhaust memory
# A file that is really a playlist must not make us open other files or the network.
CONTAINER_OPTIONS = {"protocol_whitelist": "file"}
BROKEN = (av.error.FFmpegError, ValueError, ArithmeticError, MemoryError)


def pyav_version() -> str:
    """PyAV and the libraries in it that decide about pixels, for cache keys."""
    libraries = (
        f"{name} {'.'.join(map(str, av.library_versions[name]))}"
        for name in ("libavformat", "libavcodec", "libswscale")
    )
    return f"pyav {av.__version__} ({', '.join(libraries)})"


class VideoFile:
    """One open file: its timeline, and its pictures by place in presentation order."""

    def __init__(self, path: Path, *, timeout_seconds: float) -> None:
        check_video_file(path)
        self.path = path
        self._deadline = time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds
        try:
            self._container = av.open(
                f"file:{path}",
                options=CONTAINER_OPTIONS,
                metadata_errors="ignore",
                timeout=timeout_seconds,
            )
        except BROKEN as error:
            self._check_time()
            raise self._error(f"is not a video that can be opened ({_reason(error)})") from error
        try:
            self._stream = self._find_stream()
            self._packets = self._take_packets()
            self.timeline = self._read_timeline()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    @property
    def container(self) -> str:
        """The format as FFmpeg calls it, for example `mov,mp4,m4a,3gp,3g2,mj2`."""
        return str(self._container.format.name)

    @property
    def bits_a_channel(self) -> int:
        """Of the stored colours: 8 nearly always, 10 from recent phones."""
        pixels = self._stream.codec_context.format
        return 0 if pixels is None else pixels.components[0].bits

    @property
    def seconds_left(self) -> float:
        """Until the time for this file is up."""
        return max(0.01, self._deadline - time.monotonic())

    def pictures(self, wanted: Collection[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """(frame number, RGB picture (height, width, 3)) for each wanted frame, in order, each once."""
        remaining = set(wanted)
        reformatter = VideoReformatter()
        turn = None
        for index, frame in enumerate(self._frames()):
            self._check_promise(index, frame)
            if index not in remaining:
                continue
            remaining.discard(index)
            if turn is None:
                turn = turn_of(_display_matrix(frame))
            rgb = reformatter.reformat(frame, format="rgb24", dst_color_range="JPEG", threads=1)
            yield index, turn_picture(cast("NDArray[np.uint8]", rgb.to_ndarray()), turn)
            if not remaining:
                return
        if remaining:
            raise self._frame_error(min(remaining), "did not come out of the decoder")

    def decode_all(self) -> tuple[int, int]:
        """Height and width, after every frame has been decoded and found in its place."""
        count = 0
        for index, frame in enumerate(self._frames()):
            self._check_promise(index, frame)
            count, size = index + 1, (frame.height, frame.width)
        if count != len(self.timeline):
            raise self._frame_error(count, "did not come out of the decoder")
        return size

    def _find_stream(self) -> VideoStream:
        streams = [
            s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise self._error("has no video stream, only sound or still pictures")
        decodable = [s for s in streams if s.codec_context is not None]
        if not decodable:
            raise self._error("is in a video format that this build of FFmpeg cannot decode")
        stream = max(decodable, key=lambda s: s.width * s.height)
        if not 0 < stream.width * stream.height <= MAX_PIXELS:
            raise self._error(f"claims pictures of {stream.width} x {stream.height} pixels")
        stream.codec_context.thread_count = 1  # a worker decodes one clip on one thread
        return stream

    def _take_packets(self) -> list[Packet[VideoStream]]:
        packets: list[Packet[VideoStream]] = []
        try:
            for packet in self._container.demux(self._stream):
                self._check_time()
                if packet.size:
                    if packet.is_corrupt:
                        raise self._error(f"is damaged or cut off at packet {len(packets)}")
                    packets.append(packet)
        except BROKEN as error:
            if isinstance(error, VideoDecodeError):
                raise
            raise self._error(
                f"breaks off after packet {len(packets)} ({_reason(error)})"
            ) from error
        if not packets:
            raise self._error("holds no video frames")
        return packets

    def _read_timeline(self) -> Timeline:
        shown = [packet for packet in self._packets if not packet.is_discard]
        stamps = [packet.pts for packet in shown if packet.pts is not None]
        # VP8 has packets that are never shown, AVI stamps them in the order of decoding, others not at all.
        trusted = self._stream.codec_context.name != "vp8" and self.container != "avi"
        self._promised = trusted and len(stamps) == len(shown) > 0
        if not self._promised:
            stamps = self._count_by_decoding()
        ticks = np.sort(np.array(stamps, dtype=np.int64))
        time_base = self._stream.time_base or Fraction(1, 1000)
        last = max(shown or self._packets, key=lambda packet: packet.pts or 0)
        unstamped = Timeline(ticks, end=int(ticks[-1]) + 1, time_base=time_base)
        end = int(ticks[-1]) + max(int(last.duration or unstamped.interval), 1)
        timeline = Timeline(ticks, end=end, time_base=time_base)
        self._check_complete(timeline)
        return timeline

    def _count_by_decoding(self) -> list[int]:
        stamps = [frame.pts for frame in self._frames()]
        if not stamps:
            raise self._error("holds no video frames")
        known = [stamp for stamp in stamps if stamp is not None]
        if len(known) == len(stamps) and known == sorted(known):
            return known
        rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        step = 1 / (rate * (self._stream.time_base or Fraction(1, 1000)))
        return [int(index * step) for index in range(len(stamps))]

    def _check_complete(self, timeline: Timeline) -> None:
        """A file that ends before its header says it does was cut off, whatever decodes without complaint."""
        frame_seconds = float(timeline.interval * timeline.time_base)
        stated, tolerance = self._stated_seconds(frame_seconds)
        # Matroska counts from 0, other containers from their first frame.
        found = max(timeline.duration_seconds, float(timeline.end * timeline.time_base))
        if stated - found > tolerance:
            raise TruncatedVideoError(
                f"ends after {timeline.duration_seconds:.2f} s and {len(timeline)} frames but its header"
                f" promises {stated:.2f} s",
                remedy="copy or download it again; if it is whole, `ffmpeg -i IN -c copy OUT` corrects the header",
                file=self.path,
            )

    def _stated_seconds(self, frame_seconds: float) -> tuple[float, float]:
        """The duration the header states (0 if none), and how far it may be off."""
        stream, container = self._stream, self._container
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base), 0.75 * frame_seconds
        tag = _seconds_of_tag(stream.metadata.get("DURATION", ""))
        if tag is not None:
            return tag, 1.5 * frame_seconds
        if container.duration is None:
            return 0.0, 0.0
        seconds = container.duration / av.time_base
        sound = (
            0.0 if len(container.streams) == 1 else 1.0 + 0.1 * seconds
        )  # may outlast the pictures
        return seconds, 1.5 * frame_seconds + sound

    def _frames(self) -> Iterator[VideoFrame]:
        codec = self._stream.codec_context
        if codec.is_open:
            codec.flush_buffers()
        index = 0
        for packet in [*self._packets, None]:
            self._check_time()
            try:
                frames = codec.decode(packet)
            except BROKEN as error:
                raise self._frame_error(index, f"cannot be decoded ({_reason(error)})") from error
            for frame in frames:
                if frame.is_corrupt:
                    raise self._frame_error(index, "is damaged")
                if not 0 < frame.width * frame.height <= MAX_PIXELS:
                    raise self._frame_error(index, f"claims {frame.width} x {frame.height} pixels")
                yield frame
                index += 1

    def _check_promise(self, index: int, frame: VideoFrame) -> None:
        if self._promised and (
            index >= len(self.timeline) or frame.pts != self.timeline.ticks[index]
        ):
            raise self._frame_error(index, "did not come out of the decoder")

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise self._error(f"took longer than {self._timeout_seconds:g} s to decode")

    def _frame_error(self, index: int, what: str) -> VideoDecodeError:
        return self._error(f"frame {index} {what}")

    def _error(self, what: str, *, remedy: str = REENCODE) -> VideoDecodeError:
        return VideoDecodeError(what, remedy=remedy, file=self.path)


def _display_matrix(frame: VideoFrame) -> bytes | None:
    side_data: Any = frame.side_data  # a mapping by Type, whatever the stubs say
    data = side_data.get(SideData.DISPLAYMATRIX)
    return None if data is None else bytes(data)


def _seconds_of_tag(text: str) -> float | None:
    """Seconds of a Matroska tag `00:00:03.000000000`."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]
