"""Tasks take turns by their shares, every question is asked before any comes again, and a resumed run goes on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bgs.fusion.questions import Question
from bgs.fusion.sampling import Asked, TaskSampler, task_shares
from bgs.fusion.settings import SamplingSettings


def asked(task: str, count: int, *, first_row: int = 0) -> Asked:
    questions = tuple(Question(f"{task}{k}", "label", "?", ("a", "b"), 0, ()) for k in range(count))
    return Asked(task, np.arange(first_row, first_row + count), questions)


def sampler(*, kind="uniform", steps=None, seed=0, mixed=False, weights=None) -> TaskSampler:
    settings = SamplingSettings(
        kind=kind, steps_per_epoch=steps, mixed=mixed, weights=weights or {}
    )
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


def test_a_mixed_step_asks_some_of_every_task():
    """Five questions of two tasks alike are two and three; over many steps each is asked as often."""
    drawn = sampler(steps=100, mixed=True)
    counts = [
        Counter(q.example.rstrip("0123456789") for q in drawn.judge(d)) for d in drawn.draw(0)
    ]
    assert all(sum(found.values()) == 5 and min(found.values()) >= 2 for found in counts)
    assert sum(found["big"] for found in counts) == pytest.approx(250, abs=20)


def test_weights_change_the_shares():
    drawn = sampler(steps=100, mixed=True, weights={"hagrid": 3.0})
    assert drawn.shares == {"big": 0.5, "small": 0.5}  # a task that is not there has no part in it
    settings = SamplingSettings(weights={"lam": 3.0})
    assert task_shares({"lam": 10, "pisc": 900}, settings) == {"lam": 0.75, "pisc": 0.25}
    with pytest.raises(ValueError, match="unknown task 'big'"):
        SamplingSettings(weights={"big": 2.0})
    with pytest.raises(ValueError, match="the weight of 'lam' is 0; above 0 is needed"):
        SamplingSettings(weights={"lam": 0.0})


def test_a_tasks_own_question_has_its_share():
    """Three things are asked of a picture; half of all questions are the task's own, none is left out."""
    kinds = ("label", "valence", "arousal")
    questions = tuple(Question(f"x{k}", kinds[k % 3], "?", ("a", "b"), 0, ()) for k in range(60))
    task = Asked("affectnet", np.arange(60) // 3, questions)
    settings = SamplingSettings(steps_per_epoch=16)
    drawn = TaskSampler([task], 5, settings, seed=0)
    asked_of = [q for draw in drawn.draw(0) for q in drawn.judge(draw)]
    counts = Counter(q.about for q in asked_of)
    assert counts == {"label": 40, "valence": counts["valence"], "arousal": 40 - counts["valence"]}
    assert len(set(map(id, asked_of))) == 60


@pytest.mark.parametrize("mixed", [False, True])
def test_a_resumed_sampler_asks_what_the_other_would_have(mixed):
    whole, first, second = (sampler(mixed=mixed) for _ in range(3))
    expected = [[d.judgments.tolist() for d in whole.draw(e)] for e in range(3)]
    found = [[d.judgments.tolist() for d in first.draw(e)] for e in range(2)]
    second.load_state_dict(first.state_dict())
    found.append([d.judgments.tolist() for d in second.draw(2)])
    assert found == expected


def test_seeds_differ():
    orders = [[d.judgments.tolist() for d in sampler(seed=seed).draw(0)] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
