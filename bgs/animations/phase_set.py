"""PHASE scenes together with what people said about them, checked at the door.

    phase = load_phase("downloads/phase")
    phase.scenes["phase_000"], phase.counts[0], phase.labels[0]

Expected in the folder, beside the scenes (`bgs.animations.phase`):
  ratings.csv   clip, friendly, neutral, adversarial (how many people said so), and optionally
                split (train, test); other columns are left unread
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bgs.animations.phase import CLIP_SECONDS, read_phase
from bgs.animations.scene import Scene
from bgs.clip_ids import find_file_problem
from bgs.errors import DataError
from bgs.strict_json import decode_text

RELATIONS = ("friendly", "neutral", "adversarial")
SPLITS = ("train", "test")
TIED = "tied"


@dataclass(frozen=True)
class RelationRatings:
    """How many people called each clip friendly, neutral, adversarial; `splits` is "" where none is stated."""

    clips: tuple[str, ...]
    counts: NDArray[np.int64]  # (clips, 3) in the order of RELATIONS
    splits: tuple[str, ...]
    file: str

    @property
    def labels(self) -> tuple[str, ...]:
        """What most people said about each clip; `tied` where no answer is ahead."""
        ordered = np.sort(self.counts, axis=1)
        ahead = ordered[:, -1] > ordered[:, -2]
        best = self.counts.argmax(axis=1)
        return tuple(RELATIONS[k] if clear else TIED for k, clear in zip(best, ahead, strict=True))

    @property
    def valence(self) -> NDArray[np.float64]:
        """Share of friendly minus share of adversarial answers, (clips,)."""
        shares = self.counts / self.counts.sum(axis=1, keepdims=True)
        return np.asarray(shares[:, 0] - shares[:, 2])

    def __repr__(self) -> str:
        return f"RelationRatings(clips={len(self.clips)}, answers={int(self.counts.sum())})"


@dataclass(frozen=True)
class PhaseSet:
    """Scenes by clip id, and the ratings of the same clips in the same order."""

    scenes: dict[str, Scene]
    ratings: RelationRatings

    def __post_init__(self) -> None:
        for clip in self.ratings.clips:
            if clip not in self.scenes:
                raise DataError(
                    f"ratings are about clip {clip!r}, which is no scene",
                    remedy="correct the id, or add the scene",
                    file=self.ratings.file,
                )
        unrated = next((clip for clip in self.scenes if clip not in self.ratings.clips), None)
        if unrated is not None:
            raise DataError(
                f"scene {unrated!r} has no ratings",
                remedy="add a row for it, or leave the scene out",
                file=self.ratings.file,
            )
        ordered = {clip: self.scenes[clip] for clip in self.ratings.clips}
        object.__setattr__(self, "scenes", ordered)

    @property
    def clips(self) -> tuple[str, ...]:
        """Clip ids in order."""
        return self.ratings.clips

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many people said friendly, neutral, adversarial, (clips, 3)."""
        return self.ratings.counts

    @property
    def labels(self) -> tuple[str, ...]:
        """What most people said about each clip; `tied` where no answer is ahead."""
        return self.ratings.labels

    def __repr__(self) -> str:
        return f"PhaseSet(scenes={len(self.scenes)}, answers={int(self.counts.sum())})"


def load_phase(folder: str | Path, *, seconds: float | None = CLIP_SECONDS) -> PhaseSet:
    """Scenes and ratings of a folder; what does not fit together is refused."""
    folder = Path(folder)
    scenes = read_phase(folder, seconds=seconds)
    return PhaseSet(scenes, read_ratings(folder / "ratings.csv"))


def read_ratings(file: Path) -> RelationRatings:
    """How many people gave each answer, one row a clip; errors name the row."""
    return _gather(read_rows(file), file=file)


def read_rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table of ratings, each with its line."""
    if not file.is_file():
        raise DataError(
            "is a folder, not a file" if file.is_dir() else "is missing",
            remedy=f"give a CSV file with columns clip, {', '.join(RELATIONS)}",
            file=file,
        )
    text = decode_text(file.read_bytes(), path=file)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        _check_header(list(reader.fieldnames or ()), file=file)
        rows = [(reader.line_num, entry) for entry in reader]
    except csv.Error as error:
        row = reader.line_num
        raise DataError(
            f"not a table: {error}", remedy="mend the line", file=file, row=row
        ) from error
    wide = next((row for row, entry in rows if None in entry), None)
    if wide is not None:
        raise DataError(
            "more fields than the header has columns", remedy="mend the line", file=file, row=wide
        )
    if not rows:
        raise DataError("the file has a header and no rows", remedy="export it again", file=file)
    return rows


def _check_header(columns: list[str], *, file: Path) -> None:
    lacking = next((name for name in ("clip", *RELATIONS) if name not in columns), None)
    if lacking is not None:
        raise DataError(
            f"there is no column {lacking!r} (columns: {', '.join(columns) or 'none'})",
            remedy="correct the header",
            file=file,
            row=1,
        )


def _gather(rows: list[tuple[int, dict[str, str]]], *, file: Path) -> RelationRatings:
    clips: dict[str, int] = {}
    files: dict[str, str] = {}  # as a file system sees them that knows no capitals -> the clip
    counts, splits = [], []
    for row, entry in rows:
        clip = entry["clip"]
        if clip in clips or not clip:
            what = f"clip {clip!r} was rated in row {clips[clip]} already" if clip else "no clip"
            raise DataError(what, remedy="give one row a clip", file=file, row=row)
        _check_id(clip, files, file=file, row=row)
        clips[clip] = row
        counts.append([_read_count(entry, name, file=file, row=row) for name in RELATIONS])
        if not sum(counts[-1]):
            raise DataError(
                f"nobody rated clip {clip!r}",
                remedy="leave the row and its scene out",
                file=file,
                row=row,
            )
        splits.append(_read_split(entry, file=file, row=row))
    return RelationRatings(tuple(clips), np.array(counts, np.int64), tuple(splits), str(file))


def _check_id(clip: str, files: dict[str, str], *, file: Path, row: int) -> None:
    """Clips are stored by their ids, so every id must be the name of a file, and of one only."""
    problem = find_file_problem(clip)
    if problem is None and files.setdefault(clip.casefold(), clip) != clip:
        twin = files[clip.casefold()]
        problem = f"is {clip!r}, and another is {twin!r}", "tell them apart by more than capitals"
    if problem is not None:
        raise DataError(f"the clip id {problem[0]}", remedy=problem[1], file=file, row=row)


def _read_count(entry: dict[str, str], name: str, *, file: Path, row: int) -> int:
    text = (entry[name] or "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise DataError(
            f"{name} of clip {entry['clip']!r} is {text!r}, which is no number of people",
            remedy="count people as 0, 1, 2, ...",
            file=file,
            row=row,
        )
    return int(text)


def _read_split(entry: dict[str, str], *, file: Path, row: int) -> str:
    split = (entry.get("split") or "").strip()
    if split not in ("", *SPLITS):
        raise DataError(
            f"split is {split!r}",
            remedy=f"write {' or '.join(SPLITS)}, or leave it empty",
            file=file,
            row=row,
        )
    return split
