"""PISC, People in Social Context: how two people in a picture are related.

As downloaded:

    annotation_image_info.json             [{"id", "imgW", "imgH", "bbox": [[x0, y0, x1, y1], ...] in pixels}, ...]
    relationship.json, domain.json         {picture id: {"1 2": label}}, people numbered from 1
    relationship_split/relation_{train,val,test}idx.json   picture ids; for 6 classes
    domain_split/domain_{train,val,test}idx.json           for 3 classes; `{train,val,test}idx.json` is read too
    image/ID.jpg

Numbers of classes are 1 to 6 (friends, family, couple, professional, commercial, no relation) and 1 to 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bgs.errors import DataError
from bgs.fusion.example import SPLITS, Box, Example, Task, TaskData
from bgs.fusion.pictures import SUFFIXES, box_of_pixels
from bgs.fusion.reading import (
    NO_SUCH_PICTURE,
    LeftOut,
    is_simulated,
    need_file,
    read_json,
    refuse_empty,
)
from bgs.fusion.tasks import FINE, TASKS

LAYOUT = (
    "annotation_image_info.json, relationship.json, domain.json, their split folders and image/"
)
FINE_FILES = ("relationship.json", "relationship_split", "relation_")
COARSE_FILES = ("domain.json", "domain_split", "domain_")


def read_pisc(
    folder: Path, *, task: Task = TASKS["pisc"], left_out: LeftOut | None = None
) -> TaskData:
    """One example a pair of people, in the authors' splits; the task decides how finely they are told apart."""
    table, split_folder, prefix = FINE_FILES if task.labels == FINE else COARSE_FILES
    info_file = folder / "annotation_image_info.json"
    info = {
        _picture_id(entry, file=info_file): entry
        for entry in read_json(info_file, layout=LAYOUT, kind=list)
    }
    relations = read_json(folder / table, layout=LAYOUT, kind=dict)
    left_out = LeftOut() if left_out is None else left_out
    splits = {}
    for split in SPLITS:
        file = _split_file(folder / split_folder, prefix, split)
        names = [_pad(name) for name in read_json(file, layout=LAYOUT, kind=list)]
        pairs = (
            _pairs(folder, name, info, relations, task, left_out, file=folder / table)
            for name in names
        )
        splits[split] = tuple(example for found in pairs for example in found)
    refuse_empty([e for examples in splits.values() for e in examples], left_out, folder=folder)
    return TaskData(task, splits, left_out=dict(left_out), simulated=is_simulated(folder))  # type: ignore[arg-type]


def _pairs(
    folder: Path,
    name: str,
    info: Mapping[str, Any],
    relations: Mapping[str, Any],
    task: Task,
    left_out: LeftOut,
    *,
    file: Path,
) -> Iterator[Example]:
    said = relations.get(name) or relations.get(name.lstrip("0")) or {}
    if name not in info:
        raise DataError(
            f"picture {name!r} is not in annotation_image_info.json",
            remedy="get the data set again",
            file=file,
        )
    if not isinstance(said, dict):
        raise DataError(
            f"picture {name!r} has the relations {str(said)[:60]!r}, not an object",
            remedy='they are written {"1 2": 3}: two people and a number',
            file=file,
        )
    if not said:
        left_out["nobody said how its people are related"] += 1
    picture = _picture(folder / "image", name)
    for pair, code in said.items():
        if picture is None:
            left_out[NO_SUCH_PICTURE] += 1
            continue
        boxes = _boxes(pair, info[name], name, file=file)
        if boxes is None:
            left_out["a person lies outside the picture"] += 1
            continue
        label = _label(code, task, name, file=file)
        yield Example(f"{name}:{pair}", (picture,), boxes, group=name, label=label)


def _boxes(pair: str, entry: Mapping[str, Any], name: str, *, file: Path) -> tuple[Box, Box] | None:
    people = entry.get("bbox", [])
    if not isinstance(people, list):
        raise DataError(
            f"picture {name!r} has bbox {str(people)[:60]!r}, not a list",
            remedy="list a box for every person",
            file=file.with_name("annotation_image_info.json"),
        )
    numbers = pair.split()
    if len(numbers) != 2 or not all(
        text.isdecimal() and len(text) < 10 and 1 <= int(text) <= len(people) for text in numbers
    ):
        raise DataError(
            f"picture {name!r} has the pair {pair!r} among {len(people)} people",
            remedy="people are numbered from 1, two a pair",
            file=file,
        )
    found = []
    for text in numbers:
        try:
            x0, y0, x1, y1 = (float(value) for value in people[int(text) - 1])
            width, height = float(entry["imgW"]), float(entry["imgH"])
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise DataError(
                f"person {text} of picture {name!r} has the box {people[int(text) - 1]!r}",
                remedy="give x0, y0, x1, y1 in pixels, and imgW and imgH of the picture",
                file=file,
            ) from error
        found.append(box_of_pixels(x0, y0, x1, y1, width=width, height=height))
    first, second = found
    return None if first is None or second is None else (first, second)


def _label(code: Any, task: Task, name: str, *, file: Path) -> str:
    number = int(code) if str(code).isdecimal() and len(str(code)) < 10 else 0
    if not 1 <= number <= len(task.labels):
        raise DataError(
            f"picture {name!r} has relation {code!r}",
            remedy=f"relations are numbers from 1 to {len(task.labels)}",
            file=file,
        )
    return task.labels[number - 1]


def _split_file(folder: Path, prefix: str, split: str) -> Path:
    """The authors prefix the files of one split folder and not of the other."""
    short = folder / f"{split}idx.json"
    return (
        short if short.is_file() else need_file(folder / f"{prefix}{split}idx.json", layout=LAYOUT)
    )


def _picture_id(entry: Any, *, file: Path) -> str:
    if not isinstance(entry, dict) or "id" not in entry:
        raise DataError(
            f"an entry has no id: {str(entry)[:60]}", remedy=f"the layout is {LAYOUT}", file=file
        )
    return _pad(entry["id"])


def _pad(number: Any) -> str:
    """Ids are written with five digits in file names, and without leading zeros elsewhere."""
    return str(number).zfill(5)


def _picture(folder: Path, name: str) -> Path | None:
    return next((file for suffix in SUFFIXES if (file := folder / (name + suffix)).is_file()), None)
