"""Small pictures of clips: encoded when a run is written, shrunk when a page would grow too large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike

from bgs.errors import DataError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PAGE_BUDGET = 6_800_000  # bytes of pictures in one page, before base64 adds a third
EXHIBIT_BUDGET = 2_500_000  # of which pictures of analyses may take
EXHIBIT_SIZES = (840, 700, 560, 420, 280)
SMALLER_SIZES = (96, 64, 48, 32, 24, 16)


def make_thumbnail(frames: ArrayLike, *, size: int = 96) -> bytes:
    """A PNG of the middle frame, its longer side at most `size` pixels."""
    pixels = np.asarray(frames)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[-3] != 3:
        raise DataError(
            f"frames are {pixels.dtype} of shape {pixels.shape}",
            remedy="give uint8 pixels of shape (frames, 3, height, width)",
        )
    middle = pixels if pixels.ndim == 3 else pixels[len(pixels) // 2]  # (3, height, width)
    return _encode(np.ascontiguousarray(middle.transpose(1, 2, 0)), size=size)


def fit_budget(
    thumbnails: Mapping[str, bytes],
    *,
    budget: int = PAGE_BUDGET,
    sizes: Sequence[int] = SMALLER_SIZES,
) -> dict[str, bytes]:
    """The same pictures, made smaller together until they fit, so that none is left out."""
    fitted = dict(thumbnails)
    for size in sizes:
        if sum(map(len, fitted.values())) <= budget:
            break
        fitted = {clip: _shrink(png, size=size) for clip, png in thumbnails.items()}
    return fitted


def _shrink(png: bytes, *, size: int) -> bytes:
    from PIL import Image

    with Image.open(BytesIO(png)) as picture:
        return _encode(np.asarray(picture.convert("RGB")), size=size)


def _encode(pixels: np.ndarray, *, size: int) -> bytes:
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
