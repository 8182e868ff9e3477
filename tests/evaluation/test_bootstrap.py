"""The bootstrap is the one it says it is, and its intervals cover the truth as often as they promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    bootstrap_correlations,
    clip_interval,
    clip_variance,
    correlations_without,
    draw_clips,
    jackknife_variance,
    rescaled_interval,
    square_interval,
)


def _pairs(num_clips: int) -> np.ndarray:
    return np.stack(np.triu_indices(num_clips, k=1), axis=1)


def test_every_sample_is_scipys_spearman_of_the_copied_pairs():
    rng = np.random.default_rng(0)
    members = _pairs(12)
    first, human = rng.integers(0, 9, 66).astype(float), rng.integers(0, 5, 66) / 4
    draws = draw_clips(12, num_bootstrap=100, seed=1)
    samples = bootstrap_correlations([first, -human], human, members=members, draws=draws)
    for sample in range(100):
        # Clips drawn, pairs of different clips kept: the copies written out.
        weights = (draws[members[:, 0], sample] * draws[members[:, 1], sample]).astype(int)
        expected = spearmanr(np.repeat(first, weights), np.repeat(human, weights)).statistic
        assert samples[0, sample] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(samples[1], -1.0, atol=1e-12)


def test_counts_weigh_the_pairs():
    rng = np.random.default_rng(1)
    members, human, model = _pairs(10), rng.random(45), rng.random(45)
    draws = draw_clips(10, num_bootstrap=100, seed=0)
    plain = bootstrap_correlations([model], human, members=members, draws=draws)
    weighed = bootstrap_correlations(
        [model], human, members=members, draws=draws, counts=np.full(45, 3.0)
    )
    np.testing.assert_allclose(plain, weighed, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3])
def test_clip_variance_is_the_naive_double_loop(size):
    rng = np.random.default_rng(2)
    members = np.stack([rng.permutation(30)[:size] for _ in range(90)])
    pull = rng.normal(size=90) + members.sum(axis=1) * 0.1
    sets = [set(row) for row in members]
    naive = sum(pull[a] * pull[b] for a in range(90) for b in range(90) if sets[a] & sets[b])
    alone = sum(pull[a] * pull[b] for a in range(90) for b in range(90) if sets[a] == sets[b])
    expected = alone + (naive - alone) / (1 - size**2 / 30)
    assert clip_variance(pull, members, num_clips=30) == pytest.approx(expected)


@pytest.mark.parametrize("size", [2, 3])
def test_clip_variance_of_a_mean_of_clip_effects(size):
    """Closed form: the mean over all units of the sum of k clip effects has variance k^2 / n."""
    rng = np.random.default_rng(5)
    members = np.array(list(itertools.combinations(range(20), size)))
    estimates = []
    for _ in range(300):
        values = rng.normal(size=20)[members].sum(axis=1)
        estimates.append(
            clip_variance((values - values.mean()) / len(values), members, num_clips=20)
        )
    assert np.mean(estimates) == pytest.approx(size**2 / 20, rel=0.12)


def test_clip_variance_never_falls_below_that_of_independent_units():
    members = _pairs(10)
    pull = np.where(members.sum(axis=1) % 2 == 0, 1.0, -1.0)  # what cancels within every clip
    assert clip_variance(pull, members, num_clips=10) >= (pull**2).sum()


def test_the_variance_is_right_where_a_plain_clip_bootstrap_is_not():
    """A mean over pairs with pure pair noise: truth 1 / pairs; resampling clips would say three times that."""
    rng = np.random.default_rng(3)
    members = _pairs(40)
    draws = draw_clips(40, num_bootstrap=400, seed=0)
    weights = draws[members[:, 0]] * draws[members[:, 1]]
    robust, plain = [], []
    for _ in range(40):
        noise = rng.normal(size=len(members))
        pull = (noise - noise.mean()) / len(members)
        robust.append(clip_variance(pull, members, num_clips=40) * len(members))
        plain.append(np.var(noise @ weights / weights.sum(axis=0)) * len(members))
    assert np.mean(robust) == pytest.approx(1.0, abs=0.25)
    assert np.mean(plain) == pytest.approx(3.0, abs=0.5)


def test_intervals_are_mapped_as_intervals():
    assert square_interval((-0.2, 0.1)) == (0.0, pytest.approx(0.04))
    assert square_interval((-0.3, -0.1)) == (pytest.approx(0.01), pytest.approx(0.09))
    assert clip_interval((-0.1, 1.2), low=0.0, high=1.0) == (0.0, 1.0)
    samples = np.random.default_rng(0).normal(5.0, 3.0, 20_000)
    low, high = rescaled_interval(5.0, samples, variance=1.0, num_drawn=10**6)
    assert (low, high) == (pytest.approx(5 - 1.96, abs=0.05), pytest.approx(5 + 1.96, abs=0.05))
    with pytest.raises(DataError) as caught:
        rescaled_interval(5.0, np.r_[samples[:80], [np.nan] * 20], variance=1.0, num_drawn=20)
    assert str(caught.value) == (
        "the score is undefined in 20 of 100 bootstrap samples; "
        "bring more judgments, or set num_bootstrap to 0 to score without an interval"
    )
    assert rescaled_interval(5.0, np.full(100, 5.0), variance=0.0, num_drawn=20) == (5.0, 5.0)


def test_too_little_for_an_interval():
    with pytest.raises(DataError) as caught:
        draw_clips(9, num_bootstrap=1000, seed=0)
    assert str(caught.value) == (
        "9 clips are too few for a confidence interval; "
        "bring 10 clips or more, or set num_bootstrap to 0 (evaluation.num_bootstrap in a config) "
        "to score without one"
    )
    with pytest.raises(DataError) as caught:
        draw_clips(20, num_bootstrap=99, seed=0)
    assert str(caught.value) == (
        "99 bootstrap samples are too few for percentiles; use 100 or more, or 0 for no interval"
    )


def test_draws_are_the_seeds_and_sum_to_the_clips():
    draws = draw_clips(15, num_bootstrap=100, seed=4)
    assert draws.shape == (15, 100)
    assert (draws.sum(axis=0) == 15).all()
    np.testing.assert_array_equal(draws, draw_clips(15, num_bootstrap=100, seed=4))
    assert not np.array_equal(draws, draw_clips(15, num_bootstrap=100, seed=5))


def test_leaving_out_a_clip_is_leaving_out_its_pairs():
    rng = np.random.default_rng(6)
    members, human, model = _pairs(10), rng.random(45), rng.random(45)
    without = correlations_without([model], human, members=members, num_clips=10)[0]
    for clip in range(10):
        rest = (members != clip).all(axis=1)
        assert without[clip] == pytest.approx(
            spearmanr(model[rest], human[rest]).statistic, abs=1e-12
        )


def test_jackknife_variance_counts_pair_noise_once():
    """A mean over pairs, in closed form: leaving out a clip moves it by that clip's pairs."""
    rng = np.random.default_rng(7)
    members = _pairs(30)
    held = np.array([(members != clip).all(axis=1) for clip in range(30)])
    for size, truth in ((0.0, 1 / 435), (1.0, 4 / 30 + 1 / 435)):
        estimates = []
        for _ in range(100):
            values = rng.normal(size=435) + size * rng.normal(size=30)[members].sum(axis=1)
            without = held @ values / held.sum(axis=1)
            pull = (values - values.mean()) / 435
            estimates.append(jackknife_variance(without - values.mean(), pull))
        assert np.mean(estimates) == pytest.approx(truth, rel=0.25)
