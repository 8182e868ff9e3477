"""Unique and shared parts of what models explain, as a section; the diagram is `variance`."""

from __future__ import annotations

from collections.abc import Sequence

from bgs.reports.document import Document
from bgs.reports.numbers import format_count, format_interval, format_share
from bgs.reports.rows import whose
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
from bgs.reports.variance import draw_variance

SAYS_NOT = (
    "A part is unique only next to these predictors: another one could take it. What is shared cannot be credited to "
    "either, and no part says what caused a judgment."
)


def view_variance(document: Document) -> Section:
    """What `bgs variance` found."""
    document.texts("predictors")
    rows = document.rows("components")
    for row in (*rows, document.part("total")):
        row.number("r2"), row.interval(), row.maybe_number("cross_validated")
    for row in rows:
        row.text("kind"), row.texts("predictors")
    protocol = document.part("protocol").data
    return Section(
        kind="variance",
        title="Unique and shared variance",
        about="How much of the judgments' geometry each predictor explains that no other does, and how much several "
        "explain alike. Filled dots name the predictors of a part. cv: cross-validated over clips; a part at or "
        "below 0 there does not hold up on other clips.",
        says=_say(document, rows),
        says_not=SAYS_NOT,
        simulated=document.flag("simulated"),
        figures=(draw_variance(document.data),),
        tables=(_table(document, rows, document.part("total")),),
        facts=list_facts(
            {
                "data": document.data.get("data"),
                "pairs": document.data.get("n_pairs"),
                "on": protocol.get("on"),
                "intervals": protocol.get("interval"),
                "cross-validated": protocol.get("cross_validated"),
                "seed": document.data.get("seed"),
            }
        ),
    )


def _say(document: Document, rows: Sequence[Document]) -> str:
    predictors = document.texts("predictors")
    total = document.part("total")
    parts = [
        f"{_score(row)} is unique to {join_names(row.texts('predictors'))}"
        for row in rows
        if row.text("kind") == "unique"
    ]
    pair = [row for row in rows if row.text("kind") == "shared"]
    if len(predictors) == 2 and pair:
        parts.append(f"{_score(pair[0])} is shared")
    said = (
        f"Together, {join_names(predictors)} explain {_score(total)} of the variance of "
        f"{whose(document.data)} dissimilarities: {join_names(parts)}."
    )
    unique = [row for row in rows if row.text("kind") == "unique"]
    held_up = [(row, row.maybe_number("cross_validated")) for row in unique]
    nothing = [
        join_names(row.texts("predictors")) for row, r2 in held_up if r2 is not None and r2 <= 0
    ]
    if nothing:
        said += f" Cross-validated, {join_names(nothing, last='or')} adds nothing of its own."
    return said


def _say_counts(document: Document) -> str:
    counted = [
        f"{format_count(document.count(key))} {word}"
        for key, word in (("n_pairs", "pairs"), ("n_clips", "clips"))
        if document.has(key)
    ]
    return f", {' of '.join(counted)}" if counted else ""


def _score(row: Document) -> str:
    interval = row.interval()
    return format_share(row.number("r2")) + (f" {format_interval(interval)}" if interval else "")


def _table(document: Document, rows: Sequence[Document], total: Document) -> Table:
    def cells(name: str, kind: str, row: Document) -> tuple[Cell, ...]:
        told = share_cell(row.number("r2")), interval_cell(row.interval())
        return Cell(name), Cell(kind), *told, share_cell(row.maybe_number("cross_validated"))

    return Table(
        f"Every part and their sum{_say_counts(document)}",
        (
            Column("Predictors", False),
            Column("Part", False),
            Column("R²"),
            Column("95 % interval"),
            Column("Cross-validated"),
        ),
        tuple(cells(" & ".join(row.texts("predictors")), row.text("kind"), row) for row in rows),
        folded=True,
        foot=(cells("all", "total", total),),
    )
