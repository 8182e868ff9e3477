"""Clips made on the spot: every frame carries its number as a bar code, so that no frame can pass for another."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from bgs.frame_spec import FrameSpec

BITS = 8
QUIET = {
    "libx264": {"preset": "ultrafast", "bf": "2", "g": "12"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
}


def draw(number: int, *, width: int, height: int) -> NDArray[np.uint8]:
    """A picture (height, width, 3): a colour gradient with the number in black and white bars on top."""
    rows = np.linspace(30, 220, height)[:, None, None]
    columns = np.linspace(0, 60, width)[None, :, None]
    picture = np.broadcast_to((rows + columns * [1, 0, -1]) / 1.3, (height, width, 3)).copy()
    bar = width // BITS
    for bit in range(BITS):
        picture[: height // 2, bit * bar : (bit + 1) * bar] = 235 if number >> bit & 1 else 20
    return picture.astype(np.uint8)


def number_of(picture: NDArray[np.uint8]) -> int:
    """The number in a picture (3, height, width) or (height, width, 3), upright and uncropped."""
    grey = picture.mean(axis=0 if picture.shape[0] == 3 else 2)
    height, width = grey.shape
    bar = width / BITS
    bits = [
        grey[height // 8 : height // 3, int((b + 0.3) * bar) : int((b + 0.7) * bar)].mean() > 128
        for b in range(BITS)
    ]
    return sum(1 << b for b, on in enumerate(bits) if on)


def numbers_of(frames: NDArray[np.uint8]) -> list[int]:
    return [number_of(frame) for frame in frames]


def write_video(
    path: Path,
    *,
    num_frames: int = 30,
    size: tuple[int, int] = (128, 96),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 30),
    shift: int = 0,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    picture: Callable[[int], NDArray[np.uint8]] | None = None,
    colour: dict[str, int] | None = None,
    sound_seconds: float = 0.0,
) -> Path:
    """Encode numbered frames; `pts` in ticks of `time_base`, `shift` moves the packets' stamps at the end."""
    width, height = size
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(
            codec, rate=round(1 / time_base), options=QUIET.get(codec, {}) | (options or {})
        )
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        stream.codec_context.thread_count = 1
        for name, value in (colour or {}).items():
            setattr(stream.codec_context, name, value)
        sound = add_sound(container) if sound_seconds else None
        frames = []
        for i in range(num_frames):
            rgb = picture(i) if picture else draw(i, width=width, height=height)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = i if pts is None else pts[i]
            frame.time_base = time_base
            frames.append(frame)
        for frame in [*frames, None]:
            for packet in stream.encode(frame):
                if shift:
                    moved = int(shift * time_base / packet.time_base)
                    packet.pts, packet.dts = packet.pts + moved, packet.dts + moved
                container.mux(packet)
        if sound is not None:
            mux_silence(container, sound, seconds=sound_seconds)
    return path


def write_sound(path: Path, *, seconds: float = 1.0) -> Path:
    with av.open(str(path), "w") as container:
        stream = add_sound(container)
        mux_silence(container, stream, seconds=seconds)
    return path


def add_sound(container: Any) -> Any:
    webm = container.format.name == "webm"
    stream = container.add_stream("libopus" if webm else "aac", rate=48000)
    stream.layout = "mono"
    return stream


def mux_silence(container: Any, stream: Any, *, seconds: float) -> None:
    samples = np.zeros((1, int(48000 * seconds)), dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
    frame.sample_rate = 48000
    resampler = av.AudioResampler(
        format=stream.format,
        layout="mono",
        rate=48000,
        frame_size=stream.codec_context.frame_size or 960,
    )
    for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
        container.mux(stream.encode(piece))


MATRICES = {  # degrees clockwise -> (a, b, c, d) of the display matrix
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def rotate_container(path: Path, degrees: int) -> Path:
    """Write a display matrix into the track header, as a phone does."""
    data = bytearray(path.read_bytes())
    a, b, c, d = MATRICES[degrees]
    one = 1 << 16
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def spec_of(num_frames: int, *, width: int = 128, height: int = 96) -> FrameSpec:
    """Frames at the size they were written, so that nothing is resized or cropped."""
    return FrameSpec(
        num_frames=num_frames, height=height, width=width, resize_short_side=min(width, height)
    )


# How each kind of file is made; all show the numbers 0..29, 128 x 96, unless they say otherwise.
QUADRATIC = [3 * i * i for i in range(30)]
KINDS: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "fragmented.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mp4": {"codec": "libx265"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "vp8.webm": {"codec": "libvpx"},
    "av1.mp4": {"codec": "libsvtav1"},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "reordered.avi": {},  # AVI stamps packets in the order of decoding
    "mpeg2.mpg": {"codec": "mpeg2video"},
    "transport.ts": {},  # starts at 1.4 s
    "late.mkv": {"shift": 150},  # starts at 5 s
    "varying.mp4": {"pts": QUADRATIC, "time_base": Fraction(1, 600)},
    "varying.webm": {"codec": "libvpx-vp9", "pts": QUADRATIC, "time_base": Fraction(1, 600)},
    "doubled.mkv": {"pts": [i // 2 for i in range(30)], "options": {"bf": "0"}},
    "odd.mp4": {"size": (127, 95), "pix_fmt": "yuv444p"},
    "ten_bit.mp4": {"pix_fmt": "yuv420p10le"},
    "full_range.mp4": {"pix_fmt": "yuvj420p", "colour": {"color_range": 2}},
    "bt709.mp4": {"colour": {"colorspace": 1}},
    "one_frame.mp4": {"num_frames": 1},
    "rotated90.mp4": {},
    "rotated180.mp4": {},
    "rotated270.mp4": {},
    # The first 7 frames are cut off by an edit list: they are in the file and must not be seen.
    "edited.mp4": {
        "shift": -7,
        "options": {"bf": "0"},
        "container_options": {"avoid_negative_ts": "disabled"},
    },
    "long.mp4": {"num_frames": 90, "container_options": {"movflags": "faststart"}},
    "long.webm": {"codec": "libvpx-vp9", "num_frames": 90, "options": {"g": "30", "b": "2M"}},
}


class Studio:
    """Makes clips, each kind once a session, and reads the numbers back."""

    write_video = staticmethod(write_video)
    write_sound = staticmethod(write_sound)
    rotate_container = staticmethod(rotate_container)
    spec_of = staticmethod(spec_of)
    number_of = staticmethod(number_of)
    numbers_of = staticmethod(numbers_of)
    kinds = tuple(KINDS)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def clip(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            write_video(path, **KINDS[name])
            if name.startswith("rotated"):
                rotate_container(path, int(name.removeprefix("rotated").removesuffix(".mp4")))
        return path

    def shape(self, name: str) -> tuple[int, int]:
        """Width and height as seen."""
        if name in ("rotated90.mp4", "rotated270.mp4"):
            return (96, 128)
        return KINDS[name].get("size", (128, 96))

    def spec(self, name: str, num_frames: int) -> FrameSpec:
        width, height = self.shape(name)
        return spec_of(num_frames, width=width, height=height)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("BGS_CACHE", str(tmp_path / "default-cache"))
