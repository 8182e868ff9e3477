"""GazeFollow (extended): where in the picture a person looks.

As downloaded, comma-separated and without a header, pictures beside them under the path of the first column:

    train_annotations_release.txt   path, id, body x y w h, eye x y, gaze x y, head x0 y0 x1 y1, inside, source, ...
    test_annotations_release.txt    the same without `inside`; a row a rater, about ten for each person

Eye and gaze are shares of the picture, boxes are pixels. A training row with `inside` 0 looks out of the picture
and has no point; one with -1 is undecided and left out. There is no official validation part: a tenth of the
training pictures validate.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bgs.errors import DataError
from bgs.fusion.example import Example, Point, Task, TaskData
from bgs.fusion.pictures import box_of_pixels
from bgs.fusion.reading import (
    NO_SUCH_PICTURE,
    UNREADABLE,
    LeftOut,
    carve_validation,
    is_simulated,
    need_file,
    refuse_empty,
)
from bgs.fusion.tasks import TASKS

TRAIN, TEST = "train_annotations_release.txt", "test_annotations_release.txt"
LAYOUT = f"{TRAIN} and {TEST} beside the pictures they name"
NUMBERS = ("eye x", "eye y", "gaze x", "gaze y", "head x0", "head y0", "head x1", "head y1")
FIRST_NUMBER = 6
INSIDE = FIRST_NUMBER + len(NUMBERS)
NOTE = "a tenth of the training pictures validate"


@dataclass(frozen=True)
class Line:
    """One row: a person in a picture, and where one rater says that they look."""

    path: str
    eye: Point
    gaze: Point
    head: tuple[float, float, float, float]  # pixels
    inside: int
    row: int


def read_gazefollow(
    folder: Path, *, task: Task = TASKS["gazefollow"], left_out: LeftOut | None = None
) -> TaskData:
    """One example a person; on the test pictures with the points of all raters."""
    left_out = LeftOut() if left_out is None else left_out
    train = [
        example
        for line in _read_lines(folder / TRAIN, has_inside=True)
        if (example := _example(folder, (line,), left_out, file=folder / TRAIN)) is not None
    ]
    people: dict[tuple[str, Point], list[Line]] = {}
    for line in _read_lines(folder / TEST, has_inside=False):
        people.setdefault((line.path, line.eye), []).append(line)
    test = [
        example
        for lines in people.values()
        if (example := _example(folder, tuple(lines), left_out, file=folder / TEST)) is not None
    ]
    refuse_empty([*train, *test], left_out, folder=folder)
    parts = carve_validation(train)
    return TaskData(
        task,
        {"train": parts[0], "val": parts[1], "test": tuple(test)},
        left_out=dict(left_out),
        notes=(NOTE,),
        simulated=is_simulated(folder),
    )


def _example(
    folder: Path, lines: tuple[Line, ...], left_out: LeftOut, *, file: Path
) -> Example | None:
    first = lines[0]
    picture = folder / first.path
    if first.inside < 0:
        left_out["it is undecided whether the person looks out of the picture"] += 1
        return None
    if not picture.is_file():
        left_out[NO_SUCH_PICTURE] += 1
        return None
    size = left_out.size_of(picture)
    if size is None:
        left_out[UNREADABLE] += 1
        return None
    head = box_of_pixels(*first.head, width=size[0], height=size[1])
    if head is None:
        left_out["the head lies outside the picture"] += 1
        return None
    example = Example(
        f"{first.path}:{first.row}", (picture,), (head,), group=first.path, inside=False
    )
    if not first.inside:
        return example
    return replace(example, points=tuple(line.gaze for line in lines), inside=True)


def _read_lines(file: Path, *, has_inside: bool) -> Iterator[Line]:
    need_file(file, layout=LAYOUT)
    with file.open(encoding="utf-8", newline="") as stream:
        for row, cells in enumerate(csv.reader(stream), start=1):
            if cells:
                yield _parse(cells, file=file, row=row, has_inside=has_inside)


def _parse(cells: list[str], *, file: Path, row: int, has_inside: bool) -> Line:
    expected = INSIDE + has_inside
    if len(cells) < expected:
        raise DataError(
            f"{len(cells)} columns, at least {expected} are expected",
            remedy="use the extended annotations, as downloaded",
            file=file,
            row=row,
        )
    path = cells[0]
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise DataError(
            f"{path!r} leads out of the folder", remedy="get the file again", file=file, row=row
        )
    numbers = [
        _number(cells[FIRST_NUMBER + place], name, file=file, row=row)
        for place, name in enumerate(NUMBERS)
    ]
    inside = int(_number(cells[INSIDE], "inside", file=file, row=row)) if has_inside else 1
    if inside not in (-1, 0, 1):
        raise DataError(f"inside is {inside}", remedy="it is 1, 0 or -1", file=file, row=row)
    x, y = numbers[2], numbers[3]
    if inside == 1 and not (0 <= x <= 1 and 0 <= y <= 1):
        raise DataError(
            f"gaze ({x:g}, {y:g}) is said to be inside the picture",
            remedy="gaze is a share of width and height, from 0 to 1",
            file=file,
            row=row,
        )
    head = (numbers[4], numbers[5], numbers[6], numbers[7])
    return Line(path, (numbers[0], numbers[1]), (x, y), head, inside, row)


def _number(text: str, name: str, *, file: Path, row: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{name} is {text!r}", remedy="give a number", file=file, row=row)
    return value
