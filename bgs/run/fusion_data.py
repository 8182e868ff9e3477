"""Data sets of `bgs fusion`: checked, looked at, or drawn as simulated twins."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgs.data.card_files import load_task_card, task_names
from bgs.data.cards import TaskCard
from bgs.errors import DataError
from bgs.fusion.checking import TaskReport, check_task_set
from bgs.fusion.example import Example, TaskData
from bgs.fusion.pictures import read_picture
from bgs.fusion.tasks import SOURCES, load_task
from bgs.fusion.twins import SMALL, TWINS, TwinSize, write_twin
from bgs.reports.contact_sheet import write_sheet
from bgs.reports.picture_sheet import Tile, draw_tiles


def is_task_set(name: str, *, videos_dir: Path) -> bool:
    """Whether a card of that name is about a data set of `bgs fusion`."""
    return name in task_names(home=videos_dir)


def check_data(name: str, *, videos_dir: Path, progress: bool = True) -> TaskReport:
    """Read it, open every picture, count; refuses a folder that is not there or not as downloaded."""
    card = load_task_card(name, videos_dir=videos_dir)
    return check_task_set(card.task, _folder_of(card, videos_dir), progress=progress)


def draw_twin(
    name: str, *, videos_dir: Path, seed: int = 0, size: TwinSize = SMALL
) -> list[dict[str, object]]:
    """Draw the simulated twin into the home, all of it or nothing; never where anything is already."""
    if name not in TWINS:
        raise DataError(
            f"{name!r} has no simulated twin", remedy=f"there are twins of {', '.join(TWINS)}"
        )
    folder = videos_dir / name
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(
            f"{str(folder)!r} is not empty: a twin is never drawn over what is there",
            remedy="remove it yourself if it may go, or name another home with --videos-dir",
        )
    try:
        videos_dir.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=videos_dir))
    except OSError as error:
        raise DataError(
            f"{str(videos_dir)!r} cannot be written ({error.strerror})",
            remedy="name another home with --videos-dir",
        ) from error
    try:
        write_twin(name, draft, seed=seed, size=size)
        draft.chmod(0o755)
        os.replace(draft, folder)  # takes the place of an empty folder, and of nothing else
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
    return [{"file": str(folder), "action": "simulated"}]


def refuse_fetch(name: str, *, videos_dir: Path) -> DataError:
    """What to say to who would download it: its authors want to be asked."""
    card = load_task_card(name, videos_dir=videos_dir)
    return DataError(
        f"{name!r} cannot be fetched from here",
        remedy=f"{card.obtain}; a simulated twin is drawn by `bgs data fetch {name} --twin`",
    )


def show_data(
    name: str,
    out: Path,
    *,
    videos_dir: Path,
    num_rows: int = 8,
    num_columns: int = 6,
    seed: int = 0,
) -> dict[str, Any]:
    """Draw a sheet of examples to `out`, of every label as far as there is room; returns what is on it."""
    card = load_task_card(name, videos_dir=videos_dir)
    _folder_of(card, videos_dir)
    data = load_task(card.task, home=videos_dir)
    chosen = _choose(data, num_rows * num_columns, seed=seed)
    tiles = [_tile(split, example) for split, example in chosen]
    total = sum(map(len, data.splits.values()))
    said = f"{len(chosen)} of {total} examples" + (", simulated" if data.simulated else "")
    subtitle = f"{data.task.question} {said}"
    write_sheet(draw_tiles(tiles, columns=num_columns, title=card.title, subtitle=subtitle), out)
    shown = [example.id for _, example in chosen]
    return {"file": str(out), "clips": shown, "of": total, "simulated": data.simulated}


def ensure_twins(names: Sequence[str], home: Path, *, seed: int, size: TwinSize = SMALL) -> None:
    """Twins of the data sets behind these tasks, drawn where they are not there yet."""
    for folder in dict.fromkeys(SOURCES[name].folder for name in names):
        if not (home / folder).is_dir():
            draw_twin(folder, videos_dir=home, seed=seed, size=size)


def _folder_of(card: TaskCard, videos_dir: Path) -> Path:
    folder = card.folder(videos_dir=videos_dir)
    if not folder.is_dir():
        raise DataError(
            f"{card.name!r} is not here: {str(folder)!r} is not a folder", remedy=card.obtain
        )
    return folder


def _choose(data: TaskData, count: int, *, seed: int) -> list[tuple[str, Example]]:
    """Examples of every label in turn; the same for the same seed."""
    rng = np.random.default_rng(seed)
    by_label: dict[str, list[tuple[str, Example]]] = {}
    for split, examples in data.splits.items():
        for example in examples:
            label = example.label or ("inside" if example.inside else "outside")
            by_label.setdefault(label, []).append((split, example))
    order = [label for label in (*data.task.labels, "inside", "outside") if label in by_label]
    drawn = {label: rng.permutation(len(by_label[label])).tolist() for label in order}
    turns = range(max(map(len, drawn.values())))
    picked = [
        by_label[label][drawn[label][turn]]
        for turn in turns
        for label in order
        if turn < len(drawn[label])
    ]
    return picked[:count]


def _tile(split: str, example: Example) -> Tile:
    """A track by its middle frame, with as many points as raters gave."""
    is_track = len(example.pictures) > 1
    middle = len(example.pictures) // 2
    boxes = (example.boxes[middle],) if is_track else example.boxes
    return Tile(
        read_picture(example.pictures[middle]),
        title=_answer(example),
        text=", ".join([split, *_feelings(example)]),
        boxes=tuple((box.x0, box.y0, box.x1, box.y1) for box in boxes),
        points=example.points,
    )


def _answer(example: Example) -> str:
    if example.label is not None:
        return example.label
    if not example.inside:
        return "looks away"
    count = len(example.points)
    return "1 point" if count == 1 else f"{count} points"


def _feelings(example: Example) -> list[str]:
    felt: Mapping[str, float] = example.values
    return [f"{name[:3]} {value:+.1f}".replace("-", "−") for name, value in felt.items()]
