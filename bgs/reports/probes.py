"""Ratings read off a model's features by a line, before tuning and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bgs.reports.document import Document
from bgs.reports.dotplot import Point, Row, rows_panel
from bgs.reports.numbers import (
    Interval,
    format_count,
    format_interval,
    format_p,
    format_share,
)
from bgs.reports.panels import Figure
from bgs.reports.sections import (
    Cell,
    Column,
    Section,
    Table,
    interval_cell,
    join_names,
    list_facts,
    share_cell,
)

TUNED = ("accent", "ink", "muted")
ROLES = ("muted", "accent", "second", "ink")  # where models stand side by side


@dataclass(frozen=True)
class Probe:
    """How well one rating is read off one model's features."""

    model: str
    attribute: str
    r2: float
    ci: Interval | None
    pearson: float | None
    p: float | None


@dataclass(frozen=True)
class Change:
    """R² of a rating after tuning less that before."""

    attribute: str
    before: str
    after: str
    r2: float
    ci: Interval | None

    @property
    def sign(self) -> int:
        """1 or -1 where the interval leaves 0 out, else 0."""
        if self.ci is None:
            return 0
        return int(self.ci[0] > 0) - int(self.ci[1] < 0)


def view_probes(document: Document) -> Section:
    """What `bgs probe` found."""
    probes = [_probe(row) for row in document.rows("probes")]
    changes = [_change(row) for row in document.rows("comparisons", needed=False)]
    clips = document.count("n_clips")
    part = {"all": "all clips, those that tuning saw included", "test": "held-out clips"}.get(
        str(document.data.get("part")), "clips that tuning saw"
    )
    told = document.part("protocol").data
    return Section(
        kind="probes",
        title="Ratings in the features",
        about=f"A ridge regression from a clip's features to each rating of it, scored on clips left out in turn; "
        f"{clips} clips: {part}. R² of 1 is a perfect reading, 0 that of the mean; below 0 is worse than the mean. "
        "Whiskers are 95 % intervals over clips.",
        says=_say(probes, changes),
        says_not="That a line can read a rating off the features does not show that judgments rest on it. Intervals "
        "are a rating at a time, not corrected for their number"
        + (", and clips that tuning saw may flatter it." if "saw" in part else "."),
        simulated=document.flag("simulated"),
        figures=(_draw(probes, changes),),
        tables=tuple(_tables(document, probes, changes)),
        facts=list_facts(
            {
                "clips": document.data.get("clips"),
                "probe": told.get("probe"),
                "intervals": told.get("interval"),
                "resamples": told.get("num_bootstrap"),
                "seed": document.data.get("seed"),
            }
        ),
    )


def _probe(row: Document) -> Probe:
    return Probe(
        row.text("model"),
        row.text("attribute"),
        row.number("r2"),
        row.interval(),
        row.maybe_number("pearson"),
        row.maybe_number("p"),
    )


def _change(row: Document) -> Change:
    return Change(
        row.text("attribute"), row.text("from"), row.text("to"), row.number("r2"), row.interval()
    )


def _say(probes: Sequence[Probe], changes: Sequence[Change]) -> str:
    if not changes:
        read = [f"{p.attribute} ({p.model})" for p in probes if p.ci is not None and p.ci[0] > 0]
        if not read:
            return "No rating is shown to be readable off the features by a line."
        return f"Readable off the features by a line, with an interval above 0: {join_names(read)}."
    several = len({change.after for change in changes}) > 1
    named = [f"{c.attribute} ({c.after})" if several else c.attribute for c in changes]
    verdicts = {
        1: "better after tuning",
        -1: "worse after tuning",
        0: "not shown to have changed",
    }
    said = []
    for sign, verdict in verdicts.items():
        names = [name for name, change in zip(named, changes, strict=True) if change.sign == sign]
        if names:
            said.append(f"{verdict}: {join_names(names)}")
    return f"Read off the features by a line, {'; '.join(said)}."


def _draw(probes: Sequence[Probe], changes: Sequence[Change]) -> Figure:
    models = list(dict.fromkeys(probe.model for probe in probes))
    points = _points(models, changes)
    attributes = list(dict.fromkeys(probe.attribute for probe in probes))
    found = {(probe.attribute, probe.model): probe for probe in probes}
    rows = []
    for attribute in attributes:
        line = [found[attribute, model] for model in models if (attribute, model) in found]
        drawn = tuple(
            Point(probe.r2, probe.ci, points[probe.model].role, points[probe.model].filled)
            for probe in line
        )
        rows.append(Row(attribute, drawn, _text(line, points)))
    words = "; ".join(
        f"{p.attribute} from {p.model} {format_share(p.r2)} {format_interval(p.ci)}" for p in probes
    )
    panel = rows_panel(
        "",
        f"R squared of each rating with 95 percent intervals: {words}.",
        rows,
        axis="R² of the rating, on clips left out of the fit",
        keys=[(model, points[model]) for model in models],
        include=(0.0, 0.1),
    )
    return Figure("probes", (panel,), _csv(probes))


def _text(line: Sequence[Probe], points: Mapping[str, Point]) -> str:
    """Before → after, then what else was probed."""
    before = [probe for probe in line if not points[probe.model].filled]
    if len(before) != 1 or len(line) < 2:
        return ", ".join(format_share(probe.r2) for probe in line)
    first, *rest = (format_share(probe.r2) for probe in line)
    return f"{first} → {', '.join(rest)}"


def _points(models: Sequence[str], changes: Sequence[Change]) -> dict[str, Point]:
    """Hollow before tuning and filled after; models of which neither is known, in a colour each."""
    before, after = ({getattr(c, end) for c in changes} for end in ("before", "after"))
    roles, tuned = iter(ROLES * len(models)), iter(TUNED * len(models))
    return {
        model: Point(0.0, None, "second", False)
        if model in before
        else Point(0.0, None, next(tuned))
        if model in after
        else Point(0.0, None, next(roles))
        for model in models
    }


def _tables(document: Document, probes: Sequence[Probe], changes: Sequence[Change]) -> list[Table]:
    clips = format_count(document.count("n_clips"))
    permutations = document.part("protocol").maybe_number("num_permutations")
    rows = tuple(
        (
            Cell(probe.attribute),
            Cell(probe.model),
            share_cell(probe.r2),
            interval_cell(probe.ci),
            share_cell(probe.pearson),
            Cell(format_p(probe.p, permutations=permutations), probe.p),
        )
        for probe in probes
    )
    heads = (Column("Rating", False), Column("Model", False))
    numbers = tuple(map(Column, ("R²", "95 % interval", "Pearson", "p")))
    every = Table(
        f"Every rating and model, {clips} clips", (*heads, *numbers), rows, folded=bool(changes)
    )
    if not changes:
        return [every]
    lines = tuple(
        (
            Cell(change.attribute),
            share_cell(change.r2),
            interval_cell(change.ci),
            Cell(("not shown to differ", "reads better", "reads worse")[change.sign]),
        )
        for change in changes
    )
    columns = (
        Column("Rating", False),
        Column("Change in R²"),
        Column("95 % interval"),
        Column("Reading", False),
    )
    return [
        Table(f"R² after tuning less that before, on the same {clips} clips", columns, lines),
        every,
    ]


def _csv(probes: Sequence[Probe]) -> pd.DataFrame:
    ends = [probe.ci or (None, None) for probe in probes]
    return pd.DataFrame(
        {
            "attribute": [probe.attribute for probe in probes],
            "model": [probe.model for probe in probes],
            "r2": [probe.r2 for probe in probes],
            "r2_low": [low for low, _ in ends],
            "r2_high": [high for _, high in ends],
            "pearson": [probe.pearson for probe in probes],
        }
    )
