"""One HTML file about runs that needs nothing else: no network, no folder beside it, no server.

Everything that comes from data is escaped by the template engine (`templating`) or by `canvas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bgs.errors import DataError
from bgs.reports.panels import Figure
from bgs.reports.record import RunRecord
from bgs.reports.scores import draw_scores
from bgs.reports.templating import encode, fill_page
from bgs.reports.thumbnails import EXHIBIT_BUDGET, EXHIBIT_SIZES, PAGE_BUDGET, fit_budget
from bgs.reports.views import RunView, view_run


@dataclass(frozen=True)
class Sprite:
    """A thumbnail, stored once in the page however often it is shown."""

    key: str
    data: str  # base64 of a PNG


def render_report(records: Sequence[RunRecord], out: Path) -> Path:
    """Write the page about one run, or about several side by side; returns where it is."""
    if not records:
        raise DataError("a report of no runs", remedy="name at least one run folder")
    records = _fit_exhibits(records)
    keys, sprites = _collect_sprites(records)
    runs = [
        view_run(record, key=f"run{index}", keys=clips)
        for index, (record, clips) in enumerate(zip(records, keys, strict=True))
    ]
    return fill_page(
        "report.html.j2",
        out,
        runs=runs,
        sprites=sprites,
        comparison=_compare(runs) if len(runs) > 1 else None,
    )


def _collect_sprites(records: Sequence[RunRecord]) -> tuple[list[dict[str, str]], list[Sprite]]:
    """A key for every clip of every run, equal where clip and picture are equal, and the pictures."""
    known: dict[tuple[str, bytes], str] = {}
    keys: list[dict[str, str]] = []
    for record in records:
        ids = () if record.human is None else record.human.ids
        pictures = [(clip, record.thumbnails.get(clip, b"")) for clip in ids]
        keys.append(
            {clip: known.setdefault((clip, png), f"clip{len(known)}") for clip, png in pictures}
        )
    stored = {key: png for (_, png), key in known.items() if png}
    left = PAGE_BUDGET - sum(len(exhibit.png) for record in records for exhibit in record.exhibits)
    fitted = fit_budget(stored, budget=left)
    return keys, [Sprite(key, encode(png)) for key, png in fitted.items()]


def _fit_exhibits(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The same runs with the pictures of their analyses made smaller together until they fit."""
    pictures = {
        f"{place} {exhibit.name}": exhibit.png
        for place, record in enumerate(records)
        for exhibit in record.exhibits
    }
    fitted = fit_budget(pictures, budget=EXHIBIT_BUDGET, sizes=EXHIBIT_SIZES)
    return [
        replace(
            record,
            analyses=tuple(
                replace(
                    section,
                    exhibits=tuple(
                        replace(exhibit, png=fitted[f"{place} {exhibit.name}"])
                        for exhibit in section.exhibits
                    ),
                )
                for section in record.analyses
            ),
        )
        for place, record in enumerate(records)
    ]


def _compare(runs: Sequence[RunView]) -> Figure | None:
    """Before and after (or every model) of all runs in one figure; controls stay in each run's own."""
    rows = [
        replace(row, label=f"{run.name}: {row.label}")
        for run in runs
        for row in run.rows
        if row.role in ("before", "after", "model")
    ]
    shared = runs[0].ceilings if all(run.ceilings == runs[0].ceilings for run in runs) else ()
    judges = {run.whose for run in runs}
    return draw_scores(rows, shared, whose=judges.pop() if len(judges) == 1 else "the judges'")
