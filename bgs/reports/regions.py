"""How much of the attention lies in each region of a clip, and how that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bgs.reports.document import Document
from bgs.reports.dotplot import Point, Row, rows_panel
from bgs.reports.numbers import Interval, format_p, format_percent
from bgs.reports.panels import Figure
from bgs.reports.sections import (
    Cell,
    Column,
    Table,
    join_names,
    percent_cell,
    points_cell,
    points_interval_cell,
)

BASE, TUNED = Point(0.0, None, "second", False), Point(0.0, None, "accent")
AREA = Point(0.0, None, "muted", is_stroke=True)


@dataclass(frozen=True)
class Share:
    """How much of the attention lies in one region, over clips."""

    region: str
    area: float
    base: float
    tuned: float | None
    change: float | None
    ci: Interval | None
    base_elsewhere: float | None
    p_change: float | None  # against the same change in the regions of other clips

    @property
    def sign(self) -> int:
        """1 or -1 where the interval of the change leaves 0 out, else 0."""
        if self.ci is None:
            return 0
        return int(self.ci[0] > 0) - int(self.ci[1] < 0)


def read_share(row: Document) -> Share:
    """One row of the file."""
    return Share(
        region=row.text("region").replace("_", " "),
        area=row.number("area"),
        base=row.number("base"),
        tuned=row.maybe_number("tuned"),
        change=row.maybe_number("difference"),
        ci=row.interval(),
        base_elsewhere=row.maybe_number("base_elsewhere"),
        p_change=row.maybe_number("p_difference"),
    )


def say_shares(shares: Sequence[Share]) -> str:
    """Where more lies, where less, and where no change is shown."""
    parts: list[str] = []
    for sign, verb in ((1, "More attention lies"), (-1, "less")):
        names = [
            f"on {s.region} ({format_percent(s.base)} → {format_percent(s.tuned)} %)"
            for s in shares
            if s.sign == sign
        ]
        if names:
            parts.append(
                f"{verb if parts or sign > 0 else 'Less attention lies'} {join_names(names)}"
            )
    level = [s.region for s in shares if s.change is not None and s.sign == 0]
    if level:
        parts.append(f"{'no' if parts else 'No'} change is shown on {join_names(level, last='or')}")
    return f"{'; '.join(parts)}." if parts else ""


def draw_shares(shares: Sequence[Share]) -> Figure | None:
    """Before and after in each region, and what a flat map would give; None without regions."""
    if not shares:
        return None
    rows, told = [], []
    for share in shares:
        values = [value for value in (share.base, share.tuned) if value is not None]
        points = (
            Point(100 * share.area, None, AREA.role, is_stroke=True),
            *(
                Point(100 * value, None, style.role, style.filled)
                for value, style in zip(values, (BASE, TUNED), strict=False)
            ),
        )
        text = " → ".join(map(format_percent, values))
        rows.append(Row(share.region, points, text))
        told.append(f"{share.region} {text}, by area {format_percent(share.area)}")
    tuned = any(share.tuned is not None for share in shares)
    keys = [("by area", AREA), ("untuned" if tuned else "model", BASE)]
    panel = rows_panel(
        "",
        f"Percent of attention in each region: {'; '.join(told)}.",
        rows,
        axis="share of a clip's attention, %",
        keys=[*keys, *([("tuned", TUNED)] if tuned else [])],
    )
    return Figure("attention_regions", (panel,), pd.DataFrame(shares))


def tabulate_shares(shares: Sequence[Share], *, permutations: float | None = None) -> list[Table]:
    """The same with intervals, and what the regions of other clips would hold."""
    if not shares:
        return []
    rows = tuple(
        (
            Cell(share.region),
            percent_cell(share.area),
            percent_cell(share.base_elsewhere),
            percent_cell(share.base),
            percent_cell(share.tuned),
            points_cell(share.change),
            points_interval_cell(share.ci),
            Cell(format_p(share.p_change, permutations=permutations), share.p_change),
        )
        for share in shares
    )
    heads = (
        "By area %",
        "Elsewhere %",
        "Untuned %",
        "Tuned %",
        "Change in points",
        "95 % interval",
        "p",
    )
    caption = (
        "Share of attention in each region. Elsewhere: untuned attention in the regions of other clips; p: is the "
        "change specific to where this clip's regions are"
    )
    return [Table(caption, (Column("Region", False), *map(Column, heads)), rows)]
