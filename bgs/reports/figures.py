"""All figures of a run, for the page or as files for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bgs.reports.geometry import arrange
from bgs.reports.learning import draw_learning_curve
from bgs.reports.panels import Figure
from bgs.reports.record import RunRecord
from bgs.reports.rows import ceilings, score_rows, whose
from bgs.reports.scores import draw_scores
from bgs.reports.spaces import draw_map, draw_rdms


def draw_figures(record: RunRecord, *, keys: Mapping[str, str] | None = None) -> dict[str, Figure]:
    """The figures this run has the data for, by name."""
    best = (record.results.get("training") or {}).get("best_epoch")
    found = [
        draw_scores(
            score_rows(record.results), ceilings(record.results), whose=whose(record.results)
        ),
        draw_learning_curve(record.history, best_epoch=best),
    ]
    if record.human is not None:
        arrangement = arrange(record.human)
        found += [draw_rdms(record, arrangement), draw_map(record, arrangement, keys=keys)]
    found += [figure for section in record.analyses for figure in section.figures]
    return {figure.name: figure for figure in found if figure is not None}


def write_figures(record: RunRecord, folder: Path) -> list[Path]:
    """Every figure as SVG and PDF, with its numbers as CSV beside it."""
    galleries = [section.gallery for section in record.analyses if section.gallery is not None]
    figures = [*draw_figures(record).values(), *galleries]
    return [path for figure in figures for path in figure.write(folder)]
