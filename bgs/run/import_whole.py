"""An import is whole or did not happen: files are made aside, and take their places together at the end.

    with import_into(videos / "phase", triplets / "phase") as (clips, tables):
        (clips / "a.mp4").write_bytes(...)
        (tables / "ratings_rdm.csv").write_text(...)

What stands in a place is kept until all files have theirs, and comes back where one of them cannot be placed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bgs.errors import DataError

ASIDE = ".part-"
BEFORE = ".before"  # no clip's file ends like this


@contextmanager
def import_into(*folders: Path) -> Iterator[tuple[Path, ...]]:
    """A fresh folder for each of `folders`; their files, also in subfolders, move there when all is done."""
    made = [place for folder in folders for place in _make(folder)]
    try:
        with ExitStack() as held:
            held.enter_context(_alone(folders[0]))
            fresh = tuple(
                Path(held.enter_context(tempfile.TemporaryDirectory(prefix=ASIDE, dir=folder)))
                for folder in folders
            )
            yield fresh
            _place_all(
                [
                    (file, folder / file.relative_to(new))
                    for new, folder in zip(fresh, folders, strict=True)
                    for file in sorted(new.rglob("*"))
                    if file.is_file()
                ]
            )
    except OSError as error:
        raise _explain(error, folders[0]) from error
    finally:
        _remove_empty(made)


def refuse_leftovers(folder: Path, keep: set[str]) -> None:
    """Videos of an earlier import that the new one does not know would be taken for its clips."""
    others = sorted(file.name for file in folder.glob("*.mp4") if file.name not in keep)
    if others:
        named = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        raise DataError(
            f"holds {len(others)} videos that are not in this release ({named})",
            remedy="move them elsewhere, or name another home with --videos-dir",
            file=folder,
        )


def _make(folder: Path) -> list[Path]:
    """Make a folder; what had to be made for it, the outermost first."""
    lacking = [place for place in (folder, *folder.parents) if not place.exists()][::-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(lacking)
        raise _explain(error, folder) from error
    return lacking


def _remove_empty(folders: list[Path]) -> None:
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:  # it holds something by now, or is gone
            continue


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One import at a time; the system lets go of a process that is killed."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                "another import is writing here", remedy="wait for it to end", file=folder
            ) from error
        yield
    finally:
        os.close(handle)


def _place_all(moves: list[tuple[Path, Path]]) -> None:
    """Every file to its place, or none."""
    for _, target in moves:
        if target.is_dir():
            raise DataError("is a folder, where a file goes", remedy="move it", file=target)
    placed: list[tuple[Path, Path | None]] = []  # target, what stood there
    try:
        for new, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            before = _keep(target, new.with_name(new.name + BEFORE))
            os.replace(new, target)
            placed.append((target, before))
    except BaseException:  # Ctrl-C, too
        for target, before in reversed(placed):
            target.unlink() if before is None else os.replace(before, target)
        raise


def _keep(target: Path, before: Path) -> Path | None:
    """A second name for what stands at `target`, or a copy where the disk knows no second names."""
    if not target.exists():
        return None
    try:
        os.link(target, before)
    except OSError:
        shutil.copy2(target, before)
    return before


def _explain(error: OSError, folder: Path) -> DataError:
    return DataError(
        f"cannot be written ({error.strerror})",
        remedy="make room for it there: a folder that may be written to, nothing in its place",
        file=folder,
    )
