"""From run folders to a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bgs.reports.figures import write_figures
from bgs.reports.page import render_report
from bgs.reports.record import load_record
from bgs.reports.thumbnails import make_thumbnail
from bgs.run.folder import REPORT, prepare_folder
from bgs.whole_files import written_together

if TYPE_CHECKING:
    from bgs.run.building import Bank


def report(runs: Sequence[Path], *, out: Path | None = None, figures: Path | None = None) -> Path:
    """Write one self-contained page about these runs and say where it is."""
    folders = [Path(run) for run in runs]
    names = _name_apart(folders)
    records = [load_record(run, name=name) for run, name in zip(folders, names, strict=True)]
    page = out or Path(runs[0]) / REPORT
    prepare_folder(page.parent)
    if figures is not None:
        with written_together(figures) as aside:
            for record in records:
                apart = "" if len(records) == 1 else record.name.replace("/", "-")
                write_figures(record, aside / apart)
    return render_report(records, page)


def _name_apart(runs: Sequence[Path]) -> list[str]:
    """Each run by its folder's name; with as much of the path as it takes where two are called the same."""
    parts = [run.resolve().parts[1:] for run in runs]
    for depth in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names


def thumbnails_of(bank: Bank, ids: Sequence[str]) -> dict[str, bytes]:
    """A small picture of each clip; none where the model was given features instead of clips."""
    from bgs.data.features import FeatureBank

    if isinstance(bank, FeatureBank):
        return {}
    chosen = bank.select(ids)
    return {clip: make_thumbnail(chosen[row].numpy()) for row, clip in enumerate(chosen.ids)}
