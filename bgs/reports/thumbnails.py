"""Small pictures of clips: encoded when a run is written, shrunk when a page would grow too large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from bgs.errors import DataError
from bgs.reports.document import RERUN

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_BYTES, MOST_PIXELS = 20_000_000, 50_000_000  # of one picture
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


def check_png(file: Path) -> bytes:
    """The bytes of a picture that a page can show: a whole PNG of a size that our own pictures have."""
    from PIL import Image

    if file.stat().st_size > MOST_BYTES:
        raise DataError(f"a picture of more than {MOST_BYTES:,} bytes", remedy=RERUN, file=file)
    png = file.read_bytes()
    if not png.startswith(PNG_SIGNATURE):
        raise DataError("not a PNG", remedy=RERUN, file=file)
    try:
        with Image.open(BytesIO(png)) as picture:
            num_pixels = picture.width * picture.height
            picture.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"a damaged PNG ({error})", remedy=RERUN, file=file) from error
    if num_pixels > MOST_PIXELS:
        raise DataError(f"a picture of {num_pixels:,} pixels", remedy=RERUN, file=file)
    return png


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
