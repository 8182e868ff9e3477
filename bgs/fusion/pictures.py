"""Picture files: their size without decoding them, their pixels as people see them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bgs.errors import DataError
from bgs.fusion.example import Box

SUFFIXES = (".jpg", ".jpeg", ".png")
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112
# What Pillow raises on files that are damaged, each format in its own way.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    UnidentifiedImageError,
    Image.DecompressionBombError,
)


def read_size(file: Path) -> tuple[int, int]:
    """(Width, height) as the picture is shown; only its header is read."""
    try:
        with Image.open(file) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION) in TURNED
    except BROKEN as error:
        raise _unreadable(file, error) from error
    return (height, width) if turned else (width, height)


def read_picture(file: Path) -> NDArray[np.uint8]:
    """RGB pixels (height, width, 3), turned as its EXIF orientation says."""
    try:
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(upright, dtype=np.uint8)
    except BROKEN as error:
        raise _unreadable(file, error) from error


def check_picture(file: Path) -> None:
    """Refuse a file that is not a picture to its last byte.

    A JPEG is decoded at an eighth of its size: all of the file is read, a fraction of the pixels made.
    """
    try:
        with Image.open(file) as picture:
            picture.draft("RGB", (max(picture.width // 8, 1), max(picture.height // 8, 1)))
            picture.load()
    except BROKEN as error:
        raise _unreadable(file, error) from error


def box_of_pixels(
    x0: float, y0: float, x1: float, y1: float, *, width: float, height: float
) -> Box | None:
    """A box in pixels as shares of its picture; None where nothing of it lies in the picture."""
    ends = (x0 / width, y0 / height, x1 / width, y1 / height)
    left, top, right, bottom = (min(max(end, 0.0), 1.0) for end in ends)
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def _unreadable(file: Path, error: Exception) -> DataError:
    if not file.is_file():
        return DataError("the picture is missing", remedy="get the data set again", file=file)
    return DataError(
        f"not a picture that can be read ({type(error).__name__})",
        remedy="get the file again",
        file=file,
    )
