"""Files to rows, each with the line it stands on; nothing is guessed and nothing repaired.

Rows are numbered as an editor numbers lines, so the header of a CSV file is row 1; rows of a Parquet
file are counted from 1, rows of a data frame from 0 as `iloc` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.data.delimited import frame_of_objects, read_delimited
from bgs.data.reading import check_readable, read_text
from bgs.errors import DataError
from bgs.strict_json import parse_json


@dataclass(frozen=True)
class Table:
    """Rows of a file with the line of each, the name to call the file by, and rows set aside."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]  # (rows,) line of each row
    file: str
    skipped: int = 0  # rows that are not judgments and say so

    def row(self, mask: NDArray[np.bool_]) -> int:
        """The line of the first row where `mask` holds."""
        return int(self.rows[int(np.argmax(mask))])


def read_table(path: Path, *, format: str, separator: str | None = None) -> Table:
    """A CSV, TSV, JSON lines or Parquet file as a table."""
    check_readable(path)
    if path.stat().st_size == 0:
        raise DataError("the file is empty", remedy="export it again", file=path)
    if format in ("csv", "tsv"):
        separator = separator or ("\t" if format == "tsv" else ",")
        table = Table(*read_delimited(path, separator=separator), str(path))
    elif format == "jsonl":
        table = _read_json_lines(path)
    else:
        table = _read_parquet(path)
    if not len(table.frame):
        raise DataError("the file has a header and no rows", remedy="export it again", file=path)
    return table


def table_of_frame(frame: pd.DataFrame, *, name: str = "data frame") -> Table:
    """A data frame as a table; its rows are numbered by position."""
    if not len(frame):
        raise DataError("the data frame has no rows", remedy="pass one row a judgment", file=name)
    duplicated = frame.columns[frame.columns.duplicated()]
    if len(duplicated):
        raise DataError(
            f"column {duplicated[0]!r} appears twice", remedy="name each column once", file=name
        )
    return Table(frame.reset_index(drop=True), np.arange(len(frame)), name)


def _read_json_lines(path: Path) -> Table:
    records: list[dict[str, object]] = []
    rows: list[int] = []
    for row, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        record = parse_json(line, path=path, row=row, remedy="mend the line", unique=True)
        if not isinstance(record, dict):
            raise DataError(
                f"a {type(record).__name__} where a judgment is an object",
                remedy='write {"clip_1": ..., ...}, one a line',
                file=path,
                row=row,
            )
        records.append(record)
        rows.append(row)
    if not records:
        raise DataError("the file holds blank lines only", remedy="export it again", file=path)
    names = list(dict.fromkeys(name for record in records for name in record))
    frame = frame_of_objects({name: [record.get(name) for record in records] for name in names})
    return Table(frame, np.array(rows, dtype=np.int64), str(path))


def _read_parquet(path: Path) -> Table:
    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise DataError(
            "Parquet needs pyarrow, which is not installed",
            remedy="`pip install pyarrow`",
            file=path,
        ) from error
    except (ValueError, OSError) as error:
        raise DataError("not a Parquet file", remedy="export it again", file=path) from error
    return Table(frame.reset_index(drop=True), np.arange(1, len(frame) + 1), str(path))
