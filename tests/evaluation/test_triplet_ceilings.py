"""Agreement of people with people: by hand, against known choice probabilities, on the public data."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation.triplet_ceilings import (
    accuracy_by_agreement,
    best_guess,
    repeated_triads,
    triplet_ceiling,
)


def _triads(world, num_triads, times, *, seed):
    rng = np.random.default_rng([seed, 1])
    clips = rng.random((num_triads, len(world.ids))).argpartition(3, axis=1)[:, :3]
    return rng.permuted(np.repeat(clips, times, axis=0), axis=1)


def test_by_hand():
    # a b c: odd c, c, a (in other orders too); a b d: odd d, d; b c d once.
    clips = np.array([[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 1, 3], [3, 0, 1], [1, 2, 3]])
    odd = np.array([2, 0, 1, 2, 0, 0])
    triplets = Triplets(ids=tuple("abcd"), clips=clips, odd=odd)
    repeated = repeated_triads(triplets)
    assert repeated.num_triads == 2
    assert sorted(map(tuple, repeated.counts.tolist())) == [(0, 0, 2), (1, 0, 2)]
    ceiling = triplet_ceiling(triplets, num_bootstrap=0)
    # abc: each c agrees with one of two others, a with none; abd: both agree.
    assert ceiling.agreement == pytest.approx((0.5 + 0.5 + 0 + 1 + 1) / 5)
    # The others of a c are one c and one a, a tie; the others of a are c and c.
    assert ceiling.majority == pytest.approx((0.5 + 0.5 + 0 + 1 + 1) / 5)
    assert ceiling.majority_two_way == pytest.approx(0.6 + 0.4 / 4)
    assert (ceiling.num_triads, ceiling.num_judgments) == (2, 5)
    assert ceiling.to_dict()["agreement"] == {"three_way": 0.6, "two_way": 0.7, "ci95": None}


def test_agreement_is_the_chance_that_two_people_choose_alike(new_world):
    world = new_world(24)
    clips = _triads(world, 3000, 3, seed=0)
    ceiling = triplet_ceiling(world.judge(0, seed=0, clips=clips), num_bootstrap=0)
    truth = (world.choice_probabilities(clips) ** 2).sum(axis=1).mean()
    assert ceiling.agreement == pytest.approx(truth, abs=0.01)


def test_the_majority_of_many_is_the_best_guess(new_world):
    world = new_world(24, temperature=0.5)
    clips = _triads(world, 150, 60, seed=1)
    judgments = world.judge(0, seed=1, clips=clips)
    best = best_guess(world.rdm, judgments, temperature=0.5)
    assert best == pytest.approx(world.choice_probabilities(clips).max(axis=1).mean())
    ceiling = triplet_ceiling(judgments, num_bootstrap=100)
    assert ceiling.agreement < ceiling.majority == pytest.approx(best, abs=0.02)
    assert ceiling.majority_ci95[0] < ceiling.majority < ceiling.majority_ci95[1]


def test_intervals_cover_the_truth(new_world):
    truth = []
    for seed in range(200):
        world = new_world(30, seed=7000 + seed)
        clips = _triads(world, 1000, 1, seed=seed)
        truth.append((world.choice_probabilities(clips) ** 2).sum(axis=1).mean())
    covered = 0
    for seed in range(200):
        world = new_world(30, seed=seed)
        judgments = world.judge(0, seed=seed, clips=_triads(world, 120, 2, seed=seed))
        low, high = triplet_ceiling(judgments, num_bootstrap=100, seed=seed).agreement_ci95
        covered += low <= np.mean(truth) <= high
    assert 180 <= covered <= 196


def test_models_do_better_where_people_agree(new_world):
    world = new_world(24, temperature=0.3)
    judgments = world.judge(0, seed=2, clips=_triads(world, 400, 8, seed=2))
    bins = accuracy_by_agreement(world.rdm, judgments)
    accuracy = [b.three_way for b in bins]
    assert accuracy == sorted(accuracy)
    assert sum(b.num_judgments for b in bins) == 3200
    assert sum(b.num_triads for b in bins) == repeated_triads(judgments).num_triads


def test_nothing_repeated():
    one = Triplets(ids=tuple("abc"), clips=np.array([[0, 1, 2]]), odd=np.array([0]))
    with pytest.raises(DataError) as caught:
        triplet_ceiling(one)
    assert str(caught.value) == (
        "no triad was judged twice, so people cannot be compared with people; "
        "show some triads to several participants"
    )


def test_social250_has_few_repeated_held_out_triads(social250):
    held_out = triplet_ceiling(social250.triplets.restrict(social250.test))
    assert held_out.num_triads == 68
    assert held_out.agreement_ci95[1] - held_out.agreement_ci95[0] > 0.15
    assert held_out.agreement_ci95[0] > 1 / 3
