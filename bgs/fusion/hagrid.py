"""HaGRIDv2: which gesture a hand makes.

As downloaded:

    annotations/{train,val,test}/GESTURE.json   {picture id: {"bboxes": [[x, y, width, height], ...] as shares,
                                                 "labels": [...], "user_id": ..., ...}}
    GESTURE/ID.jpg                               or images/GESTURE/ID.jpg, hagrid/GESTURE/ID.jpg

One example a hand: a hand that makes no gesture beside one that does is an example of `no_gesture`. Splits are the
authors', by person (`user_id`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bgs.errors import DataError
from bgs.fusion.example import SPLITS, Example, Task, TaskData
from bgs.fusion.pictures import SUFFIXES, box_of_pixels
from bgs.fusion.reading import (
    NO_SUCH_PICTURE,
    LeftOut,
    is_simulated,
    list_names,
    read_json,
    refuse_empty,
)
from bgs.fusion.tasks import TASKS

LAYOUT = "annotations/{train,val,test}/GESTURE.json with pictures in GESTURE/ID.jpg"
HOMES = ("", "images", "hagrid", "hagridv2")


def read_hagrid(
    folder: Path, *, task: Task = TASKS["hagrid"], left_out: LeftOut | None = None
) -> TaskData:
    """One example a hand, in the authors' splits."""
    left_out = LeftOut() if left_out is None else left_out
    # A release is often here in part: looking for each of a million pictures in every place is slow.
    pictures = {home: _Folders(folder / home) for home in HOMES}
    splits = {
        split: tuple(_read_split(folder, split, task, left_out, pictures)) for split in SPLITS
    }
    refuse_empty([e for examples in splits.values() for e in examples], left_out, folder=folder)
    return TaskData(task, splits, left_out=dict(left_out), simulated=is_simulated(folder))  # type: ignore[arg-type]


class _Folders(dict[str, frozenset[str]]):
    """The names of the pictures of each gesture in one place, listed when they are first asked for."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.place = place

    def __missing__(self, gesture: str) -> frozenset[str]:
        self[gesture] = list_names(self.place / gesture)
        return self[gesture]


def _read_split(
    folder: Path, split: str, task: Task, left_out: LeftOut, pictures: Mapping[str, _Folders]
) -> Iterator[Example]:
    files = sorted((folder / "annotations" / split).glob("*.json"))
    if not files:
        raise DataError(
            "holds no .json file",
            remedy=f"the layout is {LAYOUT}",
            file=folder / "annotations" / split,
        )
    for file in files:
        for name, entry in read_json(file, layout=LAYOUT, kind=dict).items():
            picture = _picture(pictures, file.stem, name, file=file)
            yield from _hands(picture, file, name, entry, task, left_out)


def _hands(
    picture: Path | None, file: Path, name: str, entry: Any, task: Task, left_out: LeftOut
) -> Iterator[Example]:
    boxes, labels, user = _fields(entry, name, file=file)
    for hand, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        if label not in task.labels:
            raise DataError(
                f"picture {name!r} has label {label!r}",
                remedy="use the annotations of HaGRIDv2",
                file=file,
            )
        place = _box(box, name, file=file)
        if picture is None:
            left_out[NO_SUCH_PICTURE] += 1
        elif place is None:
            left_out["its hand lies outside the picture"] += 1
        else:
            yield Example(
                f"{file.stem}/{name}/{hand}", (picture,), (place,), group=user, label=label
            )


def _fields(entry: Any, name: str, *, file: Path) -> tuple[list[Any], list[str], str]:
    missing = [
        key
        for key in ("bboxes", "labels", "user_id")
        if key not in (entry if isinstance(entry, dict) else ())
    ]
    if missing:
        raise DataError(
            f"picture {name!r} has no {missing[0]!r}", remedy=f"the layout is {LAYOUT}", file=file
        )
    boxes, labels = entry["bboxes"], entry["labels"]
    for key, listed in (("bboxes", boxes), ("labels", labels)):
        if not isinstance(listed, list):
            raise DataError(
                f"picture {name!r} has {key} {str(listed)[:60]!r}, not a list",
                remedy=f"the layout is {LAYOUT}",
                file=file,
            )
    if len(boxes) != len(labels):
        raise DataError(
            f"picture {name!r} has {len(boxes)} boxes and {len(labels)} labels",
            remedy="give one label a box",
            file=file,
        )
    return boxes, labels, str(entry["user_id"])


def _box(numbers: Any, name: str, *, file: Path) -> Any:
    try:
        x, y, width, height = (float(number) for number in numbers)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"picture {name!r} has the box {numbers!r}",
            remedy="give x, y, width and height as shares",
            file=file,
        ) from error
    return box_of_pixels(x, y, x + width, y + height, width=1, height=1)


def _picture(
    pictures: Mapping[str, _Folders], gesture: str, name: str, *, file: Path
) -> Path | None:
    if "/" in name or "\\" in name or name in (".", ".."):
        raise DataError(
            f"{name!r} is not a picture's id", remedy="get the annotations again", file=file
        )
    for folders in pictures.values():
        for suffix in SUFFIXES:
            if name + suffix in folders[gesture]:
                return folders.place / gesture / (name + suffix)
    return None
