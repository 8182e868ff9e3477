"""Bytes of a file, or the reason why there are none, before any parser sees it.

A parser reports a folder, a pipe, a dangling link and a missing file alike, or waits for ever.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bgs.errors import DataError
from bgs.strict_json import decode_text


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


def _explain_unreachable(path: Path, error: OSError | ValueError) -> tuple[str, str]:
    if os.path.islink(path):
        return f"links to {os.readlink(path)!r}, which cannot be reached", "mend the link"
    if isinstance(error, FileNotFoundError):
        return "does not exist", "check the path"
    reason = error.strerror if isinstance(error, OSError) else "a NUL in its name"
    return f"cannot be reached ({reason})", "check the path"
