"""The dot-and-whisker figure: R² of every model with its interval, and the ceiling as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from bgs.reports.canvas import Canvas
from bgs.reports.marks import Dot, Label, Line, polyline
from bgs.reports.panels import Figure, Panel
from bgs.reports.scales import Scale, format_tick, nice_ticks
from bgs.reports.summary import CeilingLine, ScoreRow, format_interval, format_share

WIDTH, ROW = 640.0, 25.0
CHARACTER, BOLD_CHARACTER = 6.5, 7.4  # points of a letter at size 12, on the safe side
LABEL_WIDTHS = (90.0, 250.0)
ROLES = {"after": "accent", "before": "second"}


def draw_scores(
    rows: Sequence[ScoreRow], ceilings: Sequence[CeilingLine], *, whose: str = "people's"
) -> Figure | None:
    """Best model first; None where nothing was scored. `whose` names those who judged."""
    scored = sorted((row for row in rows if row.r2 is not None), key=lambda row: -(row.r2 or 0.0))
    if not scored:
        return None
    labels = max(len(row.label) * _letter(row) for row in scored) + 14
    left = min(max(labels, LABEL_WIDTHS[0]), LABEL_WIDTHS[1])
    top = 14.0 * len(ceilings) + 8
    bottom = top + ROW * len(scored)
    canvas = Canvas(WIDTH, bottom + 42)
    scale = _scale(scored, ceilings, start=left, stop=WIDTH - 60)
    _draw_ceilings(canvas, ceilings, scale, bottom=bottom)
    for index, row in enumerate(scored):
        _draw_row(canvas, row, scale, y=top + ROW * (index + 0.5), left=left)
    _draw_axis(canvas, scale, y=bottom + 4, whose=whose)
    return Figure("scores", (Panel("", canvas, _describe(scored, ceilings)),), _table(scored))


def _scale(
    rows: Sequence[ScoreRow], ceilings: Sequence[CeilingLine], *, start: float, stop: float
) -> Scale:
    ends = [row.r2 or 0.0 for row in rows] + [end for row in rows if row.r2_ci for end in row.r2_ci]
    ticks = nice_ticks(min(0.0, *ends), max([0.01, *ends, *(line.r2 for line in ceilings)]))
    return Scale(ticks[0], ticks[-1], start, stop)


def _draw_ceilings(
    canvas: Canvas, ceilings: Sequence[CeilingLine], scale: Scale, *, bottom: float
) -> None:
    middle = (scale.low + scale.high) / 2
    on_left = all(line.r2 > middle for line in ceilings)
    # Labels stand above each other, the outermost line's on top, so that no line crosses a label.
    for level, line in enumerate(sorted(ceilings, key=lambda line: line.r2, reverse=on_left)):
        x, y = scale(line.r2), 12.0 + 14 * level
        canvas.add(Line(((x, y - 9), (x, bottom + 4)), "ink", 1.0, dash=(4.0, 3.0)))
        label = f"{line.name} {format_share(line.r2)}"
        canvas.add(
            Label(x - 5 if on_left else x + 5, y, label, "ink", "end" if on_left else "start")
        )


def _draw_row(canvas: Canvas, row: ScoreRow, scale: Scale, *, y: float, left: float) -> None:
    role = ROLES.get(row.role, "muted" if row.is_reference else "ink")
    fits = int((left - 14) / _letter(row))
    label = row.label if len(row.label) <= fits else row.label[: fits - 1] + "…"
    bold = row.role == "after"
    canvas.add(Label(left - 12, y + 4, label, role, "end", 12, bold))
    canvas.add(Line(((scale.start, y), (scale.stop, y)), "rule", 0.5))
    if row.r2_ci is not None:
        canvas.add(polyline(map(scale, row.r2_ci), (y, y), role=role, width=2.0))
    canvas.add(Dot(scale(row.r2 or 0.0), y, 4.5, role, filled=not row.is_reference))
    canvas.add(Label(WIDTH - 4, y + 4, format_share(row.r2), role, "end", 12, bold))


def _letter(row: ScoreRow) -> float:
    return BOLD_CHARACTER if row.role == "after" else CHARACTER


def _draw_axis(canvas: Canvas, scale: Scale, *, y: float, whose: str) -> None:
    ticks = nice_ticks(scale.low, scale.high)
    canvas.add(Line(((scale(ticks[0]), y), (scale(ticks[-1]), y)), "muted", 0.8))
    for tick in ticks:
        canvas.add(Line(((scale(tick), y), (scale(tick), y + 4)), "muted", 0.8))
        canvas.add(Label(scale(tick), y + 16, format_tick(tick, ticks), "muted", "middle"))
    canvas.add(
        Label(
            scale.start,
            y + 32,
            f"R², the squared Spearman correlation with {whose} dissimilarities",
            "muted",
        )
    )


def _describe(rows: Sequence[ScoreRow], ceilings: Sequence[CeilingLine]) -> str:
    scores = "; ".join(
        f"{row.label} {format_share(row.r2)} {format_interval(row.r2_ci)}" for row in rows
    )
    lines = "".join(f" The {line.name} is {format_share(line.r2)}." for line in ceilings)
    return f"R squared with 95 percent intervals: {scores}.{lines}"


def _table(rows: Sequence[ScoreRow]) -> pd.DataFrame:
    table = pd.DataFrame([asdict(row) for row in rows])
    for name in ("r2_ci", "three_way_ci"):
        ends = [(None, None) if ci is None else ci for ci in table.pop(name)]
        table[[f"{name}_low", f"{name}_high"]] = pd.DataFrame(ends, index=table.index, dtype=float)
    return table
