"""From an example to words: what is asked, among which answers, and which of them is right.

    head at 12 30 45 80. What does the face of this person express? Answer: happy

Everything is a choice among strings, so that an answer is never outside what can be scored, and so that a model's
belief is a distribution: over labels, over a scale of twenty-one steps for valence and arousal, over the cells of
a grid for a place in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.fusion.example import Box, Example, Point, Task

SCALE = tuple(str(step) for step in range(-10, 11))  # tenths, for values from -1 to 1
GRID = 8  # cells a side
OUTSIDE = "outside"
CELLS = tuple(f"{row} {column}" for row in range(GRID) for column in range(GRID))
WHO = {1: "person at {}.", 2: "people at {} and {}."}
FEELING = {
    "valence": "How pleasant is what the face expresses, from -10 to 10?",
    "arousal": "How excited is the face, from -10 to 10?",
}


@dataclass(frozen=True)
class Question:
    """One thing asked about one example."""

    example: str
    about: str  # "label", "place", or the name of a value
    prompt: str
    choices: tuple[str, ...]
    answer: int  # place among the choices
    people: tuple[Box, ...]  # who is meant

    @property
    def text(self) -> str:
        """The right answer in words."""
        return self.choices[self.answer]


def ask(example: Example, task: Task) -> tuple[Question, ...]:
    """Everything that is asked about an example, the task's own question first."""
    if task.kind == "point":
        asked = [_ask(example, "place", task.question, (*CELLS, OUTSIDE), _cell(example))]
    else:
        place = task.labels.index(example.label or "")
        asked = [_ask(example, "label", task.question, task.labels, place)]
    for name in task.values:
        if name in example.values:
            step = round(10 * example.values[name]) + 10
            asked.append(_ask(example, name, FEELING[name], SCALE, step))
    return tuple(asked)


def who(example: Example) -> tuple[Box, ...]:
    """Whom it is about, in the picture that stands for all: a track is one person, told by its middle frame."""
    if len(example.pictures) > 1:
        return (example.boxes[len(example.boxes) // 2],)
    return example.boxes


def words_of(tasks: Iterable[Task]) -> list[str]:
    """Every text that questions of these tasks can contain, to make a vocabulary from."""
    texts = [" ".join(str(number) for number in range(100)), OUTSIDE, *CELLS, *SCALE]
    texts += [template.format("", "") for template in WHO.values()]
    for task in tasks:
        texts += [task.question, *task.labels, *(FEELING[name] for name in task.values), "Answer:"]
    return texts


def expected_value(belief: NDArray[np.float64]) -> float:
    """The mean of a belief over the scale, from -1 to 1."""
    return float(belief @ np.array([int(step) / 10 for step in SCALE]))


def to_heatmap(belief: NDArray[np.float64]) -> NDArray[np.float64]:
    """The belief about a place as a map (GRID, GRID); what lies on `outside` is left out."""
    return np.asarray(belief[:-1].reshape(GRID, GRID))


def expected_place(belief: NDArray[np.float64]) -> Point:
    """The middle of the likeliest cell, moved towards its neighbours by what is believed of them."""
    cells = to_heatmap(belief)
    row, column = divmod(int(cells.argmax()), GRID)
    rows = np.arange(max(row - 1, 0), min(row + 2, GRID))
    columns = np.arange(max(column - 1, 0), min(column + 2, GRID))
    near = cells[np.ix_(rows, columns)]
    weight = max(float(near.sum()), 1e-12)
    x = float((near.sum(axis=0) @ (columns + 0.5)) / weight / GRID)
    y = float((near.sum(axis=1) @ (rows + 0.5)) / weight / GRID)
    return x, y


def read_answers(
    questions: Iterable[Question], beliefs: Iterable[NDArray[np.float64]]
) -> Mapping[str, dict[str, NDArray[np.float64]]]:
    """Beliefs by example and by what was asked."""
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for question, belief in zip(questions, beliefs, strict=True):
        found.setdefault(question.example, {})[question.about] = belief
    return found


def _ask(
    example: Example, about: str, question: str, choices: tuple[str, ...], answer: int
) -> Question:
    people = who(example)
    said = WHO[len(people)].format(*(_in_percent(box) for box in people))
    return Question(example.id, about, f"{said} {question} Answer:", choices, answer, people)


def _in_percent(box: Box) -> str:
    return " ".join(str(min(int(100 * end), 99)) for end in (box.x0, box.y0, box.x1, box.y1))


def _cell(example: Example) -> int:
    if not example.inside:
        return len(CELLS)
    x, y = np.mean(np.array(example.points), axis=0)
    row, column = (min(int(share * GRID), GRID - 1) for share in (y, x))
    return row * GRID + column
