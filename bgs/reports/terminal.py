"""Results in a terminal: the sentence, the table, the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bgs.reports.numbers import format_interval, format_percent, format_share
from bgs.reports.rows import (
    REHEARSAL,
    ScoreRow,
    ceilings,
    is_rehearsal,
    is_simulated,
    score_rows,
)
from bgs.reports.summary import summarise

if TYPE_CHECKING:
    from rich.console import Console

HEADINGS = ("model", "R²", "95 % CI", "Spearman", "2-way %", "3-way %")


def print_results(results: Mapping[str, Any], *, console: Console | None = None) -> None:
    """One run: simulated data is said first, the ceiling last, controls never left out."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = console or Console()
    if is_simulated(results):
        console.print(
            "[bold]Simulated data:[/bold] the judgments come from simulated participants."
        )
    if is_rehearsal(results):
        console.print(f"[bold]Rehearsal:[/bold] {REHEARSAL}")
    table = Table(box=SIMPLE_HEAD)
    for heading in HEADINGS:
        table.add_column(
            heading, justify="left" if heading == "model" else "right", no_wrap=heading != "model"
        )
    for row in score_rows(results):
        table.add_row(
            *(escape(cell) for cell in _cells(row)),
            style="bold" if row.role == "after" else "dim" if row.is_reference else None,
        )
    console.print(table)
    for line in ceilings(results):
        console.print(
            f"{line.name} ({line.key}): R² {format_share(line.r2)} {escape(format_interval(line.ci))}"
        )
    console.print(escape(summarise(results)))


def _cells(row: ScoreRow) -> tuple[str, ...]:
    return (
        row.label,
        format_share(row.r2),
        format_interval(row.r2_ci),
        format_share(row.spearman),
        format_percent(row.two_way),
        format_percent(row.three_way),
    )


def print_table(
    rows: Sequence[Mapping[str, Any]], *, title: str | None = None, console: Console | None = None
) -> None:
    """Any rows; the columns are every key in the order it first appears."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    columns = list(dict.fromkeys(key for row in rows for key in row))
    numeric = {
        key for key in columns if all(isinstance(row.get(key), int | float | None) for row in rows)
    }
    table = Table(
        title=None if title is None else escape(title), title_justify="left", box=SIMPLE_HEAD
    )
    for key in columns:
        table.add_column(escape(key), justify="right" if key in numeric else "left")
    for row in rows:
        table.add_row(*(escape(_say(row.get(key))) for key in columns))
    (console or Console()).print(table)


def _say(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
