"""Odd-one-out accuracy by hand, at chance, at the truth, and the coverage of its intervals."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation.odd_one_out import odd_one_out, triad_distances
from bgs.rdm import RDM

ABC = ("a", "b", "c", "d")


def _one(distances: tuple[float, float, float], *, odd: int) -> tuple[RDM, Triplets]:
    """One judgment of a, b, c; distances ab, ac, bc, and a clip d that nobody judged."""
    ab, ac, bc = distances
    rdm = RDM.from_condensed(ABC, [ab, ac, 0.9, bc, 0.8, 0.7])
    return rdm, Triplets(ids=ABC, clips=np.array([[0, 1, 2]]), odd=np.array([odd]))


@pytest.mark.parametrize(
    ("distances", "odd", "three_way", "two_way", "paper"),
    [
        ((0.1, 0.5, 0.6), 2, 1.0, 1.0, 1.0),  # ab kept by both
        ((0.1, 0.5, 0.6), 0, 0.0, 0.0, 0.0),  # the person kept bc, the furthest pair
        ((0.3, 0.1, 0.6), 2, 0.0, 0.5, 0.0),  # a is nearer c than b; b is nearer a than c
        (
            (0.3, 0.6, 0.1),
            2,
            0.0,
            0.5,
            1.0,
        ),  # the anchor presented first decides the published variant
        ((0.2, 0.2, 0.6), 2, 0.5, 0.75, 0.5),  # two pairs tie
        ((0.2, 0.2, 0.2 + 1e-9), 0, 0.0, 0.0, 0.0),
    ],
)
def test_by_hand(distances, odd, three_way, two_way, paper):
    score = odd_one_out(*_one(distances, odd=odd), num_bootstrap=0)
    assert score.three_way == three_way
    assert score.two_way == two_way
    assert score.two_way_paper == paper
    assert score.ci95 is None
    assert (score.num_triplets, score.num_clips) == (1, 3)


def test_all_three_tied_is_a_third():
    rdm = RDM.from_condensed(ABC, [0.5, 0.5, 0.1, 0.5, 0.1, 0.2])
    clips = np.array([[0, 1, 2], [0, 1, 3]])
    score = odd_one_out(rdm, Triplets(ids=ABC, clips=clips, odd=np.array([2, 0])), num_bootstrap=0)
    # a b c tie three ways; of a b d, the closest pairs ad and bd tie and the person kept bd.
    assert score.three_way == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert score.two_way == pytest.approx((1 / 2 + (1.0 + 0.5) / 2) / 2)


def test_order_of_presentation_changes_only_the_published_variant(world, judgments):
    turned = Triplets(ids=judgments.ids, clips=judgments.clips[:, ::-1], odd=2 - judgments.odd)
    first, second = (odd_one_out(world.rdm, j, num_bootstrap=0) for j in (judgments, turned))
    assert first.three_way == second.three_way
    assert first.two_way == second.two_way
    assert (first.two_way_paper + second.two_way_paper) / 2 == pytest.approx(first.two_way)


def test_random_features_are_at_chance(new_world):
    three, two = [], []
    for seed in range(40):
        judgments = new_world(20, seed=seed).judge(400, seed=seed)
        score = odd_one_out(new_world(20, seed=500 + seed).rdm, judgments, num_bootstrap=0)
        three.append(score.three_way)
        two.append(score.two_way)
    assert abs(np.mean(three) - 1 / 3) < 3 * np.std(three) / np.sqrt(40)
    assert abs(np.mean(two) - 1 / 2) < 3 * np.std(two) / np.sqrt(40)


def test_the_truth_reaches_the_accuracy_of_the_best_guess(new_world):
    world = new_world(24)
    judgments = world.judge(20_000, seed=9)
    best = world.choice_probabilities(judgments.clips).max(axis=1).mean()
    score = odd_one_out(world.rdm, judgments, num_bootstrap=0)
    assert score.three_way == pytest.approx(best, abs=3 * np.sqrt(0.25 / 20_000))


def test_intervals_cover_the_truth(new_world):
    """The truth: accuracy of the same kind of model on fresh clips and fresh judgments."""

    def model(world, seed):
        noise = np.random.default_rng([seed, 3]).normal(size=world.latent.shape)
        return RDM.from_embeddings(world.ids, world.latent + noise)

    many = [(new_world(40, seed=5000 + s), 5000 + s) for s in range(40)]
    truth = np.mean(
        [
            odd_one_out(model(w, s), w.judge(4000, seed=s), num_bootstrap=0).three_way
            for w, s in many
        ]
    )
    covered = 0
    for seed in range(200):
        world = new_world(40, seed=seed)
        score = odd_one_out(
            model(world, seed), world.judge(600, seed=seed), num_bootstrap=100, seed=seed
        )
        covered += score.ci95[0] <= truth <= score.ci95[1]
    assert 180 <= covered <= 196


def test_intervals_belong_to_their_scores(world, judgments):
    score = odd_one_out(world.rdm, judgments, num_bootstrap=200, seed=1)
    assert score.ci95[0] < score.three_way < score.ci95[1]
    assert score.two_way_ci95[0] < score.two_way < score.two_way_ci95[1]
    assert score == odd_one_out(world.rdm, judgments, num_bootstrap=200, seed=1)


def test_what_cannot_be_scored_is_said_in_one_line():
    rdm, judgment = _one((0.1, 0.2, 0.3), odd=0)
    empty = judgment.select(np.zeros(1, dtype=bool))
    cases = {
        "no judgment to score; choose clips that people judged together": (rdm, empty),
        "clip 'c' is not in this RDM of 2 clips; restrict to clips that both sides have": (
            rdm.restrict(("a", "b")),
            judgment,
        ),
        "the model lacks a dissimilarity among clips 'b', 'c', 'a'; score a model that knows every pair": (
            RDM.from_condensed(ABC, [np.nan, 1, 1, 1, 1, 1]),
            judgment,
        ),
        "the model RDM gives every observed pair the same dissimilarity (0.5); "
        "check that the embeddings differ between clips": (
            RDM.from_condensed(ABC, [0.5] * 6),
            judgment,
        ),
    }
    for message, (model, triplets) in cases.items():
        with pytest.raises(DataError) as caught:
            odd_one_out(model, triplets, num_bootstrap=0)
        assert str(caught.value) == message


def test_distances_follow_presentation_not_the_catalogue():
    rdm = RDM.from_condensed(("c", "b", "a", "d"), [0.1, 0.2, 0.9, 0.3, 0.8, 0.7])
    table = triad_distances(rdm, Triplets(ids=ABC, clips=np.array([[2, 0, 1]]), odd=np.array([1])))
    assert table.stack().tolist() == [[0.1, 0.2, 0.3]]  # cb kept; ca; ba
