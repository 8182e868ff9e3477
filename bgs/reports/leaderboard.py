"""Models scored later on the run's held-out clips: who is better than whom, and who cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bgs.reports.document import Document
from bgs.reports.numbers import Interval, format_count, format_interval, format_p, format_share
from bgs.reports.rows import ScoreRow, ceilings, people, view_row, whose
from bgs.reports.scores import draw_scores
from bgs.reports.sections import (
    Cell,
    Column,
    Section,
    Table,
    count_cell,
    interval_cell,
    join_names,
    list_facts,
    percent_cell,
    percents_cell,
    share_cell,
)

Letters = Mapping[str, str]
MEASURES = {
    "kendall_tau_a": "Kendall's tau-a",
    "pearson": "Pearson",
    "spearman_count_weighted": "Spearman, weighted by judgments",
    "pearson_count_weighted": "Pearson, weighted by judgments",
}

SAYS_NOT = (
    "That two models share a letter does not show that they are equal, only that these clips do not tell them "
    "apart; and a higher R² does not say what in the clips the agreement rests on."
)


def view_leaderboard(document: Document) -> Section:
    """What `bgs score A B C` found."""
    blocks = document.rows("models")
    for block in blocks:
        block.text("model"), block.part("rsa").number("spearman"), block.part("rsa").number("r2")
    rows = sorted((view_row(block.data) for block in blocks), key=lambda row: -(row.spearman or 0))
    letters = {
        row.text("model"): row.text("letters") for row in document.rows("leaderboard", needed=False)
    }
    results = document.data
    figure = draw_scores(
        rows, ceilings(results), whose=whose(results), name="leaderboard", letters=letters
    )
    tables = (
        _scores(document, rows, letters),
        *_pairs(document),
        *_further(blocks),
        *_by_agreement(blocks),
    )
    return Section(
        kind="leaderboard",
        title="Leaderboard",
        about="Models scored on the same held-out clips and judgments. Letters: models that share one cannot be told "
        "apart (sign-flip tests, Holm-corrected over all pairs). p is against chance, by relabelling clips; ≤ is the "
        "smallest that the number of permutations allows.",
        says=_say(document, rows, letters),
        says_not=SAYS_NOT,
        simulated=document.flag("simulated"),
        figures=() if figure is None else (figure,),
        tables=tables,
        facts=_facts(document, blocks[0]),
    )


def _say(document: Document, rows: Sequence[ScoreRow], letters: Letters) -> str:
    best = rows[0]
    clips = format_count(document.rows("models")[0].count("n_clips"))
    score = f"R² {format_share(best.r2)}"
    if best.r2_ci is not None:
        score += f" {format_interval(best.r2_ci)}"
    judges = people(document.data)
    if len(rows) == 1:
        return f"On {clips} held-out clips, {best.label} agrees with {judges} at {score}."
    among = f"Of {len(rows)} models on the same {clips} held-out clips"
    said = f"{among}, {best.label} agrees best with {judges}, at {score}"
    if not letters:
        return f"{said}; whether others differ from it was not tested."
    level = [
        row.label
        for row in rows[1:]
        if set(letters.get(row.label, "")) & set(letters.get(best.label, ""))
    ]
    if not level:
        return f"{said}; it is told apart from every other."
    return f"{said}, but is not told apart from {join_names(level, last='or')}."


def _scores(document: Document, rows: Sequence[ScoreRow], letters: Letters) -> Table:
    chance = {
        block.text("model"): block.part("rsa").maybe_number("p")
        for block in document.rows("models")
    }
    permutations = _permutations(document)
    columns = ["R²", "95 % interval", "Spearman", "p", "Two-way %", "Three-way %", "95 % interval"]
    lines = tuple(
        (
            Cell(row.label),
            *([Cell(letters.get(row.label, ""))] if letters else []),
            share_cell(row.r2),
            interval_cell(row.r2_ci),
            share_cell(row.spearman),
            Cell(
                format_p(chance[row.label], permutations=permutations, brief=True),
                chance[row.label],
            ),
            percent_cell(row.two_way),
            percent_cell(row.three_way),
            percents_cell(row.three_way_ci),
        )
        for row in rows
    )
    foot = [
        _foot(line.name, share_cell(line.r2), interval_cell(line.ci), letters=letters)
        for line in ceilings(document.data)
    ]
    told = document.part("odd_one_out_ceiling")
    if told.has("agreement"):
        name = "one judge told by another, same triad"
        accuracy = (
            percent_cell(told.maybe_number("agreement_two_way")),
            percent_cell(told.number("agreement")),
        )
        interval = percents_cell(told.interval("agreement_ci95"))
        blank = (Cell(""),) * (4 + bool(letters))
        foot.append((Cell(name), *blank, *accuracy, interval))
    heads = (Column("Model", False), *([Column("Letters", False)] if letters else []))
    return Table(
        "Best first; click a heading to sort",
        (*heads, *map(Column, columns)),
        lines,
        foot=tuple(foot),
    )


def _permutations(document: Document) -> float | None:
    """How many every p is counted of, where the file says so."""
    first = document.rows("models")[0].part("protocol")
    return first.maybe_number("num_permutations")


def _foot(name: str, r2: Cell, interval: Cell, *, letters: Letters) -> tuple[Cell, ...]:
    before = (Cell(""),) * bool(letters)
    return (Cell(name), *before, r2, interval, *(Cell(""),) * 5)


def _pairs(document: Document) -> list[Table]:
    pairs = document.rows("comparisons", needed=False)
    if not pairs:
        return []
    permutations = _permutations(document)
    lines = tuple(
        (
            Cell(pair.text("to")),
            Cell(pair.text("from")),
            share_cell(pair.number("r2")),
            interval_cell(pair.interval()),
            Cell(
                format_p(
                    pair.maybe_number("p_holm"),
                    permutations=permutations,
                    uncorrected=pair.maybe_number("p"),
                ),
                pair.maybe_number("p_holm"),
            ),
        )
        for pair in pairs
    )
    heads = (Column("Better", False), Column("Worse", False))
    columns = (*heads, Column("Difference in R²"), Column("95 % interval"), Column("p (Holm)"))
    return [Table("Every pair of models; intervals are not corrected", columns, lines, folded=True)]


def _further(blocks: Sequence[Document]) -> list[Table]:
    """Other measures, where `--also` asked for them: R² need not be the last word."""
    lines = tuple(line for block in blocks for line in _measures(block))
    if not lines:
        return []
    columns = (*(Column(name, False) for name in ("Model", "Measure")), Column("Value"))
    caption = "Other measures of the same agreement"
    return [Table(caption, (*columns, Column("95 % interval")), lines, folded=True)]


def _measures(block: Document) -> Iterator[tuple[Cell, ...]]:
    """A row a measure of one model, each with the interval that came with it."""
    rsa, chosen = block.part("rsa"), block.part("odd_one_out").part("log_likelihood")
    if not rsa.has("also"):
        return
    told: list[tuple[str, float | None, Interval | None]] = [
        (name, rsa.part("also").maybe_number(key), rsa.part("also_ci95").interval(key))
        for key, name in MEASURES.items()
    ]
    share = block.part("protocol").part("share_of_ceiling").maybe_number("max_model")
    told.append(("R² as a share of the bound", share, None))
    told.append(
        ("log-likelihood of the odd one out", chosen.maybe_number("mean"), chosen.interval())
    )
    error = chosen.maybe_number("expected_calibration_error")
    told.append(("calibration error of its probabilities", error, None))
    for name, value, interval in told:
        if value is not None:
            numbers = share_cell(value), interval_cell(interval)
            yield Cell(block.text("model")), Cell(name), *numbers


def _by_agreement(blocks: Sequence[Document]) -> list[Table]:
    lines: list[tuple[Cell, ...]] = []
    for block in blocks:
        for part in block.part("odd_one_out").rows("by_agreement", needed=False):
            low, high = part.number("low"), part.number("high")
            lines.append(
                (
                    Cell(block.text("model")),
                    Cell(f"{100 * low:.0f} to {100 * high:.0f}", low),
                    percent_cell(part.number("three_way")),
                    count_cell(part.count("num_judgments")),
                )
            )
    if not lines:
        return []
    heads = ("Share of judges who agree %", "Three-way %", "Judgments")
    columns = (Column("Model", False), *map(Column, heads))
    caption = "Three-way accuracy where judges of the same triad agreed more or less"
    return [Table(caption, columns, tuple(lines), folded=True)]


def _facts(document: Document, block: Document) -> tuple[tuple[str, str], ...]:
    protocol: Mapping[str, Any] = block.part("protocol").data
    return list_facts(
        {
            "data": document.data.get("data"),
            "intervals": protocol.get("interval"),
            "resamples": protocol.get("num_bootstrap"),
            "permutations": protocol.get("num_permutations"),
            "seed": document.data.get("seed"),
        }
    )
