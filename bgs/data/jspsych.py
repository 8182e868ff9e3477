"""jsPsych exports: one file for everything a participant saw, of which some rows are judgments.

`jsPsych.data.get().csv()` and `.json()` are read. A card says which rows are judgments (`where`), which
columns or which JSON list hold the three clips, and that the response is a button: its position from 0,
in milliseconds. Rows of another kind (instructions, consent, fixation) are counted, not lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bgs.data.cards import JudgmentColumns
from bgs.data.reading import read_text
from bgs.data.tables import Table, read_table
from bgs.errors import DataError
from bgs.strict_json import parse_json


def read_jspsych(
    path: Path, *, where: Mapping[str, str], columns: JudgmentColumns | None
) -> tuple[Table, JudgmentColumns | None]:
    """The judgment rows of an export, and the columns that hold them."""
    table = _read_json(path) if path.suffix.lower() == ".json" else read_table(path, format="csv")
    table = _keep_judgments(table, where=where)
    if columns is None or columns.clips is None:
        return table, columns
    return _spread_clips(table, columns.clips), columns


def _read_json(path: Path) -> Table:
    trials = parse_json(read_text(path), path=path, unique=True)
    if (
        not isinstance(trials, list)
        or not all(isinstance(t, dict) for t in trials)
        or not any(trials)
    ):
        raise DataError(
            "not a list of trials", remedy="export jsPsych.data.get().json()", file=path
        )
    names = dict.fromkeys(name for trial in trials for name in trial)
    frame = pd.DataFrame(
        {name: pd.Series([trial.get(name) for trial in trials], dtype=object) for name in names}
    )
    return Table(frame, np.arange(1, len(frame) + 1), str(path))


def _keep_judgments(table: Table, *, where: Mapping[str, str]) -> Table:
    keep = np.ones(len(table.frame), dtype=np.bool_)
    for name, value in where.items():
        if name not in table.frame.columns:
            raise DataError(
                f"no column {name!r} to tell judgments from other rows",
                remedy="correct `where`",
                file=table.file,
            )
        keep &= (table.frame[name].astype(str) == value).to_numpy()
    if not keep.any():
        said = ", ".join(f"{name} = {value}" for name, value in where.items())
        raise DataError(f"no row has {said}", remedy="correct `where`", file=table.file)
    frame = table.frame[keep].reset_index(drop=True)
    return Table(frame, table.rows[keep], table.file, skipped=int((~keep).sum()))


def _spread_clips(table: Table, name: str) -> Table:
    """One JSON list of three clips to three columns."""
    if name not in table.frame.columns:
        raise DataError(
            f"no column {name!r} (for clips)", remedy="correct the card", file=table.file
        )
    lists: list[list[object]] = []
    for row, cell in zip(table.rows.tolist(), table.frame[name], strict=True):
        try:
            clips = json.loads(cell) if isinstance(cell, str) else cell
        except (ValueError, RecursionError):
            clips = None
        if not isinstance(clips, list) or len(clips) != 3:
            raise DataError(
                f"{name} is {str(cell)[:60]!r}, not a JSON list of three clips",
                remedy="correct the row, or `where`",
                file=table.file,
                row=row,
            )
        lists.append(clips)
    spread = {
        f"clip_{i + 1}": pd.Series([clips[i] for clips in lists], dtype=object) for i in range(3)
    }
    return Table(table.frame.assign(**spread), table.rows, table.file, skipped=table.skipped)
