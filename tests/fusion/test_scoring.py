"""Answers whose quality is known by construction, scored and compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.fusion.example import Box, Example
from bgs.fusion.questions import CELLS, GRID, SCALE, ask, expected_place, expected_value, to_heatmap
from bgs.fusion.scoring import FEWEST_GROUPS, compare_answers, read_answers, score_answers
from bgs.fusion.tasks import TASKS
from bgs.fusion.transfer_table import build_table, plan_runs

LAM, GAZE, FACES = TASKS["lam"], TASKS["gazefollow"], TASKS["affectnet"]
WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def make(number: int, *, group: int | None = None, **answer) -> Example:
    who = str(number if group is None else group)
    return Example(str(number), (Path("x.jpg"),), (WHOLE,), group=who, **answer)


def one_hot(place: int, count: int) -> np.ndarray:
    belief = np.zeros(count)
    belief[place] = 1.0
    return belief


def looking(count: int, *, right: float, seed: int = 0):
    """Examples of `lam` and beliefs of which this share is right."""
    rng = np.random.default_rng(seed)
    examples = [make(k, label=("yes", "no")[k % 2]) for k in range(count)]
    beliefs = {}
    for k, example in enumerate(examples):
        said = k % 2 if rng.random() < right else 1 - k % 2
        beliefs[example.id] = {"label": np.array([0.7, 0.3]) if said == 0 else np.array([0.3, 0.7])}
    return examples, beliefs


def score_of(scores, name):
    return next(score for score in scores if score.metric == name)


def test_accuracy_and_its_interval():
    examples, beliefs = looking(400, right=0.8)
    answers = read_answers(LAM, examples, beliefs)
    score = score_of(score_answers(answers, num_bootstrap=300), "accuracy")
    assert score.value == pytest.approx(0.8, abs=0.05)
    width = score.ci95[1] - score.ci95[0]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 400), rel=0.25)
    assert score.chance == 0.5
    assert score.above_chance is True


def test_chance_is_not_above_chance():
    above = 0
    for seed in range(20):
        examples, beliefs = looking(100, right=0.5, seed=seed)
        scores = score_answers(read_answers(LAM, examples, beliefs), num_bootstrap=60, seed=seed)
        above += bool(score_of(scores, "accuracy").above_chance)
    assert above <= 3


def test_intervals_are_over_groups():
    """The same answers from ten people instead of four hundred are worth less."""
    examples, beliefs = looking(400, right=0.8)
    whole = score_of(score_answers(read_answers(LAM, examples, beliefs)), "accuracy")
    grouped = [make(k, group=k // 40, label=example.label) for k, example in enumerate(examples)]
    # Eight of ten people are read perfectly, two never: the same .8, from ten and not from four hundred.
    said = {
        e.id: {"label": one_hot(int((e.label == "no") ^ (int(e.group) > 7)), 2)} for e in grouped
    }
    ten = score_of(score_answers(read_answers(LAM, grouped, said)), "accuracy")
    assert ten.value == pytest.approx(0.8)
    assert ten.ci95[1] - ten.ci95[0] > 3 * (whole.ci95[1] - whole.ci95[0])


def test_perfect_answers_to_every_task_score_perfectly():
    faces = [
        make(
            k, label=FACES.labels[k % 8], values={"valence": (k % 5 - 2) / 2, "arousal": k % 3 / 2}
        )
        for k in range(40)
    ]
    beliefs = {}
    for example in faces:
        asked = {question.about: question for question in ask(example, FACES)}
        beliefs[example.id] = {a: one_hot(q.answer, len(q.choices)) for a, q in asked.items()}
    scores = score_answers(read_answers(FACES, faces, beliefs), num_bootstrap=20)
    assert {score.metric: score.value for score in scores} == pytest.approx(
        {"accuracy": 1.0, "macro_f1": 1.0, "ccc_valence": 1.0, "ccc_arousal": 1.0}
    )


def test_gaze_is_scored_by_place_and_direction():
    """All belief on the cell that holds the raters' points: the middle of the cell is at most a cell away."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (30, 2))
    people = [
        Example(str(k), (Path("x"),), (Box(0.4, 0.4, 0.6, 0.6),), group=str(k), points=((x, y),))
        for k, (x, y) in enumerate(points.tolist())
    ]
    beliefs = {}
    for example in people:
        (question,) = ask(example, GAZE)
        beliefs[example.id] = {"place": one_hot(question.answer, len(question.choices))}
    away = make(99, inside=False)
    answers = read_answers(GAZE, [*people, away], beliefs)
    found = {score.metric: score for score in score_answers(answers, num_bootstrap=20)}
    assert len(answers.ids) == 30
    assert found["auc"].value == 1.0
    assert found["mean_distance"].value < 0.75 / GRID
    assert found["mean_distance"].value == found["min_distance"].value
    assert found["angular_error"].value < 20


def test_a_lower_distance_is_a_gain():
    people = [make(k, points=((0.5, 0.5),)) for k in range(20)]
    middle = {e.id: {"place": one_hot(CELLS.index("4 4"), GRID**2 + 1)} for e in people}
    corner = {e.id: {"place": one_hot(0, GRID**2 + 1)} for e in people}
    near, far = (read_answers(GAZE, people, beliefs) for beliefs in (middle, corner))
    change = compare_answers(far, near, metric="mean_distance", num_bootstrap=20)
    assert change.first > change.second
    assert change.gain == pytest.approx(change.first - change.second)


def test_paired_changes_are_surer_than_two_scores():
    examples, beliefs = looking(300, right=0.6)
    better = dict(beliefs)
    for example in examples[:60]:  # right wherever it was, and in sixty places more
        better[example.id] = {"label": one_hot(0 if example.label == "yes" else 1, 2)}
    first, second = (read_answers(LAM, examples, found) for found in (beliefs, better))
    change = compare_answers(first, second, metric="accuracy")
    assert change.gain > 0.04
    assert change.ci95[0] > 0
    single = score_of(score_answers(first), "accuracy")
    assert change.ci95[1] - change.ci95[0] < single.ci95[1] - single.ci95[0]


def test_models_that_answered_other_examples_are_not_compared():
    examples, beliefs = looking(10, right=1.0)
    whole, part = (read_answers(LAM, found, beliefs) for found in (examples, examples[:5]))
    with pytest.raises(DataError, match="two models answered different examples"):
        compare_answers(whole, part)


def test_an_example_without_an_answer():
    examples, beliefs = looking(4, right=1.0)
    del beliefs["2"]
    with pytest.raises(DataError, match="task 'lam' has no answer to '2'"):
        read_answers(LAM, examples, beliefs)


def test_who_helps_whom_by_hand():
    """`a` helps `b` from .6 to .9, nobody helps anybody else."""
    examples = {task: [make(k, label=("yes", "no")[k % 2]) for k in range(200)] for task in "abc"}
    said = {share: looking(200, right=share, seed=3)[1] for share in (0.6, 0.9)}

    def answers(**shares):
        return {
            task: read_answers(LAM, examples[task], said[share]) for task, share in shares.items()
        }

    table = build_table(
        {
            "together": answers(a=0.9, b=0.9, c=0.9),
            "a alone": answers(a=0.9), "b alone": answers(b=0.6), "c alone": answers(c=0.9),
            "without a": answers(b=0.6, c=0.9), "without b": answers(a=0.9, c=0.9), "without c": answers(a=0.9, b=0.9),
        },
        num_bootstrap=100,
    )  # fmt: skip
    assert table.from_all["b"].gain > 0.2
    assert table.from_all["b"].ci95[0] > 0
    assert table.from_all["a"].gain == table.from_all["c"].gain == 0
    matrix = table.matrix("abc")
    assert matrix[0][0] is None
    assert matrix[0][1] > 0.2
    assert matrix[2][1] == matrix[1][0] == 0


def test_runs_of_the_table():
    assert plan_runs(["a", "b"]) == {"together": ("a", "b"), "a alone": ("a",), "b alone": ("b",)}
    assert plan_runs(["a", "b", "c"])["without b"] == ("a", "c")
    with pytest.raises(DataError, match="one task has nobody to learn with"):
        plan_runs(["a"])


def test_beliefs_become_values_and_places():
    even = np.full(len(SCALE), 1 / len(SCALE))
    assert expected_value(even) == pytest.approx(0.0)
    assert expected_value(one_hot(0, len(SCALE))) == -1.0
    belief = one_hot(CELLS.index("0 0"), GRID**2 + 1)
    assert expected_place(belief) == (0.5 / GRID, 0.5 / GRID)
    assert to_heatmap(belief)[0, 0] == 1
    between = 0.5 * belief + 0.5 * one_hot(CELLS.index("0 1"), GRID**2 + 1)
    assert expected_place(between) == pytest.approx((1 / GRID, 0.5 / GRID))


def test_chance_of_a_place_is_the_middle_of_the_picture():
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (200, 2))
    people = [make(k, points=((x, y),)) for k, (x, y) in enumerate(points.tolist())]
    corner = {e.id: {"place": one_hot(0, GRID**2 + 1)} for e in people}
    found = {s.metric: s for s in score_answers(read_answers(GAZE, people, corner))}
    expected = float(np.linalg.norm(points - 0.5, axis=1).mean())
    assert found["mean_distance"].chance == pytest.approx(expected)
    assert found["mean_distance"].value > expected
    assert found["mean_distance"].above_chance is False  # a lower distance would be better
    # Points all over the picture: no place is likelier, so a map of the middle knows nothing.
    assert found["auc"].chance == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("groups", "known"), [(FEWEST_GROUPS - 1, False), (FEWEST_GROUPS, True)])
def test_few_groups_have_neither_interval_nor_verdict(groups, known):
    """Two recordings say nothing of a third, however many frames they have."""
    examples = [make(k, group=k % groups, label=("yes", "no")[k // groups % 2]) for k in range(80)]
    beliefs = {e.id: {"label": one_hot(int(e.label == "no"), 2)} for e in examples}
    score = score_answers(read_answers(LAM, examples, beliefs), num_bootstrap=100)[0]
    assert score.value == 1.0
    assert (score.ci95 is not None) is known
    assert (score.above_chance is not None) is known
