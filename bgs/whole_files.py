"""Files and folders that appear when they are finished: on a full disk or after a kill, what was there before stays."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bgs.errors import DataError

PARTIAL = ".partial"


@dataclass(frozen=True)
class Remedies:
    """What to do about a disk that is full, and about a place that may not be written."""

    full: str
    closed: str


OUTPUT = Remedies(
    full="free some space, or choose another place for the output; what was there before is kept",
    closed="choose another place for the output",
)


@contextmanager
def written_whole(
    path: Path, *, aside: Path | None = None, remedies: Remedies = OUTPUT
) -> Iterator[Path]:
    """A name beside `path` for a file or a folder that takes the place of `path` when the block has ended.

    If the block raises, nothing of it is left and `path` is as it was; an `OSError` becomes one line with a remedy.
    """
    partial = aside or path.with_name(path.name + PARTIAL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _remove(partial)  # left by a kill
            yield partial
            _put_in_place(partial, path)
        except BaseException:
            _remove(partial)
            raise
    except OSError as error:
        raise unwritable(path.parent, error, remedies=remedies) from error


def unwritable(folder: Path, error: OSError, *, remedies: Remedies = OUTPUT) -> DataError:
    """What to tell the user when a folder does not take what is written to it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"the disk of {folder} is full", remedy=remedies.full)
    why = error.strerror or type(error).__name__
    return DataError(f"{folder} cannot be written ({why})", remedy=remedies.closed)


def _put_in_place(new: Path, place: Path) -> None:
    """A file replaces a file at once; a folder that is in the way of a new one is moved first, and back on failure."""
    if not (new.is_dir() and place.exists()):
        os.replace(new, place)
        return
    old = place.with_name(place.name + ".old")
    _remove(old)
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
