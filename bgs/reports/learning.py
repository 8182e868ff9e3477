"""The learning curve: parts of the loss on one side, the validation score on the other, one point an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bgs.reports.curves import Course, draw_curves
from bgs.reports.panels import Figure, Panel

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
    history: Sequence[Mapping[str, Any]],
    *,
    best_epoch: int | None = None,
    scored: str = "Score on validation clips",
) -> Figure | None:
    """Losses and scores side by side; None where the run has no history. `scored` is the title of the latter."""
    epochs = collect_epochs(history)
    names = [str(name) for name in epochs]
    scores = [name for name in names if name.startswith("validation")]
    losses = [name for name in names if name not in BOOKKEEPING and name not in scores]
    panels = [
        _draw_panel(title, epochs, drawn, best_epoch=best_epoch)
        for title, drawn in (("Training loss", losses), (scored, scores))
        if drawn
    ]
    if not panels:
        return None
    return Figure("learning_curve", tuple(panels), epochs[["epoch", *losses, *scores]])


def _draw_panel(
    title: str, epochs: pd.DataFrame, names: Sequence[str], *, best_epoch: int | None
) -> Panel:
    courses = [Course.of(say(name), epochs[name]) for name in names]
    places = epochs["epoch"]
    canvas = draw_curves(
        courses,
        places,
        ticks=[(float(end), f"{end:g}") for end in sorted({places.min(), places.max()})],
        axis="epoch",
        mark=None if best_epoch is None else (float(best_epoch), "kept"),
    )
    told = (f"{c.name} from {c.ends[0]:.3g} to {c.ends[1]:.3g}" for c in courses)
    return Panel(title, canvas, f"{title} over {len(epochs)} epochs: {'; '.join(told)}.")


def say(name: str) -> str:
    """A key of metrics.jsonl as words."""
    if name == "validation_rsa":
        return "Spearman"
    return name.removeprefix("validation_").replace("_", " ").replace("rsa", "RSA")
