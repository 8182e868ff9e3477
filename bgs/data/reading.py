"""Bytes of a file, or the reason why there are none, before any parser sees it.

A parser reports a folder, a pipe, a dangling link and a missing file alike, or waits for ever.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from bgs.errors import DataError


def find_fault(path: Path, *, kind: str = "file") -> tuple[str, str] | None:
    """Why `path` is no file that can be read, with the remedy; None if it is one. `kind` is the noun to say."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        return _explain_unreachable(path, error)
    if stat.S_ISDIR(mode):
        return f"is a folder, not a {kind}", "name the file"
    if not stat.S_ISREG(mode):
        return f"is a device or pipe, not a {kind}", "copy it to a file"
    if not os.access(path, os.R_OK):
        return "may not be read", "change its permissions (chmod u+r)"
    return None


def check_readable(path: Path) -> None:
    """Raise unless `path` is a file that can be read."""
    fault = find_fault(path)
    if fault is not None:
        raise DataError(fault[0], remedy=fault[1], file=path)


def read_text(path: Path) -> str:
    """The text of a file, or the line where it stops being UTF-8."""
    check_readable(path)
    return decode_text(path.read_bytes(), path=path)


def decode_text(data: bytes, *, path: Path) -> str:
    """Bytes of a file as text; a byte order mark is no part of it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            remedy="save the file as UTF-8",
            file=path,
            row=data[: error.start].count(b"\n") + 1,
        ) from error


def parse_json(text: str, *, path: Path, row: int | None = None) -> Any:
    """The value of a JSON text; a name used twice in an object is refused. `row` if it is one line of many."""
    remedy = "export it again" if row is None else "mend the line"
    try:
        return json.loads(text, object_pairs_hook=_refuse_twins)
    except json.JSONDecodeError as error:
        raise DataError(
            f"not JSON: {error.msg}", remedy=remedy, file=path, row=row or error.lineno
        ) from error
    except RecursionError as error:
        raise DataError(
            "brackets within brackets without end", remedy=remedy, file=path, row=row
        ) from error
    except ValueError as error:
        twin = isinstance(error, _TwinError)
        what = str(error) if twin else "a number of thousands of digits"
        raise DataError(what, remedy=remedy, file=path, row=row) from error


class _TwinError(ValueError):
    """A name that an object holds twice."""


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise _TwinError(f"{twice!r} appears twice in an object")
    return values


def _explain_unreachable(path: Path, error: OSError | ValueError) -> tuple[str, str]:
    if os.path.islink(path):
        return f"links to {os.readlink(path)!r}, which cannot be reached", "mend the link"
    if isinstance(error, FileNotFoundError):
        return "does not exist", "check the path"
    reason = error.strerror if isinstance(error, OSError) else "a NUL in its name"
    return f"cannot be reached ({reason})", "check the path"
