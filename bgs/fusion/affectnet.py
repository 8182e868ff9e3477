"""AffectNet: what a face expresses, in one of eight classes, with valence and arousal from -1 to 1.

As downloaded, either

    {train,val}_set/images/ID.jpg  with  {train,val}_set/annotations/ID_exp.npy, ID_val.npy, ID_aro.npy

or the older release,

    Manually_Annotated_Images/FOLDER/FILE.jpg  with  training.csv and validation.csv

The test set is not public, so the official validation set is the test here, and a tenth of the training pictures
validate. Faces that the annotators called none, uncertain or no face are left out, as everybody does. Who is on
a picture is not told, so a person may be on both sides of a split.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bgs.errors import DataError
from bgs.fusion.example import Box, Example, Task, TaskData
from bgs.fusion.pictures import SUFFIXES, box_of_pixels
from bgs.fusion.reading import (
    NO_SUCH_PICTURE,
    UNREADABLE,
    LeftOut,
    carve_validation,
    is_simulated,
    need_file,
    refuse_empty,
)
from bgs.fusion.tasks import EXPRESSIONS, TASKS

LAYOUT = "{train,val}_set/images and annotations, or Manually_Annotated_Images with training.csv and validation.csv"
OTHER = {8: "none of the classes", 9: "uncertain", 10: "no face"}
NOTE = "the official validation set is the test; a tenth of the training pictures validate"
_WHOLE = Box(0.0, 0.0, 1.0, 1.0)  # the newer release holds faces cut out
_COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "expression",
    "valence",
    "arousal",
)


def read_affectnet(
    folder: Path, *, task: Task = TASKS["affectnet"], left_out: LeftOut | None = None
) -> TaskData:
    """The examples of either release; the task decides whether contempt is a class."""
    left_out = LeftOut() if left_out is None else left_out
    arrays = (folder / "train_set").is_dir()
    parts = [
        list(
            _from_arrays(folder / name, task, left_out)
            if arrays
            else _from_table(folder, table, task, left_out)
        )
        for name, table in (("train_set", "training.csv"), ("val_set", "validation.csv"))
    ]
    refuse_empty([*parts[0], *parts[1]], left_out, folder=folder)
    train, validation = carve_validation(parts[0])
    return TaskData(
        task,
        {"train": train, "val": validation, "test": tuple(parts[1])},
        left_out=dict(left_out),
        notes=(NOTE,),
        simulated=is_simulated(folder),
    )


def _from_arrays(folder: Path, task: Task, left_out: LeftOut) -> Iterator[Example]:
    annotations = folder / "annotations"
    if not annotations.is_dir():
        raise DataError("the folder is missing", remedy=f"the layout is {LAYOUT}", file=annotations)
    for file in sorted(annotations.glob("*_exp.npy")):
        name = file.name.removesuffix("_exp.npy")
        label = _label(_number(file), file=file, task=task, left_out=left_out)
        picture = _picture(folder / "images", name)
        if label is None:
            continue
        if picture is None:
            left_out[NO_SUCH_PICTURE] += 1
            continue
        felt = {
            what: _feeling(
                _number(annotations / f"{name}_{short}.npy"),
                what,
                file=annotations / f"{name}_{short}.npy",
            )
            for what, short in (("valence", "val"), ("arousal", "aro"))
        }
        yield Example(
            f"{folder.name}/{name}", (picture,), (_WHOLE,), group=name, label=label, values=felt
        )


def _from_table(folder: Path, table: str, task: Task, left_out: LeftOut) -> Iterator[Example]:
    file = need_file(folder / table, layout=LAYOUT)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise DataError(
                f"no column {missing[0]!r}", remedy=f"it has {', '.join(_COLUMNS)}", file=file
            )
        for number, row in enumerate(rows, start=2):
            example = _from_row(row, folder, task, left_out, file=file, number=number)
            if example is not None:
                yield example


def _from_row(
    row: dict[str, str],
    folder: Path,
    task: Task,
    left_out: LeftOut,
    *,
    file: Path,
    number: int,
) -> Example | None:
    cells = {name: _cell(row[name], name, file=file, row=number) for name in _COLUMNS[1:]}
    label = _label(cells["expression"], file=file, row=number, task=task, left_out=left_out)
    if label is None:
        return None
    name = row["subDirectory_filePath"]
    picture = folder / "Manually_Annotated_Images" / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise DataError(
            f"{name!r} leads out of the folder", remedy="get the file again", file=file, row=number
        )
    if not picture.is_file():
        left_out[NO_SUCH_PICTURE] += 1
        return None
    size = left_out.size_of(picture)
    if size is None:
        left_out[UNREADABLE] += 1
        return None
    x, y = cells["face_x"], cells["face_y"]
    box = box_of_pixels(
        x, y, x + cells["face_width"], y + cells["face_height"], width=size[0], height=size[1]
    )
    if box is None:
        left_out["its face lies outside the picture"] += 1
        return None
    felt = {
        what: _feeling(cells[what], what, file=file, row=number) for what in ("valence", "arousal")
    }
    return Example(name, (picture,), (box,), group=name, label=label, values=felt)


def _label(
    code: float, *, file: Path, task: Task, left_out: LeftOut, row: int | None = None
) -> str | None:
    if code in OTHER:
        left_out[OTHER[int(code)]] += 1
        return None
    if code not in range(len(EXPRESSIONS)):
        raise DataError(
            f"expression is {code:g}", remedy="the codes are 0 to 10", file=file, row=row
        )
    label = EXPRESSIONS[int(code)]
    if label not in task.labels:
        left_out[f"{label} is not among the {len(task.labels)} classes"] += 1
        return None
    return label


def _feeling(value: float, what: str, *, file: Path, row: int | None = None) -> float:
    if not -1 <= value <= 1:
        raise DataError(
            f"{what} is {value:g}", remedy="it lies between -1 and 1", file=file, row=row
        )
    return value


def _number(file: Path) -> float:
    """The one number of an .npy file; the release stores it as text."""
    need_file(file, layout=LAYOUT)
    try:
        return float(np.load(file, allow_pickle=False).item())
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            "does not hold one number", remedy="get the file again", file=file
        ) from error


def _cell(text: str | None, name: str, *, file: Path, row: int) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise DataError(
            f"{name} is {text!r}", remedy="give a number", file=file, row=row
        ) from error


def _picture(folder: Path, name: str) -> Path | None:
    return next((file for suffix in SUFFIXES if (file := folder / (name + suffix)).is_file()), None)
