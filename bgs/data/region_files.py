"""Region tables and folders of masks to `Regions`; the first row that cannot be is named."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.clip_ids import find_id_problem, spell
from bgs.data.cells import refuse_cells
from bgs.data.masks import SUFFIX, Masks
from bgs.data.regions import BACKGROUND, Boxes, Regions
from bgs.data.tables import Table, read_table
from bgs.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
CORNERS = ("x0", "y0", "x1", "y1")
NEEDED = ("clip", "frame", "region")
MASK = "mask"
OPTIONAL = ("time_seconds",)
_LAYOUT = f"masks are CLIP/REGION{SUFFIX}, or CLIP/FRAME/REGION{SUFFIX} with a number as FRAME"


def read_regions(path: Path, *, clips: Collection[str]) -> Regions:
    """The regions of a table or of a folder of masks, for a set of clips."""
    in_rows = not path.is_dir()
    table = read_table(path, format="csv") if in_rows else _list_masks(path)
    _check_columns(table)
    frame = table.frame
    clip = frame["clip"].astype(str)
    _refuse(
        table, ~clip.isin(set(clips)).to_numpy(), "clip", "which is no clip of this set", "correct the id"
    )  # fmt: skip
    region = frame["region"].astype(str)
    _check_names(table, region)
    masked = _masked_rows(table)
    corners = np.zeros((len(frame), len(CORNERS)))
    if not masked.all():
        corners[~masked] = _corners(_part(table, ~masked))
    moments = _numbers(table, "frame")
    _refuse(
        table, (moments < 0) | (moments != np.floor(moments)), "frame",
        "where a frame is a whole number from 0", "correct the cell",
    )  # fmt: skip
    for name in OPTIONAL:
        if name in frame:
            _numbers(table, name)
    masks = _masks(path, table, masked, in_rows=in_rows)
    places = np.where(masked, np.cumsum(masked) - 1, -1)
    codes, names = pd.factorize(region)
    boxes = {
        str(wanted): Boxes(
            frame=moments[rows].astype(np.int64),
            region=codes[rows].astype(np.int64),
            corners=corners[rows],
            mask=None if masks is None else places[rows].astype(np.int64),
        )
        for wanted, rows in clip.groupby(clip, sort=False).indices.items()
    }
    return Regions(tuple(str(name) for name in names), boxes, source=str(path), masks=masks)


def _masks(path: Path, table: Table, masked: BoolArray, *, in_rows: bool) -> Masks | None:
    """The masks that the rows name, none of them opened yet."""
    if not masked.any():
        return None
    found = Masks(
        path.parent if in_rows else path,
        [str(name) for name in table.frame[MASK][masked]],
        source=path,
        rows=table.rows[masked].tolist() if in_rows else None,
    )
    found.check_paths()
    return found


def _list_masks(folder: Path) -> Table:
    """A folder of masks as the table that would name them; regions in the order of their names."""
    rows = [
        (clip, frame, name.removesuffix(SUFFIX), str(Path(*parts, name)))
        for *parts, name in _files_of(folder)
        for clip, frame in [_place_of(folder, parts, name)]
    ]
    if not rows:
        raise DataError("the folder holds no mask", remedy=_LAYOUT, file=folder)
    rows.sort(key=lambda row: (row[2], row[0], int(row[1])))
    frame = pd.DataFrame(rows, columns=[*NEEDED, MASK], dtype=object)
    return Table(frame, np.arange(len(rows)), str(folder))


def _place_of(folder: Path, parts: list[str], name: str) -> tuple[str, str]:
    """Clip and frame of a file that lies in these folders."""
    clip, frame = (*parts, "0")[:2] if parts else ("", "")
    if (
        len(parts) not in (1, 2)
        or not (frame.isascii() and frame.isdigit())
        or not name.endswith(SUFFIX)
    ):
        raise DataError(
            f"{str(Path(*parts, name))!r} is no mask by its place and name",
            remedy=_LAYOUT,
            file=folder,
        )
    return clip, frame


def _files_of(folder: Path, parts: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Everything below, hidden files aside, one tuple of names a file; a folder too deep is given as a file."""
    with os.scandir(folder.joinpath(*parts)) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries)
    for name, is_folder in found:
        if name.startswith("."):
            continue
        if is_folder and len(parts) < 2:
            yield from _files_of(folder, (*parts, name))
        else:
            yield (*parts, name)


def _check_names(table: Table, region: pd.Series) -> None:
    for name in region.unique():
        problem = find_id_problem(name)
        if problem is not None:
            if MASK in table.frame and table.file and Path(table.file).is_dir():
                raise DataError(f"region {problem[0]}", remedy=problem[1], file=table.file)
            refuse_cells(table, (region == name).to_numpy()[:, None], ["region"], *problem)
    _refuse(
        table, (region == BACKGROUND).to_numpy(), "region", "which is what no region covers",
        "leave these rows out: background follows from the others",
    )  # fmt: skip


def _check_columns(table: Table) -> None:
    columns = [str(name) for name in table.frame.columns]
    shapes = () if MASK in columns and not set(CORNERS) & set(columns) else CORNERS
    missing = [name for name in (*NEEDED, *shapes) if name not in columns]
    unknown = [name for name in columns if name not in (*NEEDED, *CORNERS, MASK, *OPTIONAL)]
    if missing or unknown:
        what = (
            f"there is no column {missing[0]!r}" if missing else f"column {unknown[0]!r} is unknown"
        )
        raise DataError(
            f"{what} (columns: {', '.join(columns)})",
            remedy=f"the columns are {', '.join(NEEDED)}, {', '.join(CORNERS)} or {MASK} or both, "
            f"and {OPTIONAL[0]} if you like",
            file=table.file,
            row=1,
        )


def _masked_rows(table: Table) -> BoolArray:
    """Which rows name a mask; a row has that or a box."""
    frame = table.frame
    if MASK not in frame:
        return np.zeros(len(frame), dtype=np.bool_)
    masked = (frame[MASK].astype(str) != "").to_numpy()
    if CORNERS[0] not in frame:
        _refuse(table, ~masked, MASK, "where a path belongs", "name a PNG below the table's folder")
    for name in CORNERS if CORNERS[0] in frame else ():
        _refuse(
            table, masked & (frame[name].astype(str) != "").to_numpy(), name,
            "in a row with a mask", "give a row a box or a mask, and leave the other cells empty",
        )  # fmt: skip
    return np.asarray(masked)


def _part(table: Table, keep: BoolArray) -> Table:
    return Table(table.frame.loc[keep].reset_index(drop=True), table.rows[keep], table.file)


def _corners(table: Table) -> FloatArray:
    """The corners of every row, (rows, 4)."""
    corners = np.column_stack([_numbers(table, name) for name in CORNERS])
    outside = (corners < 0) | (corners > 1)
    for place, name in enumerate(CORNERS):
        _refuse(
            table, outside[:, place], name, "outside the picture, which goes from 0 to 1",
            "give fractions of the picture's width and height",
        )  # fmt: skip
    for low, high in ((0, 2), (1, 3)):
        bad = corners[:, high] <= corners[:, low]
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{CORNERS[high]} is {corners[row, high]:g}, not above {CORNERS[low]}, {corners[row, low]:g}",
                remedy="give the upper left corner first, then the lower right one",
                file=table.file,
                row=table.row(bad),
            )
    return corners


def _numbers(table: Table, name: str) -> FloatArray:
    """A finite number in every cell."""
    numbers = pd.to_numeric(table.frame[name], errors="coerce").to_numpy(dtype=np.float64)
    _refuse(table, ~np.isfinite(numbers), name, "which is no number", "write a number")
    return np.asarray(numbers, dtype=np.float64)


def _refuse(table: Table, bad: BoolArray, name: str, rule: str, remedy: str) -> None:
    """Raise about the first cell of a column where `bad` holds; in a folder, cells are names of files."""
    if bad.any():
        value = spell(str(table.frame[name].iloc[int(np.argmax(bad))]))
        in_rows = not Path(table.file).is_dir()
        raise DataError(
            f"{name} is {value}, {rule}",
            remedy=remedy,
            file=table.file,
            row=table.row(bad) if in_rows else None,
        )
