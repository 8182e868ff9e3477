"""Labelled clips as action data sets are published: which label, which recording, train or test.

    DIR/LABEL/clip.avi                            one folder a label: random splits
    DIR/train/LABEL/clip.mp4, DIR/val/LABEL/...   a split in folders (Kinetics; also `test`, `validation`)
    DIR/LABEL/v_LABEL_g01_c01.avi with .txt lists UCF101: lines `LABEL/v_LABEL_g01_c01.avi [number]`
    DIR/**/ID_000010_000020.mp4 with .csv lists   Kinetics: columns label, youtube_id, time_start, time_end

Clips that UCF101 cut from one recording (`g01`) look alike, so they stay on one side of every split.
Kinetics names clips that are no longer to be had; those that are not here are left out and counted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bgs.data.clips import VIDEO_SUFFIXES, Clips
from bgs.errors import DataError

TEST_FOLDERS = ("val", "validation", "test")
RECORDING = re.compile(r"v_(.+_g\d+)_c\d+")  # v_Archery_g03_c02 was cut from recording g03
COLUMNS = ("label", "youtube_id", "time_start", "time_end")


class Labelled(NamedTuple):
    """One clip on disk."""

    path: Path
    label: str

    @property
    def recording(self) -> str:
        """What it was cut from; a clip whose name does not say so is a recording of its own."""
        named = RECORDING.fullmatch(self.path.stem)
        return self.path.as_posix() if named is None else f"{self.label}/{named.group(1)}"


@dataclass(frozen=True)
class LabelledClips:
    """Clips with one label each, and which of them are for testing where the folder says so."""

    clips: Clips
    labels: tuple[str, ...]
    recordings: tuple[str, ...]
    is_test: tuple[bool, ...] | None  # None: split at random
    num_absent: int = 0  # listed, but not in the folder

    def __repr__(self) -> str:
        split = "no split" if self.is_test is None else f"{sum(self.is_test)} for testing"
        return f"LabelledClips({len(self.labels)} clips, {len(set(self.labels))} labels, {split})"


def read_labelled(
    folder: Path, *, train_list: Path | None = None, test_list: Path | None = None
) -> LabelledClips:
    """Clips and labels of a folder in one of the layouts above; a clip's id is its path in the folder."""
    if not folder.is_dir():
        raise DataError(
            f"{str(folder)!r} is not a folder",
            remedy="name a folder with a folder of clips a label",
        )
    if (train_list is None) != (test_list is None):
        raise DataError("one split list without the other", remedy="give both lists, or none")
    if train_list is not None and test_list is not None:
        (train, lost), (test, lost_too) = _listed(train_list, folder), _listed(test_list, folder)
        return _labelled(folder, train, test, num_absent=lost + lost_too)
    test_folder = next((folder / name for name in TEST_FOLDERS if (folder / name).is_dir()), None)
    if (folder / "train").is_dir() and test_folder is not None:
        return _labelled(folder, _videos_in(folder / "train"), _videos_in(test_folder))
    return _labelled(folder, _videos_in(folder), [])


def _videos_in(folder: Path) -> list[Labelled]:
    found = [
        Labelled(file, label.name)
        for label in sorted(folder.iterdir())
        if label.is_dir()
        for file in sorted(label.iterdir())
        if _is_video(file)
    ]
    if not found:
        raise DataError(
            "no clips in folders of labels", remedy="make it FOLDER/LABEL/clip.mp4", file=folder
        )
    return found


def _is_video(file: Path) -> bool:
    return file.suffix.lower() in VIDEO_SUFFIXES and file.name[0] != "."


def _listed(file: Path, folder: Path) -> tuple[list[Labelled], int]:
    """The clips of an official list, and how many of its clips are not here."""
    if not file.is_file():
        raise DataError("the split list is not there", remedy="check the path", file=file)
    found, absent = (_read_table if file.suffix.lower() == ".csv" else _read_lines)(file, folder)
    if not found:
        what = (
            f"none of its {absent} clips is in {str(folder)!r}" if absent else "the list is empty"
        )
        raise DataError(what, remedy="name one clip a line, and the folder they are in", file=file)
    return found, absent


def _read_lines(file: Path, folder: Path) -> tuple[list[Labelled], int]:
    """UCF101: `LABEL/clip.avi`; a number after it is the label's and is not needed."""
    found = []
    for row, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        name = line.strip()
        if not name:
            continue
        head, _, number = name.rpartition(" ")
        clip = folder / (head if head and number.isdigit() else name)
        if clip.parent == folder or not clip.is_file():
            raise DataError(
                f"{name!r} is no clip in a folder of labels",
                remedy="lines are LABEL/clip.avi, relative to the labelled folder",
                file=file,
                row=row,
            )
        found.append(Labelled(clip, clip.parent.name))
    return found, 0


def _read_table(file: Path, folder: Path) -> tuple[list[Labelled], int]:
    """Kinetics: the file of a row is ID_START_END, seconds with six digits, wherever in the folder it is."""
    here = {path.stem: path for path in sorted(folder.rglob("*")) if _is_video(path)}
    found, absent = [], 0
    with file.open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise DataError(
                f"no column {missing[0]!r}", remedy=f"columns are {', '.join(COLUMNS)}", file=file
            )
        for row, cells in enumerate(table, start=2):
            stem = _clip_name(cells, file=file, row=row)
            if stem in here:
                found.append(Labelled(here[stem], cells["label"].strip()))
            else:
                absent += 1
    return found, absent


def _clip_name(cells: dict[str, str], *, file: Path, row: int) -> str:
    try:
        start, end = (int(float(cells[name])) for name in ("time_start", "time_end"))
    except (TypeError, ValueError) as error:
        raise DataError(
            f"times {cells['time_start']!r} to {cells['time_end']!r} are not seconds",
            remedy="give whole seconds",
            file=file,
            row=row,
        ) from error
    return f"{cells['youtube_id']}_{start:06d}_{end:06d}"


def _labelled(
    folder: Path, train: Sequence[Labelled], test: Sequence[Labelled], *, num_absent: int = 0
) -> LabelledClips:
    both = (*train, *test)
    _refuse_shared(train, test)
    clips = Clips(
        ids=tuple(clip.path.relative_to(folder).as_posix() for clip in both),
        paths=tuple(clip.path for clip in both),
        name=folder.name,
    )
    return LabelledClips(
        clips,
        labels=tuple(clip.label for clip in both),
        recordings=tuple(clip.recording for clip in both),
        is_test=(False,) * len(train) + (True,) * len(test) if test else None,
        num_absent=num_absent,
    )


def _refuse_shared(train: Sequence[Labelled], test: Sequence[Labelled]) -> None:
    """A clip, or a recording, on both sides would be recognised and not understood."""
    again = sorted({clip.path for clip in train} & {clip.path for clip in test})
    if again:
        raise DataError(
            "a clip is listed for training and for testing", remedy="list it once", file=again[0]
        )
    shared = sorted({clip.recording for clip in train} & {clip.recording for clip in test})
    if shared:
        raise DataError(
            f"recording {shared[0]!r} has clips for training and for testing",
            remedy="keep all clips of a recording (g01, g02, ...) on one side, as the official lists do",
        )
