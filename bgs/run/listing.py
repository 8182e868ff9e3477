"""Which data sets there are, and how much of each is here; light, since `bgs doctor` must run without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bgs.data.card_files import list_cards
from bgs.data.clips import load_clips
from bgs.errors import DataError


def list_data_sets(*, triplets_dir: Path, videos_dir: Path) -> list[dict[str, object]]:
    """One row a card; of clips also how many their table names, and how many of those have a file."""
    rows = list_cards(triplets_dir=triplets_dir, videos_dir=videos_dir)
    for row in rows:
        if row["kind"] == "videos":
            row |= _count_clips(str(row["name"]), videos_dir=videos_dir)
    return rows


def _count_clips(name: str, *, videos_dir: Path) -> dict[str, int | None]:
    """A table that is absent or broken counts nothing; `bgs data check` says what is wrong with it."""
    try:
        clips = load_clips(name, videos_dir=videos_dir, need_files=False)
    except DataError:
        return {"clips_in_table": None, "clips_here": None}
    here = sum(path.is_file() for path in clips.paths)
    return {"clips_in_table": len(clips), "clips_here": here}


def say_here(row: Mapping[str, object]) -> str:
    """Whether a data set is here: yes, no, or how many of its clips."""
    if not row["present"]:
        return "no"
    if row.get("clips_in_table") is None:
        return "yes"
    return f"{row['clips_here']} of {row['clips_in_table']}"
