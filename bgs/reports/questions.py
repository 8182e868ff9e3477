"""What is asked of every model about other clips, and what each one answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bgs.reports.document import Document
from bgs.reports.numbers import Interval, format_count, format_percent, format_share
from bgs.reports.rows import CEILINGS


@dataclass(frozen=True)
class Question:
    """What is asked of every model; `chance` and the bounds are keys of the file.

    One half of the raters is scored on the other half; a model is scored on all of them and may pass that. What no
    model is expected to pass is known for the geometry alone.
    """

    key: str
    name: str
    axis: str
    chance: str
    bounds: tuple[tuple[str, str], ...]  # key in the file, name
    counted: tuple[tuple[str, str], ...]  # what the question is asked of: key in the file, word
    is_percent: bool = True


HALF = "half of the raters"
LABELLED = (("n_clips_with_majority", "clips with one commonest label"),)
QUESTIONS = (
    Question(
        "rsa",
        "geometry",
        "Spearman correlation of distances with those between ratings",
        "rsa",
        (("split_half_spearman", HALF), ("max_model_spearman", CEILINGS["max_model"])),
        (("n_clips", "clips"),),
        False,
    ),
    Question(
        "odd_one_out",
        "odd one out",
        "accuracy on triads with a plain odd one, %",
        "odd_one_out",
        (("odd_one_out", HALF),),
        (("n_triads", "triads"), ("n_clear_clips", "clear clips")),
    ),
    Question(
        "knn",
        "nearest neighbours",
        "labels named by the nearest clips, %",
        "majority_label",
        (("accuracy", HALF),),
        LABELLED,
    ),
    Question(
        "probe",
        "linear probe",
        "labels named by a linear probe, %",
        "majority_label",
        (("accuracy", HALF),),
        LABELLED,
    ),
)


@dataclass(frozen=True)
class Answer:
    """One model's score on one question."""

    question: Question
    model: str
    role: str
    value: float
    ci: Interval | None
    p: float | None
    chance: float
    bounds: tuple[tuple[str, float], ...]  # by name


def list_questions(document: Document) -> list[Question]:
    """The four, and a probe fitted on each other set that was named."""
    probe = QUESTIONS[-1]
    elsewhere = dict.fromkeys(
        name for model in document.rows("models") for name in model.part("probe_on").data
    )
    return [
        *QUESTIONS,
        *(
            replace(
                probe,
                key=f"probe on {name}",
                name=f"probe fitted on {name}",
                axis=f"labels named by a linear probe fitted on {name}, %",
            )
            for name in elsewhere
        ),
    ]


def find_part(model: Document, question: Question) -> Document:
    """Where a model's answer to a question stands in the file; empty where it was not asked."""
    if question.key.startswith("probe on "):
        return model.part("probe_on").part(question.key.removeprefix("probe on "))
    return model.part(question.key)


def read_answers(document: Document, question: Question) -> list[Answer]:
    """Every model's answer to one question."""
    chance = document.part("chance").number(question.chance)
    ceiling = document.part("ceiling")
    bounds = tuple(
        (name, value)
        for key, name in question.bounds
        if (value := ceiling.maybe_number(key)) is not None
    )
    found = []
    for model in document.rows("models"):
        part = find_part(model, question)
        if not part.data and question not in QUESTIONS:
            continue  # features without clips were not fitted there
        found.append(
            Answer(
                question,
                model.text("model"),
                str(model.data.get("role") or "model"),
                part.number("value"),
                part.interval(),
                part.maybe_number("p"),
                chance,
                bounds,
            )
        )
    return found


def say_asked(document: Document, question: Question) -> str:
    """How much a question is asked of: 69 clips with one commonest label."""
    counted = [
        f"{format_count(document.count(key))} {word}"
        for key, word in question.counted
        if document.has(key)
    ]
    return " of ".join(counted)


def say_value(question: Question, value: float) -> str:
    """A value as this question's are printed."""
    return format_percent(value) if question.is_percent else format_share(value)
