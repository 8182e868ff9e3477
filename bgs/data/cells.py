"""Columns of cells to ids, labels and numbers; cells that are none are named with their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.clip_ids import MISSING, find_id_problem
from bgs.data.bad_rows import refuse_rows
from bgs.data.tables import Table
from bgs.errors import DataError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LARGEST_WHOLE = 2**53  # beyond it a float is not exact
LONGEST_RESPONSE = 1e12  # in any unit nobody takes longer
TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def sort_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids in a stable order: by number if all are numbers, by text otherwise."""
    if all(clip.isascii() and clip.isdigit() for clip in ids):
        return tuple(sorted(ids, key=lambda clip: (int(clip), clip)))
    return tuple(sorted(ids))


def parse_ids(table: Table, names: Sequence[str]) -> tuple[IntArray, list[str]]:
    """Codes (rows, columns) into the texts that appear in these columns."""
    columns = [table.frame[name] for name in names]
    same = len({str(column.dtype) for column in columns}) == 1
    stacked = pd.concat([column if same else column.astype(object) for column in columns])
    try:
        codes, values = pd.factorize(stacked, use_na_sentinel=True)
    except TypeError:  # a cell holds a list or a mapping
        nested = np.stack([column.map(_is_nested).to_numpy() for column in columns], axis=1)
        refuse_cells(table, nested, names, "holds several values", "write one id in a cell")
        raise
    grid = codes.reshape(len(names), -1).T  # (rows, columns)
    refuse_cells(table, grid < 0, names, "is missing", "fill the cell")
    texts = [_text_of(value) for value in values]
    problems = {
        code: problem
        for code, (value, text) in enumerate(zip(values, texts, strict=True))
        if (problem := _find_problem(value, text)) is not None
    }
    refuse_codes(table, grid, problems, names)
    unified, known = pd.factorize(np.array(texts, dtype=object))
    return unified[grid].astype(np.int64), [str(text) for text in known]


def _find_problem(value: Any, text: str | None) -> tuple[str, str] | None:
    if text is not None:
        return find_id_problem(text)
    return f"is {_quote(value)}, of type {type(value).__name__}", "ids are text or whole numbers"


def _text_of(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return None


def _quote(value: Any) -> str:
    """A cell as its file would show it, not as numpy wraps it."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _is_other(value: object) -> bool:
    return isinstance(value, (bool, np.bool_, timedelta, date, np.timedelta64, np.datetime64))


def _is_nested(value: object) -> bool:
    return isinstance(value, (list, dict, set, tuple, np.ndarray))


def check_ids(texts: Sequence[str], rows: Sequence[int], *, what: str, file: Path | str) -> None:
    """Raise about the first text that is no id, or is there twice."""
    seen: set[str] = set()
    for row, text in zip(rows, texts, strict=True):
        problem = find_id_problem(text)
        if problem is not None:
            raise DataError(f"{what} {problem[0]}", remedy=problem[1], file=file, row=row)
        if text in seen:
            raise DataError(
                f"clip {text!r} is listed twice", remedy="name each clip once", file=file, row=row
            )
        seen.add(text)


def refuse_cells(
    table: Table, bad: BoolArray, names: Sequence[str], problem: str, remedy: str
) -> None:
    """Raise about the rows with a cell where `bad` (rows, columns) holds."""
    refuse_rows(
        table,
        np.asarray(bad.any(axis=1)),
        lambda row: (f"{names[int(np.argmax(bad[row]))]} {problem}", remedy),
    )


def refuse_codes(
    table: Table, grid: IntArray, problems: Mapping[int, tuple[str, str]], names: Sequence[str]
) -> None:
    """Raise about the rows of `grid` (rows, columns) with a code that has a problem and a remedy."""
    if not problems:
        return
    bad = np.isin(grid, list(problems))

    def say(row: int) -> tuple[str, str]:
        column = int(np.argmax(bad[row]))
        problem, remedy = problems[int(grid[row, column])]
        return f"{names[column]} {problem}", remedy

    refuse_rows(table, np.asarray(bad.any(axis=1)), say)


def _refuse_values(table: Table, name: str, bad: BoolArray, rule: str) -> None:
    """Raise about the cells of a column where `bad` (rows,) holds."""

    def say(row: int) -> tuple[str, str]:
        return f"{name} is {_quote(table.frame[name].iloc[row])}, {rule}", "correct the cell"

    refuse_rows(table, bad, say)


def parse_labels(table: Table, name: str | None) -> tuple[IntArray | None, tuple[str, ...]]:
    """Codes and labels of a participant or session column; labels in the order they appear."""
    if name is None:
        return None, ()
    codes, labels = parse_ids(table, [name])
    return codes[:, 0], tuple(labels)


def _parse_numbers(table: Table, name: str) -> tuple[FloatArray, BoolArray]:
    """Numbers of a column, and where a cell is there but is not a finite number."""
    column = table.frame[name]
    if pd.api.types.is_object_dtype(column.dtype) or column.dtype.kind in "bmM":
        # True is no 1, and a duration is no number of nanoseconds.
        column = column.astype(object).map(lambda cell: repr(cell) if _is_other(cell) else cell)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    blank = column.isna().to_numpy()
    suspect = ~np.isfinite(numbers) & ~blank
    if suspect.any():  # only text that says "missing" is missing
        said = column[suspect].astype(str).str.strip().str.lower().isin(MISSING).to_numpy()
        suspect[np.flatnonzero(suspect)[said]] = False
    return np.where(np.isfinite(numbers), numbers, np.nan), suspect


def parse_seconds(table: Table, name: str) -> FloatArray:
    """Numbers of 0 or more, NaN where the cell is empty, in whatever unit the file has. (rows,)"""
    numbers, bad = _parse_numbers(table, name)
    bad = bad | (numbers < 0)
    _refuse_values(table, name, bad, "a response time is a number of 0 or more, or empty")
    _refuse_values(table, name, numbers > LONGEST_RESPONSE, "which is longer than any response")
    return numbers


def parse_whole(table: Table, name: str) -> IntArray:
    """Whole numbers, one in every cell. (rows,)"""
    numbers, bad = _parse_numbers(table, name)
    bad = bad | np.isnan(numbers) | (numbers != np.floor(numbers))
    _refuse_values(table, name, bad, "which is not a whole number")
    _refuse_values(
        table, name, np.abs(numbers) >= LARGEST_WHOLE, "too large for a whole number (2**53)"
    )
    return numbers.astype(np.int64)


def parse_truth(table: Table, name: str) -> BoolArray:
    """Flags, one in every cell. (rows,)"""
    words = table.frame[name].astype(str).str.lower()
    truth = words.map(TRUTH)
    bad = truth.isna().to_numpy()
    _refuse_values(table, name, bad, "a flag is true, false, 1 or 0")
    return truth.to_numpy(dtype=np.bool_)
