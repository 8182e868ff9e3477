"""RSA against known worlds: coverage of the intervals, a perfect model, noise, differences."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.evaluation.rsa import correlate, paired_difference, rsa
from bgs.rdm import RDM


def _blurred(world, *, noise: float, seed: int) -> RDM:
    rng = np.random.default_rng([seed, 77])  # not the noise the latent was drawn with
    return RDM.from_embeddings(
        world.ids, world.latent + noise * rng.normal(size=world.latent.shape)
    )


def test_score_and_its_square(world, judgments):
    human = judgments.rdm()
    score = rsa(world.rdm, human, num_bootstrap=200)
    assert score.spearman == correlate(world.rdm, human)
    assert score.r2 == score.spearman**2
    assert score.spearman_ci95[0] < score.spearman < score.spearman_ci95[1]
    assert score.ci95 == tuple(end**2 for end in score.spearman_ci95)
    assert (score.num_clips, score.num_pairs) == (24, human.num_pairs)


def test_same_seed_same_interval(world, judgments):
    human = judgments.rdm()
    assert rsa(world.rdm, human, num_bootstrap=100, seed=3) == rsa(
        world.rdm, human, num_bootstrap=100, seed=3
    )
    assert rsa(world.rdm, human, num_bootstrap=0).ci95 is None


def test_a_model_equal_to_people_scores_one(world):
    truth = world.expected_rdm()
    score = rsa(truth, truth, num_bootstrap=100)
    assert score.r2 == pytest.approx(1.0)
    assert score.ci95 == (pytest.approx(1.0), pytest.approx(1.0))


def test_random_features_and_permuted_labels_score_at_chance(new_world):
    scores, permuted = [], []
    for seed in range(40):
        world = new_world(20, seed=seed)
        human = world.judge(800, seed=seed).rdm()
        scores.append(rsa(new_world(20, seed=1000 + seed).rdm, human, num_bootstrap=0).spearman)
        order = np.random.default_rng(seed).permutation(world.ids)
        wrong = RDM(tuple(order), world.rdm.dissimilarities, world.rdm.counts)
        permuted.append(rsa(wrong, human, num_bootstrap=0).spearman)
    for values in (scores, permuted):
        assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(40)


def test_the_published_interval_takes_pairs_as_independent(world, judgments):
    human = judgments.rdm()
    pairs = rsa(world.rdm, human, num_bootstrap=300, interval_over="pairs")
    clips = rsa(world.rdm, human, num_bootstrap=300)
    assert pairs.interval_over == "pairs"
    width = [s.spearman_ci95[1] - s.spearman_ci95[0] for s in (pairs, clips)]
    assert width[0] < width[1]


def test_intervals_cover_the_truth(new_world):
    """200 fresh sets of 30 clips; the truth is what the same model scores on very many clips."""
    scores = []
    for seed in range(10):
        large = new_world(120, seed=9000 + seed)
        human = large.judge(20_000, seed=seed).rdm()  # a pair is shown 8.4 times, here and below
        scores.append(correlate(_blurred(large, noise=1.0, seed=seed), human))
    truth = float(np.mean(scores))
    covered = 0
    for seed in range(200):
        world = new_world(30, seed=seed)
        human = world.judge(1218, seed=seed).rdm()
        low, high = rsa(
            _blurred(world, noise=1.0, seed=seed), human, num_bootstrap=200, seed=seed
        ).spearman_ci95
        covered += low <= truth <= high
    assert 180 <= covered <= 196


def test_difference_is_that_of_the_scores_and_pairs_the_clips(world, judgments):
    human = judgments.rdm()
    before, after = _blurred(world, noise=3.0, seed=0), _blurred(world, noise=0.1, seed=0)
    change = paired_difference(before, after, human, num_bootstrap=300)
    assert change.before_r2 == rsa(before, human, num_bootstrap=0).r2
    assert change.r2 == pytest.approx(change.after_r2 - change.before_r2)
    assert change.excludes_zero
    assert change.ci95[0] < change.r2 < change.ci95[1]
    assert change.to_dict()["ci95"] == list(change.ci95)
    none = paired_difference(before, before, human, num_bootstrap=100)
    assert none.r2 == 0
    assert none.ci95 == (0.0, 0.0)
    assert not none.excludes_zero
    assert paired_difference(before, after, human, num_bootstrap=0).to_dict()["ci95"] is None


def test_no_difference_is_rarely_found(new_world):
    """Two models equally good: 5 % of intervals, give or take, miss 0."""
    missed = 0
    for seed in range(200):
        world = new_world(24, seed=seed)
        human = world.judge(900, seed=seed).rdm()
        models = [_blurred(world, noise=1.0, seed=2 * seed + side) for side in (0, 1)]
        missed += paired_difference(*models, human, num_bootstrap=150, seed=seed).excludes_zero
    assert 4 <= missed <= 20
