"""The dot-and-whisker figure: R² of every model with its interval, and the ceiling as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from bgs.reports.dotplot import Mark, Point, Row, rows_panel
from bgs.reports.numbers import format_interval, format_share
from bgs.reports.panels import Figure
from bgs.reports.rows import CeilingLine, ScoreRow

ROLES = {"after": "accent", "before": "second"}


def draw_scores(
    rows: Sequence[ScoreRow],
    ceilings: Sequence[CeilingLine],
    *,
    whose: str = "people's",
    name: str = "scores",
    letters: Mapping[str, str] | None = None,
) -> Figure | None:
    """Best model first; None where nothing was scored. `whose` names those who judged.

    `letters` are printed behind the scores: models that share one cannot be told apart.
    """
    scored = sorted((row for row in rows if row.r2 is not None), key=lambda row: -(row.r2 or 0.0))
    if not scored:
        return None
    panel = rows_panel(
        "",
        _describe(scored, ceilings),
        [_draw(row, (letters or {}).get(row.label, "")) for row in scored],
        [Mark(f"{line.name} {format_share(line.r2)}", line.r2) for line in ceilings],
        axis=f"R², the squared Spearman correlation with {whose} dissimilarities",
        include=(0.0, 0.01),
    )
    return Figure(name, (panel,), _table(scored, letters or {}))


def _draw(row: ScoreRow, letters: str) -> Row:
    role = ROLES.get(row.role, "muted" if row.is_reference else "ink")
    point = Point(row.r2 or 0.0, row.r2_ci, role, filled=not row.is_reference)
    text = format_share(row.r2) + (f"  {letters}" if letters else "")
    return Row(row.label, (point,), text, role, bold=row.role == "after")


def _describe(rows: Sequence[ScoreRow], ceilings: Sequence[CeilingLine]) -> str:
    scores = "; ".join(
        f"{row.label} {format_share(row.r2)} {format_interval(row.r2_ci)}" for row in rows
    )
    lines = "".join(f" The {line.name} is {format_share(line.r2)}." for line in ceilings)
    return f"R squared with 95 percent intervals: {scores}.{lines}"


def _table(rows: Sequence[ScoreRow], letters: Mapping[str, str]) -> pd.DataFrame:
    table = pd.DataFrame([asdict(row) for row in rows])
    for name in ("r2_ci", "three_way_ci"):
        ends = [(None, None) if ci is None else ci for ci in table.pop(name)]
        table[[f"{name}_low", f"{name}_high"]] = pd.DataFrame(ends, index=table.index, dtype=float)
    if letters:
        table["letters"] = [letters.get(row.label, "") for row in rows]
    return table
