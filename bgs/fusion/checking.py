"""Is a downloaded data set what it claims to be? Read by its own reader, and every picture opened to its end.

Nothing is raised for a picture: all that are broken are listed. What the reader cannot make sense of it refuses by
file and row, as it does when it reads for training.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from bgs.errors import DataError
from bgs.fusion.example import TaskData
from bgs.fusion.pictures import check_picture
from bgs.fusion.reading import NO_SUCH_PICTURE, LeftOut
from bgs.fusion.tasks import SOURCES, TASKS

CHUNK = 4096  # pictures handed to the workers at a time, so that a million do not wait in memory


@dataclass(frozen=True)
class PictureProblem:
    """A picture that cannot be read."""

    file: Path
    what: str


@dataclass(frozen=True, repr=False)
class TaskReport:
    """A data set as each of its tasks reads it, and what is wrong with its pictures."""

    name: str
    tasks: tuple[TaskData, ...]
    num_pictures: int
    problems: tuple[PictureProblem, ...]

    @property
    def ok(self) -> bool:
        """Whether every picture that is asked about is there and can be read."""
        return not self.problems and not self.num_missing

    @property
    def num_missing(self) -> int:
        """Examples, of the task that lacks most, whose picture is not there."""
        return max(data.left_out.get(NO_SUCH_PICTURE, 0) for data in self.tasks)

    @property
    def simulated(self) -> bool:
        """Whether a program drew it."""
        return any(data.simulated for data in self.tasks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "ok": self.ok,
            "simulated": self.simulated,
            "num_pictures": self.num_pictures,
            "num_missing": self.num_missing,
            "problems": [{"file": str(p.file), "what": p.what} for p in self.problems],
            "tasks": [_describe(data) for data in self.tasks],
        }

    def __repr__(self) -> str:
        return (
            f"TaskReport({self.name!r}, {self.num_pictures} pictures, {len(self.problems)} broken)"
        )


def check_task_set(
    name: str, folder: Path, *, num_workers: int | None = None, progress: bool = True
) -> TaskReport:
    """Read the data set in `folder` by every task that it serves, and open its pictures a few at a time."""
    names = [task for task, source in SOURCES.items() if source.folder == name]
    if not names:
        known = dict.fromkeys(source.folder for source in SOURCES.values())
        raise DataError(f"no task reads {name!r}", remedy=f"there are {', '.join(known)}")
    notes = {task: LeftOut() for task in names}
    tasks = tuple(
        SOURCES[task].open()(folder, task=TASKS[task], left_out=notes[task]) for task in names
    )
    pictures = pictures_of(tasks)
    unread = {file: what for note in notes.values() for file, what in note.unreadable.items()}
    problems = [PictureProblem(file, what) for file, what in unread.items()]
    todo = [picture for picture in pictures if picture not in unread]
    problems += check_pictures(todo, label=name, num_workers=num_workers, progress=progress)
    return TaskReport(name, tasks, len(pictures) + len(unread), tuple(problems))


def pictures_of(tasks: Sequence[TaskData]) -> tuple[Path, ...]:
    """Every picture of these tasks once, in the order they are asked about."""
    return tuple(
        dict.fromkeys(
            picture
            for data in tasks
            for examples in data.splits.values()
            for example in examples
            for picture in example.pictures
        )
    )


def check_pictures(
    pictures: Sequence[Path], *, label: str, num_workers: int | None = None, progress: bool = True
) -> Iterator[PictureProblem]:
    """Those that cannot be decoded to their end; decoding releases the interpreter, so threads suffice."""
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    with (
        tqdm(total=len(pictures), desc=f"check {label}", unit="picture", disable=hidden) as bar,
        ThreadPoolExecutor(num_workers or min(os.cpu_count() or 1, 8)) as pool,
    ):
        for start in range(0, len(pictures), CHUNK):
            part = pictures[start : start + CHUNK]
            for picture, what in zip(part, pool.map(_fault_of, part), strict=True):
                bar.update()
                if what is not None:
                    yield PictureProblem(picture, what)


def count_twice(data: TaskData) -> int:
    """Examples whose id another one has, too: answers are told apart by it."""
    counts = Counter(example.id for examples in data.splits.values() for example in examples)
    return sum(count - 1 for count in counts.values())


def _fault_of(picture: Path) -> str | None:
    try:
        check_picture(picture)
    except DataError as error:
        return error.what
    return None


def _describe(data: TaskData) -> dict[str, Any]:
    return {
        "task": data.task.name,
        "title": data.task.title,
        "counts": data.counts(),
        "left_out": dict(data.left_out),
        "groups_shared": data.shared_groups(),
        "ids_twice": count_twice(data),
        "notes": list(data.notes),
    }
