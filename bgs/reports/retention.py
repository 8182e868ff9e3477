"""What a model knew before tuning, and whether it still does: accuracy on labels that tuning never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import pandas as pd

from bgs.reports.document import Document
from bgs.reports.dotplot import Mark, Point, Row, rows_panel
from bgs.reports.numbers import format_count, format_percent, format_points
from bgs.reports.panels import Figure
from bgs.reports.sections import Cell, Column, Section, Table, list_facts, percent_cell, points_cell

NAMES = {"linear": "linear probe", "knn": "vote of the nearest clips"}
BEFORE, AFTER = Point(0.0, None, "second", False), Point(0.0, None, "accent")
SAYS_NOT = (
    "The spread is over seeds, not over clips or data sets: one set of labels does not tell what tuning "
    "costs or gains on another."
)


@dataclass(frozen=True)
class Probe:
    """Accuracy of one way to read labels, before tuning (where there was any) and after."""

    name: str
    before: float | None
    after: float
    change: float | None
    spread: float | None


def view_retention(document: Document) -> Section:
    """What `bgs retention` found."""
    probes = [
        Probe(
            NAMES.get(row.text("probe"), row.text("probe")),
            row.maybe_number("before"),
            row.number("after"),
            row.maybe_number("difference"),
            row.maybe_number("spread_over_seeds"),
        )
        for row in document.rows("probes")
    ]
    chance = document.number("chance")
    clips = PurePath(document.text("clips")).name
    told = document.part("protocol").data
    return Section(
        kind="retention",
        title="What was kept",
        about=f"Labels of {format_count(document.count('n_clips'))} clips ({document.count('n_labels')} labels), read "
        f"off the frozen features and scored on {format_count(document.count('n_test'))} clips left out. Means over "
        "seeds; chance is always naming the commonest label.",
        says=_say(probes, clips),
        says_not=SAYS_NOT,
        simulated=document.flag("simulated"),
        figures=(_draw(probes, chance),),
        tables=(_tabulate(probes),),
        facts=list_facts(
            {
                "model": document.data.get("model"),
                "clips": clips,
                "split": told.get("split"),
                "seeds": ", ".join(map(str, document.data.get("seeds") or ())) or None,
            }
        ),
    )


def _say(probes: Sequence[Probe], clips: str) -> str:
    said = []
    for probe in probes:
        after = format_percent(probe.after)
        if probe.before is None or probe.change is None:
            said.append(f"the {probe.name} is right on {after} %")
            continue
        moved = f"the {probe.name} went from {format_percent(probe.before)} % to {after} %"
        said.append(f"{moved} ({_read(probe)})")
    return f"On {clips}, {'; '.join(said)}."


def _read(probe: Probe) -> str:
    change = f"{format_points(probe.change)} points"
    if probe.spread is None:
        return f"{change}, spread unknown"
    if probe.spread == 0:
        return f"{change}, one figure for all seeds"
    spread = f"spread over seeds {format_percent(probe.spread)}"
    if abs(probe.change or 0.0) <= probe.spread:
        return f"{change}, within the {spread}"
    return f"{change}, {spread}"


def _draw(probes: Sequence[Probe], chance: float) -> Figure:
    rows, told = [], []
    for probe in probes:
        values = [value for value in (probe.before, probe.after) if value is not None]
        styles = (BEFORE, AFTER)[-len(values) :]
        points = tuple(
            Point(100 * value, None, style.role, style.filled)
            for value, style in zip(values, styles, strict=True)
        )
        text = " → ".join(map(format_percent, values))
        rows.append(Row(probe.name, points, text))
        told.append(f"{probe.name} {text} percent")
    tuned = any(probe.before is not None for probe in probes)
    panel = rows_panel(
        "",
        f"Accuracy of each probe: {'; '.join(told)}; chance {format_percent(chance)}.",
        rows,
        [Mark(f"chance {format_percent(chance)}", 100 * chance)],
        axis="accuracy on clips left out, %",
        keys=[("before tuning", BEFORE), ("after", AFTER)] if tuned else (),
    )
    return Figure("retention", (panel,), pd.DataFrame(probes))


def _tabulate(probes: Sequence[Probe]) -> Table:
    rows = tuple(
        (
            Cell(probe.name),
            percent_cell(probe.before),
            percent_cell(probe.after),
            points_cell(probe.change),
            percent_cell(probe.spread),
        )
        for probe in probes
    )
    heads = ("Before %", "After %", "Change in points", "Spread over seeds")
    return Table("Accuracy of each probe", (Column("Probe", False), *map(Column, heads)), rows)
