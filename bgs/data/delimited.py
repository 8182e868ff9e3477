"""Delimited text to rows of text, each with the line it starts on.

Files are read as they are written: UTF-8 (a byte order mark is fine), any line ending, quoted fields,
blank lines skipped. A line with another number of fields than the header is an error, since a shifted
column is a wrong judgment.

Arrow splits a plain file (no quotes, no blank lines, nothing wrong) many times faster than the csv
module. Whatever it cannot vouch for is read again by the csv module, which knows the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.strict_json import decode_text

ROWS_A_CHUNK = 100_000  # bounds the memory held as Python strings


class CsvReader(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def read_delimited(path: Path, *, separator: str) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The columns as text, and the line of each row."""
    data = path.read_bytes()
    frame = _split_plain(data, separator=separator)
    if frame is not None:
        header = [str(name) for name in frame.columns]
        _check_header(header, row=1, separator=separator, path=path)
        return frame, np.arange(2, len(frame) + 2)
    return _read_with_care(decode_text(data, path=path), separator=separator, path=path)


def frame_of_objects(columns: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """Values as they are: pandas infers nothing from them."""
    return pd.DataFrame(
        {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
    )


def _split_plain(data: bytes, *, separator: str) -> pd.DataFrame | None:
    """The rows of a file in which every line is a row of as many fields; None if it may not be one."""
    if b'"' in data or data.count(b"\r") != data.count(b"\r\n"):
        return None
    header = data.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").rstrip(b"\r")
    try:
        names = header.decode().split(separator)
        table = pyarrow.csv.read_csv(
            io.BytesIO(data),
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string())
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if table.column_names != names or lines != table.num_rows + 1 or len(set(names)) != len(names):
        return None
    return pd.DataFrame({name: table.column(name).to_pandas() for name in names})


def _read_with_care(
    text: str, *, separator: str, path: Path
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        first = next((fields for fields in reader if fields), [])
        header = _check_header(first, row=reader.line_num, separator=separator, path=path)
        chunks = list(_read_chunks(reader, header=header, path=path))
    except csv.Error as error:
        row = _find_broken_row(text, separator=separator)
        raise DataError(
            f"not a table: {error}", remedy="mend the line", file=path, row=row
        ) from error
    frame = pd.concat([chunk for chunk, _ in chunks], ignore_index=True)
    return frame, np.concatenate([rows for _, rows in chunks])


def _check_header(header: list[str], *, row: int, separator: str, path: Path) -> list[str]:
    if not header:
        raise DataError("the file holds blank lines only", remedy="export it again", file=path)
    other = next((sign for sign in ",;\t|" if sign != separator and sign in header[0]), None)
    if len(header) == 1 and other is not None:
        raise DataError(
            f"the header is one column, {header[0][:60]!r}; columns seem to be separated by {other!r}",
            remedy=f"save the file with {separator!r} between columns, or set `separator` in its card",
            file=path,
            row=row,
        )
    twice = next((name for i, name in enumerate(header) if name in header[:i]), None)
    if twice is not None:
        raise DataError(
            f"column {twice!r} appears twice",
            remedy="name each column once in the first line",
            file=path,
            row=row,
        )
    return header


def _read_chunks(
    reader: CsvReader, *, header: Sequence[str], path: Path
) -> Iterator[tuple[pd.DataFrame, NDArray[np.int64]]]:
    """Frames of text with the line each row starts on; at least one, so an empty file has columns."""
    read_any = False
    before = reader.line_num
    while chunk := list(islice(reader, ROWS_A_CHUNK)):
        heights = np.ones(len(chunk), dtype=np.int64)
        if reader.line_num - before != len(chunk):  # a quoted field holds line breaks
            heights = np.array([_count_lines(fields) for fields in chunk])
        rows = before + 1 + np.cumsum(heights) - heights
        before = reader.line_num
        widths = np.fromiter(map(len, chunk), dtype=np.int64, count=len(chunk))
        ragged = (widths != len(header)) & (widths != 0)
        if ragged.any():
            index = int(np.argmax(ragged))
            raise DataError(
                f"{widths[index]} fields where the header has {len(header)}",
                remedy="mend the line; quote a field that holds the separator",
                file=path,
                row=int(rows[index]),
            )
        written = widths != 0  # blank lines are no rows
        columns = zip(*filter(None, chunk), strict=True) if written.any() else ((),) * len(header)
        read_any = True
        yield frame_of_objects(dict(zip(header, columns, strict=True))), rows[written]
    if not read_any:
        yield pd.DataFrame(columns=list(header)), np.array([], dtype=np.int64)


def _count_lines(fields: list[str]) -> int:
    """Lines a row takes in the file: quoted fields keep their line breaks."""
    return 1 + sum(len(re.findall(r"\r\n|\r|\n", field)) for field in fields)


def _find_broken_row(text: str, *, separator: str) -> int:
    """The line on which the row starts that the reader cannot read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error:
        pass
    return start
