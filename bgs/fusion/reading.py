"""What the readers of downloaded data sets share: files that must be there, parts that are drawn, marks of simulation.

A reader never guesses. A file that is missing or not as its authors publish it is refused by name and row; an
example that cannot be used is left out, and the reason counted.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bgs import strict_json
from bgs.data.cards import SIMULATED_MARK
from bgs.errors import DataError
from bgs.fusion.example import Example
from bgs.fusion.pictures import read_size

SIMULATED = SIMULATED_MARK
VALIDATION_SHARE = 0.1
NO_SUCH_PICTURE = "its picture is missing"
UNREADABLE = "its picture cannot be read"


class LeftOut(Counter[str]):
    """What a reader notes on its way: how many examples are left out for which reason, and unreadable pictures.

    A picture that cannot be read costs its examples alone; `bgs data check` names all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: dict[Path, str] = {}  # picture -> what is wrong with it
        self._sizes: dict[Path, tuple[int, int]] = {}

    def size_of(self, file: Path, *, alike: Path | None = None) -> tuple[int, int] | None:
        """(Width, height) of a picture, read once; None, noted, where it is none.

        Frames of one recording have one size: the first of those that name the same `alike` is read for all.
        """
        key = alike or file
        if key in self._sizes or file in self.unreadable:
            return self._sizes.get(key)
        try:
            self._sizes[key] = read_size(file)
        except DataError as error:
            self.unreadable[file] = error.what
        return self._sizes.get(key)


def list_names(folder: Path) -> frozenset[str]:
    """The names of the files in a folder, none where it is not there: one look at the disk instead of one a file."""
    try:
        return frozenset(entry.name for entry in os.scandir(folder) if entry.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def is_simulated(folder: Path) -> bool:
    """Whether a program made this folder."""
    return (folder / SIMULATED).is_file()


def need_file(file: Path, *, layout: str) -> Path:
    """The file, or one line that says how the data set looks as downloaded."""
    if not file.is_file():
        raise DataError(f"{file.name} is missing", remedy=f"the layout is {layout}", file=file)
    return file


def read_json(file: Path, *, layout: str, kind: type[dict[Any, Any]] | type[list[Any]]) -> Any:
    """The values of a JSON file, whose outermost value must be of this kind."""
    need_file(file, layout=layout)
    found = strict_json.read_json(file, remedy="get the file again")
    if not isinstance(found, kind):
        expected = "an object" if kind is dict else "a list"
        raise DataError(
            f"holds {type(found).__name__}, not {expected}",
            remedy=f"the layout is {layout}",
            file=file,
        )
    return found


def carve_validation(
    examples: Iterable[Example], *, share: float = VALIDATION_SHARE
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(Train, validation), whole groups at a time.

    A group's place follows from its name alone, so it does not change when the data set grows, and no
    seed is needed to find it again.
    """
    parts: tuple[list[Example], list[Example]] = ([], [])
    for example in examples:
        parts[_draw(example.group) < share].append(example)
    return tuple(parts[0]), tuple(parts[1])


def refuse_empty(examples: Sequence[Example], left_out: LeftOut, *, folder: Path) -> None:
    """A data set of which nothing can be used is not one."""
    if not examples:
        why = ", ".join(f"{count} because {reason}" for reason, count in left_out.most_common(3))
        raise DataError(
            f"no example can be used ({why or 'none are listed'})",
            remedy="check that annotations and pictures belong together",
            file=folder,
        )


def _draw(group: str) -> float:
    """A number in [0, 1) that the name alone decides."""
    digest = hashlib.sha256(group.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
