"""Which clips a model learns from, which choose the epoch, and which are never looked at before scoring.

Splits are by clip, never by judgment: a judgment belongs to a part only if its three clips do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bgs.data.card_files import load_triplets_card, load_videos_card, payload_file
from bgs.data.cards import Card, ClipTable, SplitFiles, TripletsCard, VideosCard
from bgs.data.judgment_files import read_clip_list
from bgs.data.tables import read_table
from bgs.errors import DataError

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, repr=False)
class Split:
    """Disjoint sets of clips; validation may be empty until it is carved from train."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        place: dict[str, str] = {}
        for part in PARTS:
            clips = tuple(str(clip) for clip in getattr(self, part))
            object.__setattr__(self, part, clips)
            if not clips and part != "validation":
                raise DataError(f"the {part} part of the split is empty", remedy="put clips in it")
            for clip in clips:
                if clip in place:
                    raise DataError(
                        f"clip {clip!r} is in {place[clip]} and in {part}",
                        remedy="put it in one part",
                    )
                place[clip] = part

    @property
    def ids(self) -> tuple[str, ...]:
        """All clips: train, then validation, then test."""
        return self.train + self.validation + self.test

    def __repr__(self) -> str:
        return f"Split({len(self.train)} train, {len(self.validation)} validation, {len(self.test)} test clips)"


def load_split(card: VideosCard | TripletsCard, *, home: Path | str) -> Split | None:
    """The split a card states, None if it states none. `home` is the home of the card."""
    if card.split is not None:
        return _read_split_files(card, card.split, home=Path(home))
    if isinstance(card, VideosCard) and card.table.split is not None:
        return _read_split_column(card, card.table, card.table.split, home=Path(home))
    return None


def find_split(
    name: str, *, triplets_dir: Path | str = "triplets", videos_dir: Path | str = "videos"
) -> Split:
    """The split of a set of judgments: its own, or that of its clips."""
    card = load_triplets_card(name, triplets_dir=triplets_dir)
    split = load_split(card, home=triplets_dir)
    if split is None and card.clips is not None:
        split = load_split(load_videos_card(card.clips, videos_dir=videos_dir), home=videos_dir)
    if split is None:
        raise DataError(
            f"neither the card of {name!r} nor that of its clips states a split",
            remedy="add `split` to one of them",
        )
    return split


def carve_validation(split: Split, *, fraction: float, seed: int) -> Split:
    """Move a share of the training clips to validation; test clips are not touched."""
    if split.validation:
        raise DataError(
            f"the split has {len(split.validation)} validation clips", remedy="carve it only once"
        )
    size = round(fraction * len(split.train))
    if not 3 <= size <= len(split.train) - 3:
        raise DataError(
            f"a fraction of {fraction:g} of {len(split.train)} training clips is {size}",
            remedy="leave 3 clips or more on both sides, since a judgment shows 3: "
            "put more clips in train, or mark some as validation in the split",
        )
    chosen = np.random.default_rng(seed).choice(len(split.train), size=size, replace=False)
    picked = {split.train[index] for index in chosen}
    return Split(
        train=tuple(clip for clip in split.train if clip not in picked),
        validation=tuple(clip for clip in split.train if clip in picked),
        test=split.test,
    )


def _read_split_files(card: Card, source: SplitFiles, *, home: Path) -> Split:
    parts: dict[str, tuple[str, ...]] = dict.fromkeys(PARTS, ())
    for part in PARTS:
        listed = getattr(source, part)
        if listed is not None:
            file = payload_file(card, listed.path, home=home)
            parts[part] = tuple(read_clip_list(file, column=listed.id)[0])
    return Split(**parts)


def _read_split_column(card: Card, table: ClipTable, column: str, *, home: Path) -> Split:
    file = payload_file(card, table.path, home=home)
    ids, rows = read_clip_list(file, column=table.id)
    frame = read_table(file, format="csv").frame
    if column not in frame.columns:
        raise DataError(
            f"no column {column!r} (for split)", remedy="name it in the card", file=file
        )
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for row, clip, part in zip(rows, ids, frame[column], strict=True):
        if part not in parts:
            raise DataError(
                f"{column} is {part!r}",
                remedy=f"write one of {', '.join(PARTS)}",
                file=file,
                row=row,
            )
        parts[part].append(clip)
    try:
        return Split(**{part: tuple(clips) for part, clips in parts.items()})
    except DataError as error:
        raise DataError(error.what, remedy=error.remedy, file=file) from error
