"""Clips that tuning never saw, labelled by people: what of the agreement carries over to them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bgs.reports.document import Document
from bgs.reports.dotplot import Mark, Point, Row, rows_panel
from bgs.reports.numbers import (
    format_count,
    format_interval,
    format_p,
    format_percents,
)
from bgs.reports.panels import Figure
from bgs.reports.questions import (
    Answer,
    Question,
    find_part,
    list_questions,
    read_answers,
    say_asked,
    say_value,
)
from bgs.reports.rows import CONTENDERS
from bgs.reports.scores import ROLES
from bgs.reports.sections import (
    Cell,
    Column,
    Section,
    Table,
    interval_cell,
    join_names,
    list_facts,
    percent_cell,
    percents_cell,
    points_cell,
    points_interval_cell,
    share_cell,
)
from bgs.reports.summary import read_interval

TRUTH = "; rows called latent are what the simulation knows, and where those fail so must any model"
SAYS_NOT = (
    "Few clips with few labels bound what can be seen: an interval that reaches chance, or a change that includes 0, "
    "does not show that nothing carries over. The bound comes from these raters, and other labels have other bounds."
)


def view_transfer(document: Document) -> Section:
    """What `bgs transfer` found."""
    asked = list_questions(document)
    answers = [read_answers(document, question) for question in asked]
    clips = format_count(document.count("n_clips"))
    told = document.part("protocol").data
    return Section(
        kind="transfer",
        title="Transfer to other clips",
        about=f"{clips} clips of {document.text('data')} labelled by raters; the "
        "backbone is frozen. Four questions: do distances follow those between ratings; of three clips with plain "
        "labels, which is left over; do the nearest clips name the label; does a line? Dashed: chance (where "
        "labels are asked for, always naming the commonest); half of the raters, asked about the other half, which "
        "a model scored on all of them may pass; and, for the geometry, the bound for a perfect model. Grey: controls"
        f"{TRUTH if _knows_truth(document) else ''}.",
        says=_say(document, answers),
        says_not=SAYS_NOT,
        simulated=document.flag("simulated"),
        figures=tuple(_draw(document, each) for each in answers if each),
        tables=(
            *(_tabulate(document, each) for each in answers if each),
            *_differences(document, asked),
        ),
        facts=list_facts(
            {
                "data": document.data.get("data"),
                "look": document.data.get("look"),
                "triads": document.data.get("n_triads"),
                **{
                    question.name: told.get(question.key)
                    for question in asked
                    if not question.key.startswith("probe on")
                },
                "probe fitted on": told.get("probe_fitted_on"),
                "intervals": told.get("intervals"),
                "p": _say_p(told.get("num_permutations")),
                "seed": document.data.get("seed"),
            }
        ),
    )


def _say(document: Document, answers: Sequence[Sequence[Answer]]) -> str:
    models = document.rows("models")
    tuned = next((m.text("model") for m in models if m.data.get("role") == "after"), None)
    subject = tuned or models[0].text("model")
    above = [
        answer.question.name
        for question in answers
        for answer in question
        if answer.model == subject and answer.ci is not None and answer.ci[0] > answer.chance
    ]
    where = f"on {format_count(document.count('n_clips'))} clips of {document.text('data')}"
    said = (
        f"{subject} is above chance {where} by {join_names(above)}"
        if above
        else f"{subject} is not shown to be above chance {where} by any of {len(answers)} questions"
    )
    change = next(
        (
            row
            for row in document.rows("differences", needed=False)
            if row.data.get("from_role") == "before" and row.data.get("to") == subject
        ),
        None,
    )
    if change is None:
        return f"{said}."
    return f"{said}; {_say_change(change, [question[0].question for question in answers if question])}."


def _say_change(change: Document, questions: Sequence[Question]) -> str:
    verdicts: dict[str, list[str]] = {}
    for question in questions:
        interval = find_part(change, question).interval()
        if interval is None:
            continue
        verdict = "raised" if interval[0] > 0 else "lowered" if interval[1] < 0 else ""
        verdicts.setdefault(verdict, []).append(question.name)
    parts = [
        f"tuning {verb} {join_names(verdicts[verb])}"
        for verb in ("raised", "lowered")
        if verb in verdicts
    ]
    if "" in verdicts:
        parts.append(f"tuning is not shown to have changed {join_names(verdicts[''], last='or')}")
    return "; ".join(parts) or "what tuning changed has no interval"


def _knows_truth(document: Document) -> bool:
    return any(model.data.get("role") == "latent" for model in document.rows("models"))


def _say_p(permutations: object) -> str | None:
    """Which null it is about: not that of a model that always names the commonest label."""
    if not permutations:
        return None
    return f"against the same answers with ratings dealt to clips by lot, {permutations} times"


def _title(document: Document, question: Question) -> str:
    """The question and how much it is asked of."""
    asked = say_asked(document, question)
    return f"{question.name[:1].upper()}{question.name[1:]}{': ' if asked else ''}{asked}"


def _draw(document: Document, answers: Sequence[Answer]) -> Figure:
    question = answers[0].question
    ordered = sorted(answers, key=lambda answer: -answer.value)
    factor = 100 if question.is_percent else 1
    marks = [Mark(f"chance {say_value(question, answers[0].chance)}", factor * answers[0].chance)]
    marks += [
        Mark(f"{name} {say_value(question, bound)}", factor * bound)
        for name, bound in answers[0].bounds
    ]
    told = "; ".join(
        f"{a.model} {say_value(question, a.value)} "
        f"{format_percents(a.ci) if question.is_percent else format_interval(a.ci)}"
        for a in ordered
    )
    lines = "; ".join(mark.label for mark in marks)
    title = _title(document, question)
    words = f"{title}, with 95 percent intervals: {told}; {lines}."
    rows = [_row(answer, factor) for answer in ordered]
    panel = rows_panel(title, words, rows, marks, axis=question.axis)
    table = pd.DataFrame(
        {
            "model": [answer.model for answer in ordered],
            "role": [answer.role for answer in ordered],
            "value": [answer.value for answer in ordered],
            "low": [None if answer.ci is None else answer.ci[0] for answer in ordered],
            "high": [None if answer.ci is None else answer.ci[1] for answer in ordered],
            "chance": [answer.chance for answer in ordered],
            **{name: [bound] * len(ordered) for name, bound in answers[0].bounds},
        }
    )
    name = "".join(c if c.isalnum() else "_" for c in question.key)
    return Figure(f"transfer_{name}", (panel,), table)


def _row(answer: Answer, factor: float) -> Row:
    is_reference = answer.role not in CONTENDERS
    role = ROLES.get(answer.role, "muted" if is_reference else "ink")
    interval = None if answer.ci is None else (factor * answer.ci[0], factor * answer.ci[1])
    point = Point(factor * answer.value, interval, role, not is_reference)
    text = say_value(answer.question, answer.value)
    return Row(answer.model, (point,), text, role, answer.role == "after")


def _tabulate(document: Document, answers: Sequence[Answer]) -> Table:
    """Every model on one question; below them chance, and what people reach."""
    question = answers[0].question
    permutations = document.part("protocol").maybe_number("num_permutations")

    def show(value: float) -> Cell:
        return percent_cell(value) if question.is_percent else share_cell(value)

    rows = tuple(
        (
            Cell(answer.model),
            show(answer.value),
            percents_cell(answer.ci) if question.is_percent else interval_cell(answer.ci),
            Cell(format_p(answer.p, permutations=permutations), answer.p),
        )
        for answer in answers
    )
    lines = (("chance", answers[0].chance), *answers[0].bounds)
    foot = tuple((Cell(name), show(value), Cell(""), Cell("")) for name, value in lines)
    value = "%" if question.is_percent else "Spearman"
    columns = (Column("Model", False), *map(Column, (value, "95 % interval", "p")))
    return Table(_title(document, question), columns, rows, foot=foot, folded=True)


def _differences(document: Document, questions: Sequence[Question]) -> list[Table]:
    """What the tuned model has over each other, question by question."""
    rows = []
    for pair in document.rows("differences", needed=False):
        for question in questions:
            part = find_part(pair, question)
            if not part.data:
                continue
            value, interval = part.number("value"), part.interval()
            shown = points_cell(value) if question.is_percent else share_cell(value)
            ends = (
                points_interval_cell(interval) if question.is_percent else interval_cell(interval)
            )
            names = Cell(pair.text("from")), Cell(question.name)
            rows.append((*names, shown, ends, Cell(read_interval(interval))))
    if not rows:
        return []
    heads = (Column("Tuned minus", False), Column("Question", False))
    numbers = (Column("Difference, or points"), Column("95 % interval"))
    caption = "What the tuned model has over each other, on the same clips"
    return [Table(caption, (*heads, *numbers, Column("Reading", False)), tuple(rows), folded=True)]
