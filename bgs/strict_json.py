"""JSON and text of files that others wrote: UTF-8, no endless brackets, no text that cannot be written again.

Every fault is one line with the file, and the row where there is one. `remedy` is the way out as the reader of
this kind of file would put it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bgs.errors import DataError

REMEDY = "export it again"
HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")  # half of a pair that stands for one letter


def decode_text(data: bytes, *, path: Path, remedy: str = "save the file as UTF-8") -> str:
    """Bytes of a file as text; a byte order mark is no part of it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            remedy=remedy,
            file=path,
            row=data[: error.start].count(b"\n") + 1,
        ) from error


def read_json(file: Path, *, remedy: str = REMEDY) -> Any:
    """The value in a JSON file."""
    text = decode_text(_read_bytes(file), path=file, remedy=remedy)
    value = parse_json(text, path=file, remedy=remedy)
    if HALF_LETTER.search(text):
        _refuse_halves(value, path=file, remedy=remedy)
    return value


def parse_json(
    text: str, *, path: Path, row: int | None = None, remedy: str = REMEDY, unique: bool = False
) -> Any:
    """The value of a JSON text. `row` if it is one line of many; `unique` refuses a name twice in an object."""
    try:
        return json.loads(text, object_pairs_hook=_refuse_twins if unique else None)
    except json.JSONDecodeError as error:
        raise DataError(
            f"not JSON: {error.msg}", remedy=remedy, file=path, row=row or error.lineno
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(_name_fault(error), remedy=remedy, file=path, row=row) from error


class _TwinError(ValueError):
    """A name that an object holds twice."""


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})", remedy="check the path", file=file
        ) from error


def _refuse_halves(value: Any, *, path: Path, remedy: str) -> None:
    """No page could show such a text, and no file could hold it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        what = "a text holds half a letter (a lone surrogate)"
        raise DataError(what, remedy=remedy, file=path) from error


def _name_fault(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "brackets within brackets without end"
    return str(error) if isinstance(error, _TwinError) else "a number of thousands of digits"


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise _TwinError(f"{twice!r} appears twice in an object")
    return values
