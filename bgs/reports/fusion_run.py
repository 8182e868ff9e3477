"""A trained SocialFusion model as a page: how well each task is answered, and how it was learnt.

It reads plain values, as `bgs fusion train` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bgs.reports.document import Document
from bgs.reports.dotplot import Point, Row, rows_panel
from bgs.reports.learning import draw_learning_curve
from bgs.reports.numbers import format_count, format_percent, format_share
from bgs.reports.panels import Figure
from bgs.reports.section_page import write_section_page
from bgs.reports.sections import (
    Cell,
    Column,
    Section,
    Table,
    count_cell,
    interval_cell,
    join_names,
    list_facts,
    share_cell,
)

TITLE = "Social tasks on a frozen encoder"
SIMULATED = "A program drew these pictures. Nothing here is a finding about pictures of people."
SPELT = {
    "auc": "AUC",
    "map": "mAP",
    "macro_f1": "macro F1",
    "ccc_valence": "CCC, valence",
    "ccc_arousal": "CCC, arousal",
}
CAUTION = (
    "One training from one seed: intervals are over groups of test examples and leave out how far another start would "
    "have come. Metrics of different tasks are not on one scale."
)


def write_run_page(
    results: Mapping[str, Any], history: Sequence[Mapping[str, Any]], out: Path
) -> Path:
    """What `bgs fusion train` found, on one page; `history` has a record an epoch."""
    document = Document(results)
    sections = [view_answers(document)]
    if len(history) > 1:
        sections.append(view_learning(document, history))
    encoder, language = document.text("backbone"), document.text("language")
    return write_section_page(
        sections,
        out,
        title=TITLE,
        summary=f"{encoder}, frozen, a connector and the language model {language}. {sections[0].says}",
        simulated=SIMULATED if document.flag("simulated") else "",
    )


def view_answers(document: Document) -> Section:
    """The headline metric of every task beside chance, and a table of all metrics."""
    tasks = document.part("tasks")
    heads = {name: _headline(tasks.part(name)) for name in tasks.data}
    rows = [_row(task, *head) for task, head in heads.items()]
    told = "; ".join(f"{row.label} {row.text}" for row in rows)
    keys = [("the model", Point(0.0)), ("not looking", _blind(0.0))]
    panel = rows_panel("", f"Test scores: {told}.", rows, keys=keys, axis="score on test examples")
    parts = document.part("parameters")
    return Section(
        kind="answers",
        title="How well each task is answered",
        about="The first metric of each task on test examples, with a 95 % interval over their groups (persons, "
        "pictures, recordings); none where there are fewer than ten. Hollow: an answer that does not look at the "
        "picture.",
        says=_say(heads),
        says_not=CAUTION,
        simulated=document.flag("simulated"),
        figures=(Figure("social_tasks", (panel,), _frame(tasks)),),
        tables=(tabulate_metrics(tasks),),
        facts=list_facts(
            {
                "trained on": join_names(document.texts("train_on")),
                "encoder": f"{format_count(parts.count('encoder'))} weights, frozen",
                "connector": f"{format_count(parts.count('connector'))} weights, "
                f"{format_percent(parts.number('connector_share'))} % of all",
                "trained weights": format_count(parts.count("trained")),
            }
        ),
    )


def view_learning(document: Document, history: Sequence[Mapping[str, Any]]) -> Section:
    """Losses of the tasks and the score that chose the epoch."""
    training = document.part("training")
    kept, epochs = training.count("best_epoch"), training.count("epochs")
    figure = draw_learning_curve(
        [dict(row) for row in history], best_epoch=kept, scored="Score on validation examples"
    )
    return Section(
        kind="learning",
        title="How it was learnt",
        about=f"One point an epoch. The score is the {training.text('chosen_by')}.",
        says=f"Epoch {kept} of {epochs} was kept, with a score of "
        f"{format_share(training.number('validation_score'))} on validation examples, where 0 is not looking and 1 is "
        "always right." + (" It was the last: more epochs may help." if kept == epochs else ""),
        says_not="The kept epoch was chosen on these validation examples, so its score there flatters; the test "
        "examples had no say.",
        simulated=document.flag("simulated"),
        figures=() if figure is None else (figure,),
    )


def tabulate_metrics(tasks: Document) -> Table:
    """Every metric of every task."""
    rows = []
    for name in tasks.data:
        task = tasks.part(name)
        for metric, found in _metrics(task):
            rows.append(
                (
                    Cell(name if task.flag("trained") else f"{name} (not trained on)"),
                    Cell(_spell(metric) + " ↓" * found.flag("lower_is_better")),
                    share_cell(found.number("value")),
                    interval_cell(found.interval()),
                    share_cell(found.maybe_number("chance")),
                    count_cell(task.count("n")),
                    count_cell(task.count("n_groups")),
                )
            )
    heads = [Column(name, False) for name in ("Task", "Metric")]
    numbers = ("Test", "95 % interval", "Not looking", "Examples", "Groups")
    caption = "Every metric on test examples; with ↓ less is better"
    return Table(caption, (*heads, *map(Column, numbers)), tuple(rows))


def _spell(metric: str) -> str:
    return SPELT.get(metric, metric.replace("_", " "))


def _metrics(task: Document) -> list[tuple[str, Document]]:
    found = task.part("metrics")
    return [(name, found.part(name)) for name in found.data]


def _headline(task: Document) -> tuple[str, Document]:
    return _metrics(task)[0]


def _row(task: str, metric: str, found: Document) -> Row:
    points = [Point(found.number("value"), found.interval())]
    if (chance := found.maybe_number("chance")) is not None:
        points.append(_blind(chance))
    return Row(f"{task}: {_spell(metric)}", tuple(points), format_share(points[0].value))


def _blind(chance: float) -> Point:
    return Point(chance, role="muted", filled=False)


def _say(heads: Mapping[str, tuple[str, Document]]) -> str:
    """Which tasks are answered better than by not looking, whichever way it went."""
    shown = [task for task, (_, found) in heads.items() if found.flag("above_chance")]
    others = [task for task in heads if task not in shown]
    if not others:
        return f"All of {join_names(shown)} are answered better than by not looking."
    if not shown:
        return f"Of {join_names(others)}, none is shown to be answered better than by not looking."
    better = f"{join_names(shown)} {'is' if len(shown) == 1 else 'are'} answered better than by not looking"
    return f"{better}; of {join_names(others)} that is not shown."


def _frame(tasks: Document) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"task": name, "metric": metric, **found.data}
            for name in tasks.data
            for metric, found in _metrics(tasks.part(name))
        ]
    )
