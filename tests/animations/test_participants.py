"""Simulated participants choose as their formula says, and see triads as evenly as promised."""

import re

import numpy as np
import pytest

from bgs.animations.participants import (
    Crowd,
    attention_checks,
    even_triads,
    judge_triads,
    odd_probabilities,
    sample_crowd,
)
from bgs.animations.seeds import generator
from bgs.errors import BgsError


def test_choice_probabilities_match_the_closed_form():
    points = np.array([[[0.0], [1.0], [3.0]]])
    chance = odd_probabilities(
        points,
        weights=np.array([[2.0]]),
        temperature=np.array([1.5]),
        lapse=np.array([0.1]),
    )
    kept = np.exp(-np.array([4.0, 6.0, 2.0]) / 1.5)  # the pair that stays when clip k is odd
    expected = 0.9 * kept / kept.sum() + 0.1 / 3
    np.testing.assert_allclose(chance[0], expected)


def test_answers_follow_the_probabilities():
    points = np.array([[0.0], [1.0], [3.0]])
    crowd = Crowd(np.ones((1, 1)), np.array([1.0]), np.array([0.0]))
    triads = np.tile([0, 1, 2], (20_000, 1))
    frame = judge_triads(
        triads, points, crowd=crowd, clips=["a", "b", "c"], rng=generator("test", 0)
    )
    expected = odd_probabilities(
        points[None], weights=np.ones((1, 1)), temperature=np.ones(1), lapse=np.zeros(1)
    )[0]
    found = [(frame["odd"] == name).mean() for name in "abc"]
    np.testing.assert_allclose(found, expected, atol=0.015)


def test_pairs_are_shown_about_equally_often():
    clips = np.arange(10, 40)
    triads = even_triads(clips, 30 * 29 // 2, rng=generator("test", 1))
    shown = np.zeros((40, 40))
    for triad in triads:
        assert len(set(triad)) == 3
        for one in triad:
            shown[one, triad] += 1
    counts = shown[10:, 10:][np.triu_indices(30, 1)]
    assert shown[:10].sum() == 0
    assert counts.mean() == pytest.approx(3.0)
    assert counts.min() >= 2
    assert counts.max() <= 4


def test_attention_checks_show_one_clip_twice():
    checks = attention_checks(20, 50, rng=generator("test", 2))
    assert all(len(set(row)) == 2 for row in checks.tolist())


def test_careful_people_pass_attention_checks_and_careless_ones_do_not():
    rng = generator("test", 3)
    points = rng.normal(size=(30, 2)) * 3
    crowd = Crowd(np.ones((2, 2)), np.full(2, 0.1), np.array([0.0, 0.9]))
    checks = attention_checks(30, 600, rng=rng)
    frame = judge_triads(checks, points, crowd=crowd, clips=[f"c{k}" for k in range(30)], rng=rng)
    shown = frame[["clip_1", "clip_2", "clip_3"]]
    passed = shown.eq(frame["odd"], axis=0).sum(axis=1) == 1
    rate = passed.groupby(frame["participant"]).mean()
    assert rate["sim_p01"] > 0.95
    assert rate["sim_p02"] < 0.7


def test_the_crowd_varies_and_holds_a_few_careless_people():
    crowd = sample_crowd(np.ones(4), rng=generator("test", 4), size=50)
    assert (crowd.lapse > 0.4).sum() == 4
    assert crowd.weights.std() > 0.1
    assert crowd.names[0] == "sim_p01"
    assert repr(crowd) == "Crowd(people=50, dimensions=4)"


def test_impossible_requests_are_refused():
    with pytest.raises(BgsError, match=re.escape("2 clips cannot make a triad; give at least")):
        even_triads(np.arange(2), 5, rng=generator("test", 5))
    with pytest.raises(BgsError, match=re.escape("0 simulated participants; ask for at least one")):
        sample_crowd(np.ones(2), rng=generator("test", 6), size=0)
