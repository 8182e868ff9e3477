"""How well any model could do, in words: what `bgs ceiling` prints."""

from __future__ import annotations

from bgs.reports.document import Document
from bgs.reports.numbers import format_count, format_interval, format_percent, format_share
from bgs.reports.rows import CEILINGS
from bgs.reports.sections import (
    Cell,
    Column,
    Table,
    interval_cell,
    percent_cell,
    percents_cell,
    share_cell,
)

THIRDS = {
    "within": "from judgments whose three clips are all among them",
    "any": "from judgments that show both clips, whatever the third",
}
THREE_WAY, TWO_WAY = 1 / 3, 1 / 2  # chance
NONE = Cell("")
TOLD = {
    "agreement": "one judgment told by another of the same triad",
    "majority": "one judgment told by most of the others",
}


def tabulate_ceiling(document: Document) -> tuple[Table, ...]:
    """Bounds of R², and of odd-one-out accuracy where triads were judged more than once."""
    return _bounds(document), *_agreement(document), *_choices(document)


def say_ceiling(document: Document) -> str:
    """What the bounds are for, in a few sentences."""
    judges = _judges(document)
    bound, half = document.part("max_model"), document.part("paper")
    third = THIRDS.get(str(document.data.get("protocol")), "as stated")
    told = document.part("triplets")
    said = (
        f"Against these judgments of {judges} ({document.text('split')} clips; pairs {third}) no model is expected to "
        f"pass R² {format_share(bound.number('r2'))} {format_interval(bound.interval())}; another set of "
        f"judgments as noisy as these would reach {format_share(half.number('r2'))}, which a model may pass. "
    )
    if told.has("unknown"):
        return f"{said}For accuracy there is no such bound: {told.text('unknown')}."
    accuracy = told.part("agreement").number("three_way")
    return (
        f"{said}Asked for the odd one of three, {judges} agree with each other in {format_percent(accuracy)} % of "
        "cases. All intervals are over clips."
    )


def _judges(document: Document) -> str:
    return "simulated participants" if document.flag("simulated") else "people"


def _bounds(document: Document) -> Table:
    rows = [
        (Cell(f"{name} ({key})"), share_cell(part.number("r2")), interval_cell(part.interval()))
        for key, name in reversed(CEILINGS.items())
        if (part := document.part(key)).data
    ]
    halves = document.part("split_half")
    correlation = share_cell(halves.number("r")), interval_cell(halves.interval())
    rows.append((Cell("Spearman of two halves (split_half)"), *correlation))
    pairs = f"{document.number('num_pairs'):.1f}"
    if document.has("n_pairs"):
        pairs += f" of {format_count(document.count('n_pairs'))}"
    caption = (
        f"R² that models can reach; chance is 0. {format_count(document.count('num_splits'))} splits over "
        f"{document.text('over')}; pairs seen in both halves, mean over splits: {pairs}"
    )
    columns = (Column("Bound", False), Column("R²"), Column("95 % interval, over clips"))
    return Table(caption, columns, tuple(rows))


def _agreement(document: Document) -> list[Table]:
    told = document.part("triplets")
    if not told.has("num_triads"):
        return []
    rows = []
    for key, name in TOLD.items():
        part = told.part(key)
        three, two = part.number("three_way"), part.number("two_way")
        interval = percents_cell(part.interval())
        rows += [
            (Cell(f"{name}, three-way"), percent_cell(three), interval, percent_cell(THREE_WAY)),
            (Cell(f"{name}, two-way"), percent_cell(two), NONE, percent_cell(TWO_WAY)),
        ]
    judged = format_count(told.count("num_judgments"))
    if document.has("n_judgments"):
        judged += f" of {format_count(document.count('n_judgments'))}"
    caption = (
        f"Odd one out, % told right by {_judges(document)}; {judged} judgments, those of the "
        f"{format_count(told.count('num_triads'))} triads that were judged twice or more"
    )
    heads = ("%", "95 % interval, over clips", "Chance %")
    return [Table(caption, (Column("Bound", False), *map(Column, heads)), tuple(rows))]


def _choices(document: Document) -> list[Table]:
    found = document.part("choice_model")
    if not found.data:
        return []
    rows = (
        (Cell("best possible guess, as it expects"), percent_cell(found.number("best_guess"))),
        (Cell("its own guesses that were right"), percent_cell(found.number("accuracy"))),
    )
    chance = percent_cell(THREE_WAY)
    count = format_count(found.count("num_judgments"))
    caption = (
        f"A model of the choices, fitted to four fifths of the judgments and asked about the rest ({count}): where "
        "both lines agree it can be believed"
    )
    columns = (Column("Three-way", False), Column("%"), Column("Chance %"))
    return [Table(caption, columns, tuple((*row, chance) for row in rows))]
