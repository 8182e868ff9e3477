"""The learning curve: parts of the loss above, the validation score below, one point an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bgs.reports.canvas import Canvas
from bgs.reports.marks import Dot, Label, Line, polyline
from bgs.reports.panels import Figure, Panel
from bgs.reports.scales import Scale, format_tick, nice_ticks, spread_apart

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420.0, 214.0, 40.0, 88.0, 18.0, 34.0
BOOKKEEPING = {
    "epoch",
    "step",
    "best",
    "clip_passes",
    "seconds",
    "gradient_norm",
    "learning_rate",
    "clips_per_second",
    "data_wait",
}
LINES = ("ink", "accent", "second", "muted")  # legible as text: labels stand beside their lines


def collect_epochs(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row an epoch: the rows that sum an epoch up, or means over its steps where there are none."""
    told = [row for row in history if "epoch" in row]
    summed = [row for row in told if row.get("event") == "epoch"]
    rows = pd.DataFrame(summed or told)
    if rows.empty:
        return rows
    numeric = rows.select_dtypes("number")
    return numeric.groupby("epoch", as_index=False).mean()


def draw_learning_curve(
    history: Sequence[Mapping[str, Any]], *, best_epoch: int | None = None
) -> Figure | None:
    """Losses and scores side by side; None where the run has no history."""
    epochs = collect_epochs(history)
    names = [str(name) for name in epochs]
    scores = [name for name in names if name.startswith("validation")]
    losses = [name for name in names if name not in BOOKKEEPING and name not in scores]
    panels = [
        _draw_panel(title, epochs, drawn, best_epoch=best_epoch)
        for title, drawn in (("Training loss", losses), ("Score on validation clips", scores))
        if drawn
    ]
    if not panels:
        return None
    return Figure("learning_curve", tuple(panels), epochs[["epoch", *losses, *scores]])


def _draw_panel(
    title: str, epochs: pd.DataFrame, names: Sequence[str], *, best_epoch: int | None
) -> Panel:
    values = epochs[list(names)]
    ticks = nice_ticks(float(values.min().min()), float(values.max().max()), count=4)
    across = Scale(float(epochs["epoch"].min()), float(epochs["epoch"].max()), LEFT, WIDTH - RIGHT)
    up = Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    canvas = Canvas(WIDTH, HEIGHT)
    _draw_axes(canvas, across, up, ticks)
    if best_epoch is not None and across.low <= best_epoch <= across.high:
        x = across(best_epoch)
        canvas.add(Line(((x, TOP), (x, HEIGHT - BOTTOM)), "muted", 0.8, dash=(2.0, 3.0)))
        canvas.add(Label(x, TOP - 6, "kept", "muted", "middle"))
    ends = spread_apart([up(_last(values[name])) for name in names], gap=13)
    for index, (name, end) in enumerate(zip(names, ends, strict=True)):
        role = LINES[index % len(LINES)]
        known = values[name].dropna()
        xs, ys = across.many(epochs.loc[known.index, "epoch"]), up.many(known)
        canvas.add(polyline(xs, ys, role=role, width=1.6))
        canvas.add(Dot(xs[-1], ys[-1], 2.5, role))
        canvas.add(Label(WIDTH - RIGHT + 8, end + 4, say(name), role))
    return Panel(title, canvas, _describe(title, values))


def _draw_axes(canvas: Canvas, across: Scale, up: Scale, ticks: Sequence[float]) -> None:
    for tick in ticks:
        canvas.add(Line(((LEFT, up(tick)), (WIDTH - RIGHT, up(tick))), "rule", 0.5))
        canvas.add(Label(LEFT - 6, up(tick) + 4, format_tick(tick, ticks), "muted", "end"))
    for epoch in {across.low, across.high}:
        canvas.add(Label(across(epoch), HEIGHT - BOTTOM + 16, f"{epoch:g}", "muted", "middle"))
    canvas.add(Label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 16, "epoch", "muted", "middle"))


def _describe(title: str, values: pd.DataFrame) -> str:
    courses = (
        f"{say(str(name))} from {values[name].dropna().iloc[0]:.3g} to {_last(values[name]):.3g}"
        for name in values
    )
    return f"{title} over {len(values)} epochs: {'; '.join(courses)}."


def _last(values: pd.Series) -> float:
    return float(values.dropna().iloc[-1])


def say(name: str) -> str:
    """A key of metrics.jsonl as words."""
    return name.removeprefix("validation_").replace("_", " ").replace("rsa", "RSA")
