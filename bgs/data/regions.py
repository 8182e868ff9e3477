"""Where things are in the pictures of clips: boxes from a table, or from a detector (`bgs.data.detectors`).

    clip,frame,time_seconds,region,x0,y0,x1,y1
    wave_01,0,0.0,left person,0.10,0.22,0.38,0.97
    wave_01,0,0.0,right person,0.55,0.20,0.86,0.98
    wave_01,12,0.5,left person,0.12,0.22,0.40,0.97

Conventions
- Corners are fractions of the whole picture as it is seen, x to the right, y down, from the upper left. `frame` counts
  pictures of the file from 0 and says which moment is meant; `time_seconds` is for the reader and may be left out.
- A frame without rows takes those of the nearest frame of its clip that has some (of two, the earlier), so one
  frame in ten may do. A region without a row in such a frame is not there.
- A region may have several boxes. A point belongs to one region only: to the one that the file names first. What
  belongs to none is `background`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.clip_ids import find_id_problem, spell
from bgs.data.cells import refuse_cells
from bgs.data.tables import Table, read_table
from bgs.errors import DataError

FloatArray = NDArray[np.float64]
CORNERS = ("x0", "y0", "x1", "y1")
NEEDED = ("clip", "frame", "region", *CORNERS)
OPTIONAL = ("time_seconds",)
BACKGROUND = "background"
WHOLE = (0.0, 0.0, 1.0, 1.0)

Window = tuple[
    float, float, float, float
]  # the part of a picture that a model sees: x0, y0, x1, y1


@dataclass(frozen=True)
class Boxes:
    """Boxes of one clip, in the order of their file."""

    frame: NDArray[np.int64]  # (boxes,)
    region: NDArray[np.int64]  # (boxes,) position in the names
    corners: FloatArray  # (boxes, 4)

    def __repr__(self) -> str:
        return f"Boxes({len(self.frame)} in {len(np.unique(self.frame))} frames)"

    def nearest(self, frame: int) -> NDArray[np.bool_]:
        """Which boxes hold in a frame: those of the nearest one that has any."""
        known = np.unique(self.frame)
        return np.asarray(self.frame == known[int(np.argmin(np.abs(known - frame)))])


@dataclass(frozen=True)
class Regions:
    """Named regions of clips. `names` is the order of precedence; `background` is not among them."""

    names: tuple[str, ...]
    boxes: Mapping[str, Boxes]
    source: str = "regions"

    def __repr__(self) -> str:
        return f"Regions({', '.join(self.names)}; {len(self.boxes)} clips)"

    @property
    def clips(self) -> tuple[str, ...]:
        """The clips that have any."""
        return tuple(self.boxes)

    def cover(
        self,
        clip: str,
        *,
        frames: Sequence[int],
        grid: tuple[int, int, int],
        window: Window = WHOLE,
    ) -> FloatArray:
        """What part of each patch belongs to which region, (names + background, times, rows, columns).

        `frames` are those a model saw; `grid` is (times, rows, columns), and a time that spans several frames has
        their average. `window` is what the model saw of the picture.
        """
        found = self.boxes[clip]
        times, rows, columns = grid
        if len(frames) % times:
            raise DataError(
                f"{len(frames)} frames do not divide into {times} times",
                remedy="lay the regions over the grid of the model that saw these frames",
            )
        whole = np.stack(
            [
                _cover_picture(
                    found, found.nearest(frame), len(self.names), (rows, columns), window
                )
                for frame in frames
            ]
        )
        # (moments, regions, rows, columns) -> (regions, times, rows, columns)
        pooled = whole.reshape(times, -1, *whole.shape[1:]).mean(axis=1).transpose(1, 0, 2, 3)
        return np.ascontiguousarray(pooled)

    def outlines(self, clip: str, frame: int, *, window: Window = WHOLE) -> tuple[Window, ...]:
        """The boxes that hold in a frame, as fractions of what the model saw; those outside it are left out."""
        found = self.boxes[clip]
        shown = _seen_through(window, found.corners[found.nearest(frame)])
        return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in shown.tolist() if x1 > x0 and y1 > y0)


def read_regions(path: Path, *, clips: Collection[str]) -> Regions:
    """The regions of a table, for a set of clips; the first row that cannot be is named."""
    table = read_table(path, format="csv")
    _check_columns(table)
    frame = table.frame
    clip = frame["clip"].astype(str)
    known = set(clips)
    _refuse(
        table, ~clip.isin(known).to_numpy(), "clip", "which is no clip of this set", "correct the id"
    )  # fmt: skip
    region = frame["region"].astype(str)
    for name in region.unique():
        problem = find_id_problem(name)
        if problem is not None:
            refuse_cells(table, (region == name).to_numpy()[:, None], ["region"], *problem)
    _refuse(
        table, (region == BACKGROUND).to_numpy(), "region", "which is what no region covers",
        "leave these rows out: background follows from the others",
    )  # fmt: skip
    corners = np.column_stack([_numbers(table, name) for name in CORNERS])
    _check_corners(table, corners)
    moments = _numbers(table, "frame")
    _refuse(
        table, (moments < 0) | (moments != np.floor(moments)), "frame",
        "where a frame is a whole number from 0", "correct the cell",
    )  # fmt: skip
    for name in OPTIONAL:
        if name in frame:
            _numbers(table, name)
    codes, names = pd.factorize(region)
    boxes = {}
    for wanted, rows in clip.groupby(clip, sort=False).indices.items():
        boxes[str(wanted)] = Boxes(
            frame=moments[rows].astype(np.int64),
            region=codes[rows].astype(np.int64),
            corners=corners[rows],
        )
    return Regions(tuple(str(name) for name in names), boxes, source=str(path))


def _cover_picture(
    found: Boxes, held: NDArray[np.bool_], num_names: int, grid: tuple[int, int], window: Window
) -> FloatArray:
    """Exact areas in one picture, (names + background, rows, columns).

    The picture is cut along every edge of a box and of a patch: each piece lies in one patch and in one region.
    """
    corners = _seen_through(window, found.corners[held])
    rows, columns = grid
    xs, column = _pieces(corners[:, [0, 2]], columns)
    ys, row = _pieces(corners[:, [1, 3]], rows)
    area = np.outer(np.diff(ys) * rows, np.diff(xs) * columns)  # of a patch
    owner = np.full(area.shape, num_names)
    order = np.argsort(-found.region[held], kind="stable")  # the first name is painted last
    for x0, y0, x1, y1, region in np.column_stack([corners, found.region[held]])[order]:
        inside_x = (xs[:-1] >= x0) & (xs[1:] <= x1)
        inside_y = (ys[:-1] >= y0) & (ys[1:] <= y1)
        owner[np.ix_(inside_y, inside_x)] = int(region)
    cover = np.zeros((num_names + 1, rows, columns))
    at_row, at_column = np.broadcast_arrays(row[:, None], column[None, :])
    np.add.at(cover, (owner, at_row, at_column), area)
    return cover


def _seen_through(window: Window, corners: FloatArray) -> FloatArray:
    """Corners as fractions of a window, cut at its edges."""
    left, top, right, bottom = window
    moved = (corners - [left, top, left, top]) / np.array([right - left, bottom - top] * 2)
    return np.asarray(np.clip(moved, 0, 1))


def _pieces(edges: FloatArray, count: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """Cuts along one axis, and the patch that each piece between two of them lies in."""
    cuts = np.unique(np.concatenate([np.arange(count + 1) / count, edges.ravel()]))
    middles = (cuts[:-1] + cuts[1:]) / 2
    return cuts, np.minimum((middles * count).astype(np.int64), count - 1)


def _check_columns(table: Table) -> None:
    columns = [str(name) for name in table.frame.columns]
    missing = [name for name in NEEDED if name not in columns]
    unknown = [name for name in columns if name not in (*NEEDED, *OPTIONAL)]
    if missing or unknown:
        what = (
            f"there is no column {missing[0]!r}" if missing else f"column {unknown[0]!r} is unknown"
        )
        raise DataError(
            f"{what} (columns: {', '.join(columns)})",
            remedy=f"the columns are {', '.join(NEEDED)}, and {OPTIONAL[0]} if you like",
            file=table.file,
            row=1,
        )


def _check_corners(table: Table, corners: FloatArray) -> None:
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


def _numbers(table: Table, name: str) -> FloatArray:
    """A finite number in every cell."""
    numbers = pd.to_numeric(table.frame[name], errors="coerce").to_numpy(dtype=np.float64)
    _refuse(table, ~np.isfinite(numbers), name, "which is no number", "write a number")
    return np.asarray(numbers, dtype=np.float64)


def _refuse(table: Table, bad: NDArray[np.bool_], name: str, rule: str, remedy: str) -> None:
    """Raise about the first cell of a column where `bad` holds."""
    if bad.any():
        value = spell(str(table.frame[name].iloc[int(np.argmax(bad))]))
        raise DataError(
            f"{name} is {value}, {rule}", remedy=remedy, file=table.file, row=table.row(bad)
        )
