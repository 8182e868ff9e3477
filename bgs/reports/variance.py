"""The diagram of a variance partition: which predictors a component belongs to, and how much it explains.

Circles that overlap cannot show a negative share and are false for more than two predictors. So every
component is a row: filled dots name its predictors, the bar and the dot at its end are its R2.

    captions   video
       o         *      unique   |-----*------|
       *         o      unique   |--*--|
       *         *      shared      |---*---|
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bgs.reports.canvas import Canvas
from bgs.reports.marks import Box, Dot, Label, Line, polyline
from bgs.reports.numbers import as_interval, format_interval, format_share
from bgs.reports.panels import Figure, Panel
from bgs.reports.rows import people, whose
from bgs.reports.scales import Scale, format_tick, nice_ticks

WIDTH, ROW, COLUMN, HEAD = 640.0, 25.0, 26.0, 17.0
LEFT, RIGHT = 12.0, 110.0  # margins; the right one holds the numbers
GROUPS = ("group0", "group1", "group2", "group3")


def draw_variance(results: Mapping[str, Any]) -> Figure:
    """Unique components first, then shared ones from few to many predictors, the total last."""
    predictors = list(results["predictors"])
    rows = [*results["components"], {**results["total"], "predictors": predictors, "kind": "total"}]
    top = HEAD * len(predictors) + 14
    bottom = top + ROW * len(rows)
    start = LEFT + COLUMN * len(predictors) + 60
    canvas = Canvas(WIDTH, bottom + 42)
    scale = _scale(rows, start=start, stop=WIDTH - RIGHT)
    _draw_heads(canvas, predictors, bottom=bottom - ROW)
    canvas.add(Line(((scale(0.0), top), (scale(0.0), bottom + 4)), "ink", 0.8))
    for place, row in enumerate(rows):
        _draw_row(canvas, row, predictors, scale, y=top + ROW * (place + 0.5))
    _draw_axis(canvas, scale, y=bottom + 4, who=people(results))
    return Figure("variance", (Panel("", canvas, _describe(rows, whose(results))),), _table(rows))


def _scale(rows: Sequence[Mapping[str, Any]], *, start: float, stop: float) -> Scale:
    ends = [float(row["r2"]) for row in rows]
    ends += [end for row in rows if (ci := as_interval(row["ci95"])) for end in ci]
    ticks = nice_ticks(min(0.0, *ends), max(0.01, *ends))
    return Scale(ticks[0], ticks[-1], start, stop)


def _draw_heads(canvas: Canvas, predictors: Sequence[str], *, bottom: float) -> None:
    """A column a predictor; its name stands on the step that leads to it."""
    for place, name in enumerate(predictors):
        x, y = _column(place), HEAD * (place + 1)
        canvas.add(Label(x + 8, y, name, size=12))
        canvas.add(Line(((x, y - 8), (x, bottom)), GROUPS[place], 0.6))
        canvas.add(Line(((x, y - 4), (x + 6, y - 4)), GROUPS[place], 0.6))


def _draw_row(
    canvas: Canvas, row: Mapping[str, Any], predictors: Sequence[str], scale: Scale, *, y: float
) -> None:
    is_total = row["kind"] == "total"
    role = "accent" if is_total else "ink"
    if not is_total:
        for place, name in enumerate(predictors):
            canvas.add(Dot(_column(place), y, 5, GROUPS[place], filled=name in row["predictors"]))
    canvas.add(Label(scale.start - 8, y + 4, str(row["kind"]), role, "end", bold=is_total))
    r2 = float(row["r2"])
    low, high = sorted((scale(0.0), scale(r2)))
    canvas.add(Box(low, y - 6, high - low, 12, "rule"))
    interval = as_interval(row["ci95"])
    if interval is not None:
        canvas.add(polyline(map(scale, interval), (y, y), role=role, width=2.0))
    canvas.add(Dot(scale(r2), y, 4.5, role))
    text = format_share(r2)
    if row.get("cross_validated") is not None:
        text += f" (cv {format_share(float(row['cross_validated']))})"
    canvas.add(Label(WIDTH - 4, y + 4, text, role, "end", 12, is_total))


def _draw_axis(canvas: Canvas, scale: Scale, *, y: float, who: str) -> None:
    ticks = nice_ticks(scale.low, scale.high)
    canvas.add(Line(((scale(ticks[0]), y), (scale(ticks[-1]), y)), "muted", 0.8))
    for tick in ticks:
        canvas.add(Line(((scale(tick), y), (scale(tick), y + 4)), "muted", 0.8))
        canvas.add(Label(scale(tick), y + 16, format_tick(tick, ticks), "muted", "middle"))
    said = f"share of the variance of the dissimilarities of {who}; cv: cross-validated over clips"
    canvas.add(Label(WIDTH - 4, y + 32, said, "muted", "end"))


def _column(place: int) -> float:
    return LEFT + COLUMN * place


def _describe(rows: Sequence[Mapping[str, Any]], judges: str) -> str:
    parts = [
        f"{row['kind']} {' and '.join(row['predictors'])} {format_share(float(row['r2']))} "
        f"{format_interval(as_interval(row['ci95']))}"
        for row in rows
    ]
    return f"Variance of {judges} dissimilarities explained: {'; '.join(parts)}."


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    ends = [as_interval(row["ci95"]) or (None, None) for row in rows]
    return pd.DataFrame(
        {
            "component": [" & ".join(row["predictors"]) for row in rows],
            "kind": [row["kind"] for row in rows],
            "r2": [row["r2"] for row in rows],
            "r2_low": [low for low, _ in ends],
            "r2_high": [high for _, high in ends],
            "cross_validated": [row.get("cross_validated") for row in rows],
        }
    )
