"""Tasks take turns by their shares, every question is asked before any comes again, and a resumed run goes on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bgs.fusion.questions import Question
from bgs.fusion.sampling import Asked, TaskSampler, task_shares
from bgs.fusion.settings import SamplingSettings


def asked(task: str, count: int, *, first_row: int = 0) -> Asked:
    questions = tuple(Question(f"{task}{k}", "label", "?", ("a", "b"), 0) for k in range(count))
    return Asked(task, np.arange(first_row, first_row + count), questions)


def sampler(*, kind="uniform", steps=None, seed=0) -> TaskSampler:
    settings = SamplingSettings(kind=kind, steps_per_epoch=steps)
    tasks = [asked("big", 90), asked("small", 10, first_row=90)]
    return TaskSampler(tasks, 5, settings, seed=seed)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("proportional", 0.9), ("uniform", 0.5), ("temperature", 3 / 4)],  # sqrt 90 : sqrt 10 = 3 : 1
)
def test_shares(kind, expected):
    shares = task_shares({"big": 90, "small": 10}, SamplingSettings(kind=kind, temperature=2.0))
    assert shares["big"] == pytest.approx(expected)
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(("kind", "share"), [("proportional", 0.9), ("uniform", 0.5)])
def test_steps_follow_the_shares(kind, share):
    drawn = sampler(kind=kind, steps=7)
    steps = [draw for epoch in range(60) for draw in drawn.draw(epoch)]
    assert len(steps) == 420
    tasks = [drawn.judge(step)[0].example.rstrip("0123456789") for step in steps]
    assert Counter(tasks)["big"] / len(tasks) == pytest.approx(share, abs=0.03)


def test_an_epoch_asks_as_much_as_there_is():
    assert sampler().steps_per_epoch == 20


def test_every_question_is_asked_before_any_comes_again():
    drawn = sampler(steps=36)
    steps = [drawn.judge(draw) for epoch in range(2) for draw in drawn.draw(epoch)]
    asked_of_small = [q.example for step in steps for q in step if q.example.startswith("small")]
    rounds = [asked_of_small[k : k + 10] for k in range(0, len(asked_of_small) - 9, 10)]
    assert len(rounds) > 10
    assert all(len(set(found)) == 10 for found in rounds)
    assert rounds[0] != rounds[1]


def test_rows_are_those_of_the_questions():
    drawn = sampler()
    for draw in drawn.draw(0):
        for row, question in zip(draw.clips, drawn.judge(draw), strict=True):
            number = int(question.example.removeprefix("big").removeprefix("small"))
            assert row == number + (90 if question.example.startswith("small") else 0)


def test_a_step_is_about_one_task():
    drawn = sampler()
    for draw in drawn.draw(0):
        assert len({question.example.rstrip("0123456789") for question in drawn.judge(draw)}) == 1


def test_a_resumed_sampler_asks_what_the_other_would_have():
    whole, first, second = sampler(), sampler(), sampler()
    expected = [[d.judgments.tolist() for d in whole.draw(e)] for e in range(3)]
    found = [[d.judgments.tolist() for d in first.draw(e)] for e in range(2)]
    second.load_state_dict(first.state_dict())
    found.append([d.judgments.tolist() for d in second.draw(2)])
    assert found == expected


def test_seeds_differ():
    orders = [[d.judgments.tolist() for d in sampler(seed=seed).draw(0)] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
