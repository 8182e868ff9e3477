"""Masks of regions: greyscale PNG files of a clip's size, inside where a value is above 127.

They are opened one at a time when they are wanted: a set may hold tens of thousands, of which a model saw a few
frames. What can be told without their pixels (where a path leads, size and kind) is told before anything else is done.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from bgs.data.card_fields import stay_inside
from bgs.data.reading import find_fault
from bgs.errors import DataError

INSIDE = 127  # what is above lies in the region
SUFFIX = ".png"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = 0  # colour type; 16 bits a value would put nearly everything above 127
_DEEPEST = 8
_HEADER = struct.Struct(">8s4x4sIIBB")  # signature, IHDR, width, height, bits, colour type

Mask = NDArray[np.bool_]  # (height, width)
Corners = tuple[float, float, float, float]


class Masks:
    """The masks a table or folder names; `place` counts them from 0."""

    def __init__(
        self, root: Path, names: Sequence[str], *, source: Path, rows: Sequence[int] | None = None
    ) -> None:
        self._root = root
        self._names = tuple(names)
        self._source = source
        self._rows = rows
        self._frames: dict[int, Corners | None] = {}  # the box around each mask that was read

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Masks({len(self)} in {str(self._root)!r})"

    def check_paths(self) -> None:
        """Refuse the first path that leads out of the root or to no file; nothing is opened."""
        home = os.path.realpath(self._root)
        parents: dict[str, bool] = {}
        for place, name in enumerate(self._names):
            try:
                inside = stay_inside(name) == name and name.isprintable()
            except ValueError:
                inside = False
            if not inside:
                self.refuse(
                    place, "which is no path below it", "write it as folder/name.png, without .."
                )
            file = self._root / name
            parent = os.path.dirname(file)
            if parent not in parents:
                parents[parent] = _lies_in(os.path.realpath(parent), home)
            if not parents[parent] or (
                os.path.islink(file) and not _lies_in(os.path.realpath(file), home)
            ):
                self.refuse(place, "which is a link that leads out of it", "copy the masks there")
            fault = find_fault(file, kind="mask")
            if fault is not None:
                self.refuse(place, f"which {fault[0]}", fault[1])

    def size(self, place: int) -> tuple[int, int]:
        """(Width, height), from the first bytes of the file; anything but a greyscale PNG is refused."""
        with (self._root / self._names[place]).open("rb") as stream:
            head = stream.read(_HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(_SIGNATURE):
            self.refuse(place, "which is no PNG", "save masks as greyscale PNG")
        _, chunk, width, height, bits, colour = _HEADER.unpack(head)
        if chunk != b"IHDR" or not width or not height:
            self.refuse(place, "which is a damaged PNG", "save it again")
        if colour != _GREY or bits > _DEEPEST:
            kind = f"{bits} bits and colour type {colour}"
            self.refuse(
                place,
                f"which is a PNG of {kind}, not greyscale of 8 bits",
                "save it as greyscale: 255 inside, 0 outside",
            )
        return width, height

    def check_size(self, place: int, *, width: int, height: int, clip: str) -> None:
        """A mask of another size could be of another clip, or of a part of the picture."""
        found = self.size(place)
        if found != (width, height):
            self.refuse(
                place,
                f"which is {found[0]} x {found[1]} where clip {clip!r} is {width} x {height}",
                "make masks on the clip's own pictures",
            )

    def read(self, place: int) -> Mask:
        """What lies inside, (height, width)."""
        from PIL import Image

        size = self.size(place)
        damage = (
            OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError
        )  # fmt: skip
        try:
            with Image.open(self._root / self._names[place], formats=("PNG",)) as picture:
                if getattr(picture, "is_animated", False):
                    self.refuse(place, "which is a film", "save one picture a mask")
                inside = np.asarray(picture.convert("L")) > INSIDE
        except DataError:
            raise
        except damage as error:
            self.refuse(place, f"which is damaged ({type(error).__name__})", "save it again")
        if inside.shape != (size[1], size[0]):
            self.refuse(place, "which is a damaged PNG", "save it again")
        self._frames[place] = _box_around(inside)
        return np.asarray(inside)

    def corners(self, place: int) -> Corners | None:
        """The box around a mask as fractions of the picture; None where nothing is inside."""
        if place not in self._frames:
            self.read(place)
        return self._frames[place]

    def refuse(self, place: int, rule: str, remedy: str) -> NoReturn:
        """Raise about one mask, with its row."""
        raise DataError(
            f"mask is {self._names[place]!r}, {rule}",
            remedy=remedy,
            file=self._source,
            row=None if self._rows is None else int(self._rows[place]),
        )


def _lies_in(path: str, home: str) -> bool:
    return path == home or path.startswith(home.rstrip(os.sep) + os.sep)


def _box_around(inside: Mask) -> Corners | None:
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    height, width = inside.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )
