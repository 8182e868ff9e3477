"""Clips for benchmarks: a drifting texture with things that move, so that encoding is as hard as life."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

QUIET = {
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
}


def write_clip(
    path: Path,
    *,
    codec: str = "libx264",
    num_frames: int = 90,
    size: tuple[int, int] = (340, 256),
    seed: int = 0,
) -> Path:
    """A clip of `num_frames` at 30 a second, `size` = (width, height), with the encoder's usual settings."""
    rng = np.random.default_rng(seed)
    pictures = _scene(num_frames, size=size, rng=rng)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=QUIET.get(codec, {}))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _scene(
    num_frames: int, *, size: tuple[int, int], rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    width, height = size
    texture = _texture(2 * width, 2 * height, rng=rng)
    drift = rng.uniform(-1.5, 1.5, 2)
    start, step = rng.uniform(0.2, 0.8, (4, 2)), rng.uniform(-0.01, 0.01, (4, 2))
    colours = rng.integers(0, 256, (4, 3))
    rows, columns = np.mgrid[:height, :width]
    pictures = []
    for i in range(num_frames):
        corner = np.array([height, width]) / 2 + drift * i
        top, left = corner.astype(int).clip(0, [height, width])  # the texture is twice the picture
        picture = texture[top : top + height, left : left + width].astype(np.int16)
        for centre, colour in zip((start + step * i) % 1, colours, strict=True):
            near = (rows - centre[0] * height) ** 2 + (columns - centre[1] * width) ** 2
            picture[near < (height / 9) ** 2] = colour
        picture += rng.normal(0, 3, picture.shape).astype(np.int16)  # the sensor
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    return pictures


def _texture(width: int, height: int, *, rng: np.random.Generator) -> NDArray[np.float64]:
    total = np.zeros((height, width, 3))
    for cell, weight in ((64, 0.5), (16, 0.3), (4, 0.2)):
        noise = rng.integers(0, 256, (height // cell + 2, width // cell + 2, 3), dtype=np.uint8)
        grown = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
        total += weight * np.asarray(grown, dtype=np.float64)
    return total
