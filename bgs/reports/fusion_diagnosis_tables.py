"""The tables of a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bgs.reports.document import Document
from bgs.reports.numbers import format_interval, format_p
from bgs.reports.sections import Cell, Column, Table, interval_cell, percent_cell, share_cell


def tabulate_probes(probes: Sequence[Document], kinds: Mapping[str, str]) -> Table:
    """The chosen layer of every encoder and task."""
    rows = []
    for probe in sorted(probes, key=lambda row: row.text("task")):
        best = probe.part("chosen")
        chosen = next(r for r in probe.rows("layers") if r.count("layer") == best.count("layer"))
        rows.append(
            (
                Cell(probe.text("encoder")),
                Cell(probe.text("task")),
                Cell("minus distance" if kinds[probe.text("task")] == "point" else "accuracy"),
                Cell(str(best.count("layer")), best.count("layer")),
                share_cell(chosen.number("validation")),
                share_cell(best.number("score")),
                interval_cell(best.interval()),
                share_cell(best.number("chance")),
            )
        )
    heads = [Column(name, False) for name in ("Encoder", "Task", "Score is")]
    numbers = ("Layer", "Validation", "Test", "95 % interval", "Not looking")
    return Table(
        "The layer chosen on validation examples", (*heads, *map(Column, numbers)), tuple(rows)
    )


def _p_cell(gap: Document, name: str) -> Cell:
    """A p value; where it is as small as the draws allow, the bound that it is."""
    value = gap.number(name)
    draws = gap.maybe_number("num_permutations")
    shown = format_p(value, permutations=draws, uncorrected=gap.number("p"), brief=True)
    return Cell(shown, value)


def tabulate_gaps(gaps: Sequence[Document]) -> Table:
    """Every comparison with the first encoder."""
    rows = tuple(
        (
            Cell(gap.text("encoder")),
            Cell(gap.text("task")),
            share_cell(gap.number("first")),
            share_cell(gap.number("second")),
            share_cell(gap.number("difference")),
            Cell(format_interval(gap.interval())),
            share_cell(gap.maybe_number("kept_layers")),
            _p_cell(gap, "p"),
            _p_cell(gap, "p_holm"),
        )
        for gap in gaps
    )
    heads = (Column("Encoder", False), Column("Task", False))
    numbers = ("First", "This one", "Difference", "95 % interval", "Same layers", "p", "p (Holm)")
    caption = (
        "Every comparison; same layers: share of resamples in which both encoders keep their layer"
    )
    return Table(caption, (*heads, *map(Column, numbers)), rows, folded=True)


def tabulate_pairs(last: Sequence[tuple[str, Document]]) -> Table:
    """Every pair of tasks after the last step."""
    rows = tuple(
        (
            Cell(encoder),
            Cell(f"{pair.text('first')}, {pair.text('second')}"),
            share_cell(pair.number("cosine")),
            interval_cell(pair.interval()),
            share_cell(pair.maybe_number("without_noise")),
            percent_cell(pair.number("conflict")),
            percent_cell(pair.number("conflict_within")),
            share_cell(pair.number("ratio")),
        )
        for encoder, moment in last
        for pair in moment.rows("pairs")
    )
    heads = (Column("Encoder", False), Column("Tasks", False))
    numbers = (
        "Cosine",
        "95 % interval",
        "Without noise",
        "Conflict %",
        "Within a task %",
        "Ratio of lengths",
    )
    caption = "Every pair of tasks on the whole shared model, after the last step"
    return Table(caption, (*heads, *map(Column, numbers)), rows, folded=True)


def tabulate_parts(last: Sequence[tuple[str, Document]]) -> Table:
    """Means over pairs, part by part."""
    rows = tuple(
        (
            Cell(encoder),
            Cell(part),
            share_cell(moment.part("parts").part(part).number("cosine")),
            share_cell(moment.part("parts").part(part).maybe_number("without_noise")),
            percent_cell(moment.part("parts").part(part).number("conflict")),
            share_cell(moment.part("parts").part(part).number("ratio")),
        )
        for encoder, moment in last
        for part in moment.part("parts").data
    )
    heads = (Column("Encoder", False), Column("Part", False))
    numbers = ("Cosine", "Without noise", "Conflict %", "Ratio of lengths")
    caption = "Means over pairs on each part of the shared model, after the last step"
    return Table(caption, (*heads, *map(Column, numbers)), rows, folded=True)
