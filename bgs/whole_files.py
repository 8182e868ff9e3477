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
# How safetensors and torch.save say that a disk is full: neither raises an OSError.
FULL = ("No space left on device", "inline_container.cc")


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
    with _told(path.parent, remedies):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _remove(partial)  # left by a kill
            yield partial
            _put_in_place(partial, path)
        except BaseException:
            _remove(partial)
            raise


@contextmanager
def written_together(folder: Path, *, remedies: Remedies = OUTPUT) -> Iterator[Path]:
    """A place for files that move into `folder` one by one when the block has ended; what else is there stays.

    If the block raises, none of them has moved, and an `OSError` becomes one line with a remedy.
    """
    aside = folder / PARTIAL
    with _told(folder, remedies):
        folder.mkdir(parents=True, exist_ok=True)
        _remove(aside)  # left by a kill
        aside.mkdir()
        try:
            yield aside
            for file in sorted(path for path in aside.rglob("*") if path.is_file()):
                place = folder / file.relative_to(aside)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)
        finally:
            _remove(aside)


def unwritable(folder: Path, error: OSError, *, remedies: Remedies = OUTPUT) -> DataError:
    """What to tell the user when a folder does not take what is written to it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"the disk of {folder} is full", remedy=remedies.full)
    why = error.strerror or type(error).__name__
    return DataError(f"{folder} cannot be written ({why})", remedy=remedies.closed)


@contextmanager
def _told(folder: Path, remedies: Remedies) -> Iterator[None]:
    """What a disk refuses, in one line."""
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error, remedies=remedies) from error
    except Exception as error:
        if not any(words in str(error) for words in FULL):
            raise
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise unwritable(folder, full, remedies=remedies) from error


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
