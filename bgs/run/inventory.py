"""What data there is, whether it is sound, and how to get it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgs.data.bad_rows import BadRowsError
from bgs.data.card_files import (
    card_names,
    load_task_card,
    load_triplets_card,
    load_videos_card,
    task_names,
)
from bgs.data.check import CheckReport, check_triplets
from bgs.data.clips import load_clips
from bgs.data.judgment_files import is_judgment_file
from bgs.data.releases import fetch_release, import_release
from bgs.errors import DataError
from bgs.run.simulation import simulate_into

if TYPE_CHECKING:
    from bgs.data.clip_check import ClipReport
    from bgs.fusion.checking import TaskReport

SIMULATED = ("demo", "demo-phase")


def fetch_data_set(
    name: str,
    *,
    triplets_dir: Path,
    videos_dir: Path,
    twin: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> list[dict[str, object]]:
    """Simulate `demo`, `demo-phase` or a twin, or download the files of a card; one row a file or folder."""
    if twin:
        from bgs.run.fusion_data import draw_twin

        return draw_twin(name, videos_dir=videos_dir, seed=seed)
    if name in task_names(home=videos_dir):
        from bgs.run.fusion_data import refuse_fetch

        raise refuse_fetch(name, videos_dir=videos_dir)
    if name in SIMULATED:
        simulate_into(triplets_dir, videos_dir, seed=seed, progress=progress, style=name)
        return [
            {"file": str(home / name), "action": "simulated"} for home in (triplets_dir, videos_dir)
        ]
    return fetch_release(name, triplets_dir=triplets_dir, videos_dir=videos_dir, progress=progress)


def import_data_set(
    name: str, source: Path, *, triplets_dir: Path, videos_dir: Path, progress: bool = True
) -> list[dict[str, object]]:
    """Copy the files of a release, or render the scenes of one; one row a file or folder, with what was done."""
    if name in task_names(home=videos_dir):
        raise DataError(
            f"{name!r} is read as downloaded, so there is nothing to import",
            remedy=load_task_card(name, videos_dir=videos_dir).obtain,
        )
    if name in card_names("videos", home=videos_dir):
        card = load_videos_card(name, videos_dir=videos_dir)
        if card.scenes is not None:
            from bgs.run.phase import import_scenes

            return import_scenes(
                card, source, triplets_dir=triplets_dir, videos_dir=videos_dir, progress=progress
            )
    return import_release(name, source, triplets_dir=triplets_dir, videos_dir=videos_dir)


@dataclass(frozen=True)
class DataReport:
    """What was found in the judgments of a name, in its clips, in both, or in a data set of `bgs fusion`."""

    triplets: CheckReport | None
    videos: ClipReport | None
    task: TaskReport | None = None
    bad_rows: BadRowsError | None = None  # in the place of `triplets`

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what there is no card for is left out."""
        parts = {"triplets": self.triplets, "videos": self.videos, "task": self.task}
        found = {kind: part.to_dict() for kind, part in parts.items() if part is not None}
        if self.bad_rows is not None:
            rows = [asdict(bad) for bad in self.bad_rows.listed]
            found["bad_rows"] = {
                "file": self.bad_rows.file,
                "count": self.bad_rows.count,
                "rows": rows,
            }
        return found


def check_data_set(
    name: str, *, triplets_dir: Path, videos_dir: Path, progress: bool = True
) -> DataReport:
    """Check the judgments of that name, the clips of that name, or both; or a data set of `bgs fusion`."""
    if name in task_names(home=videos_dir):
        from bgs.run.fusion_data import check_data

        return DataReport(None, None, check_data(name, videos_dir=videos_dir, progress=progress))
    kinds = _kinds_of(name, triplets_dir=triplets_dir, videos_dir=videos_dir)
    triplets = videos = bad_rows = None
    if "triplets" in kinds:
        try:
            triplets = check_triplets(name, triplets_dir=triplets_dir, videos_dir=videos_dir)
        except BadRowsError as error:  # told row by row; the clips are looked at all the same
            bad_rows = error
    if "videos" in kinds:
        from bgs.data.clip_check import check_clips

        clips = load_clips(name, videos_dir=videos_dir, need_files=False)
        videos = check_clips(clips, progress=progress)
    return DataReport(triplets, videos, bad_rows=bad_rows)


def _kinds_of(name: str, *, triplets_dir: Path, videos_dir: Path) -> set[str]:
    cards = {
        "triplets": card_names("triplets", home=triplets_dir),
        "videos": card_names("videos", home=videos_dir),
    }
    kinds = {kind for kind, names in cards.items() if name in names}
    if "triplets" in kinds:
        card = load_triplets_card(name, triplets_dir=triplets_dir)
        if card.judgments is None and "videos" in kinds:  # what there is to check are the clips
            kinds.remove("triplets")
    if kinds:
        return kinds
    if is_judgment_file(name):
        return {"triplets"}
    if name.strip() and os.path.isdir(name):
        return {"videos"}
    known = sorted({*cards["triplets"], *cards["videos"]})
    raise DataError(
        f"{name!r} is neither a card, a file of judgments nor a folder of clips",
        remedy=f"known cards: {', '.join(known)}",
    )
