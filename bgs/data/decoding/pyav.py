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
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from bgs.data.decoding.container import (
    BROKEN,
    MAX_PIXELS,
    check_complete,
    find_stream,
    open_container,
    reason_of,
)
from bgs.data.decoding.files import REENCODE, check_video_file
from bgs.data.decoding.orientation import turn_of, turn_picture
from bgs.data.decoding.timeline import Timeline
from bgs.errors import VideoDecodeError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MARKS_UNREFERENCED = ("h264", "hevc")
NEVER_CAME = "did not come out of the decoder"


def pyav_version() -> str:
    """PyAV and the libraries in it that decide about pixels, for cache keys."""
    libraries = (
        f"{name} {'.'.join(map(str, av.library_versions[name]))}"
        for name in ("libavformat", "libavcodec", "libswscale")
    )
    return f"pyav {av.__version__} ({', '.join(libraries)})"


class VideoFile:
    """One open file: its timeline, and its pictures by place in presentation order."""

    def __init__(self, path: Path, *, timeout_seconds: float, probe: bool = True) -> None:
        """Without `probe` it opens faster, but a few files can then not be read, and `bits_a_channel` is unknown."""
        check_video_file(path)
        self.path = path
        self._deadline = time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds
        try:
            self._container = open_container(path, timeout_seconds=timeout_seconds, probe=probe)
        except BROKEN as error:
            self._check_time()
            raise self._error(f"is not a video that can be opened ({reason_of(error)})") from error
        try:
            self._promised = False  # whether packets say when each frame is shown
            # Frame number by time stamp, where that is unique.
            self._place: dict[int | None, int] = {}
            self._stream = find_stream(self._container, path=path)
            self._stream.codec_context.thread_count = 1  # a worker decodes one clip on one thread
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
        for index, frame in self._frames(wanted=frozenset(wanted)):
            if index not in remaining:
                continue
            remaining.discard(index)
            if turn is None:
                turn = turn_of(_display_matrix(frame))
            try:
                rgb = reformatter.reformat(frame, format="rgb24", dst_color_range="JPEG", threads=1)
            except BROKEN as error:
                what = f"cannot be turned into colours ({reason_of(error)})"
                raise self._frame_error(index, what) from error
            yield index, turn_picture(cast("NDArray[np.uint8]", rgb.to_ndarray()), turn)
            if not remaining:
                return
        if remaining:
            raise self._frame_error(min(remaining), NEVER_CAME)

    def decode_all(self) -> tuple[int, int]:
        """Height and width, after every frame has been decoded and found in its place."""
        count = 0
        for index, frame in self._frames():
            count, size = index + 1, (frame.height, frame.width)
        if count != len(self.timeline):
            raise self._frame_error(count, NEVER_CAME)
        return size

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
            self._check_time()
            raise self._error(
                f"breaks off after packet {len(packets)} ({reason_of(error)})"
            ) from error
        if not packets:
            raise self._error("holds no video frames")
        return packets

    def _read_timeline(self) -> Timeline:
        shown = [packet for packet in self._packets if not packet.is_discard]
        stamps = [packet.pts for packet in shown if packet.pts is not None]
        # VP8 has packets that are never shown, AVI stamps them in the order of decoding, others not at all.
        trusted = self._stream.codec_context.name != "vp8" and self.container != "avi"
        promised = trusted and len(stamps) == len(shown) > 0
        if not promised:
            stamps = self._count_by_decoding()
        ticks = np.sort(np.array(stamps, dtype=np.int64))
        time_base = self._stream.time_base or Fraction(1, 1000)
        last = max(shown or self._packets, key=lambda packet: packet.pts or 0)
        unstamped = Timeline(ticks, end=int(ticks[-1]) + 1, time_base=time_base)
        end = int(ticks[-1]) + max(int(last.duration or unstamped.interval), 1)
        timeline = Timeline(ticks, end=end, time_base=time_base)
        check_complete(timeline, self._container, self._stream, path=self.path)
        self._promised = promised
        if promised and len(set(stamps)) == len(stamps):
            self._place = {int(tick): index for index, tick in enumerate(ticks)}
        return timeline

    def _count_by_decoding(self) -> list[int]:
        stamps = [frame.pts for _, frame in self._frames()]
        if not stamps:
            raise self._error("holds no video frames")
        known = [stamp for stamp in stamps if stamp is not None]
        if len(known) == len(stamps) and known == sorted(known):
            return known
        rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        step = 1 / (rate * (self._stream.time_base or Fraction(1, 1000)))
        return [int(index * step) for index in range(len(stamps))]

    def _frames(self, *, wanted: Collection[int] = ()) -> Iterator[tuple[int, VideoFrame]]:
        """Frames with their numbers, each checked against the time its packet promised.

        With `wanted`, frames that nobody wants and no other frame refers to are not decoded, where the
        format marks them: about half of a usual H.264 file.
        """
        codec = self._stream.codec_context
        if codec.is_open:
            codec.flush_buffers()
        skip = bool(wanted) and bool(self._place) and codec.name in MARKS_UNREFERENCED
        codec.skip_frame, skipping = "DEFAULT", False
        count = 0
        for packet in [*self._packets, None]:
            self._check_time()
            stamp = None if packet is None else packet.pts
            if skip:
                unwanted = packet is not None and self._place.get(stamp) not in wanted
                if unwanted != skipping:
                    codec.skip_frame, skipping = "NONREF" if unwanted else "DEFAULT", unwanted
            try:
                frames = codec.decode(packet)
            except BROKEN as error:
                index = self._place.get(stamp, count)
                raise self._frame_error(index, f"cannot be decoded ({reason_of(error)})") from error
            for frame in frames:
                index = self._place.get(frame.pts, -1) if skip else count
                self._check_frame(index if index >= 0 else count, frame)
                yield index, frame
                count += 1

    def _check_frame(self, index: int, frame: VideoFrame) -> None:
        if frame.is_corrupt:
            raise self._frame_error(index, "is damaged")
        if not 0 < frame.width * frame.height <= MAX_PIXELS:
            raise self._frame_error(index, f"claims {frame.width} x {frame.height} pixels")
        if self._promised and (
            index >= len(self.timeline) or frame.pts != self.timeline.ticks[index]
        ):
            raise self._frame_error(index, NEVER_CAME)

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
