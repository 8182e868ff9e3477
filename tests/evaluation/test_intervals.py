"""Intervals of every coefficient cover a truth known in closed form, and one known by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.evaluation.correlation import Variable, influence, observed_pairs, weighted_correlation
from bgs.evaluation.intervals import (
    FURTHER,
    SPEARMAN,
    Coefficient,
    interval_over_clips,
    interval_over_pairs,
)
from bgs.evaluation.rsa import rsa
from bgs.rdm import RDM

RHO = 0.4
# Of two normal variables with Pearson correlation rho (Kruskal 1958).
TRUTH = {
    "spearman": 6 / np.pi * np.arcsin(RHO / 2),
    "kendall_tau_a": 2 / np.pi * np.arcsin(RHO),
    "pearson": RHO,
    "spearman_count_weighted": 6 / np.pi * np.arcsin(RHO / 2),
    "pearson_count_weighted": RHO,
}
COEFFICIENTS = (SPEARMAN, *FURTHER)


def normal_pairs(clips: int, *, seed: int) -> tuple[RDM, RDM]:
    """Two RDMs whose pairs are independent draws of correlated normals, seen one to nine times."""
    rng = np.random.default_rng([seed, 5])
    count = clips * (clips - 1) // 2
    first, noise = rng.normal(size=(2, count))
    second = RHO * first + np.sqrt(1 - RHO**2) * noise
    ids = tuple(f"c{place}" for place in range(clips))
    counts = rng.integers(1, 10, count).astype(float)
    return (
        RDM.from_condensed(ids, first + 10),
        RDM.from_condensed(ids, second + 10, counts=counts),
    )


@pytest.mark.parametrize("over", [interval_over_clips, interval_over_pairs])
def test_coverage_of_a_closed_form(over):
    """200 fresh sets of 16 clips. Pairs are independent, so that both ways of resampling are right."""
    covered = dict.fromkeys(TRUTH, 0)
    for seed in range(200):
        pairs = observed_pairs(*normal_pairs(16, seed=seed))
        for each in COEFFICIENTS:
            low, high = over(each, pairs, num_bootstrap=150, seed=seed)
            covered[each.name] += low <= TRUTH[each.name] <= high
    assert {name: n for name, n in covered.items() if not 180 <= n <= 197} == {}


def test_coverage_of_clips_with_a_geometry(new_world):
    """200 fresh sets of 30 clips whose pairs do share clips; the truth is the score on very many clips."""

    def blurred(world, seed):
        rng = np.random.default_rng([seed, 77])
        return RDM.from_embeddings(world.ids, world.latent + rng.normal(size=world.latent.shape))

    large = [new_world(120, seed=9000 + seed) for seed in range(10)]
    tables = [
        observed_pairs(blurred(world, seed), world.judge(20_000, seed=seed).rdm())
        for seed, world in enumerate(large)  # a pair is shown 8.4 times, here and below
    ]
    truth = {each.name: np.mean([each.of(table) for table in tables]) for each in FURTHER}
    covered = dict.fromkeys(truth, 0)
    for seed in range(200):
        world = new_world(30, seed=seed)
        pairs = observed_pairs(blurred(world, seed), world.judge(1218, seed=seed).rdm())
        for each in FURTHER:
            low, high = interval_over_clips(each, pairs, num_bootstrap=100, seed=seed)
            covered[each.name] += low <= truth[each.name] <= high
    assert {name: n for name, n in covered.items() if not 178 <= n <= 197} == {}


def test_spearman_is_the_interval_of_a_score(world, judgments):
    human = judgments.rdm()
    pairs = observed_pairs(world.rdm, human)
    options = {"num_bootstrap": 100, "seed": 3}
    assert rsa(world.rdm, human, **options).spearman_ci95 == interval_over_clips(
        SPEARMAN, pairs, **options
    )


def test_equal_counts_weigh_nothing():
    model, human = normal_pairs(12, seed=0)
    equal = RDM.from_condensed(human.ids, human.dissimilarities, counts=np.full(66, 4.0))
    pairs = observed_pairs(model, equal)
    for plain, weighted in ((SPEARMAN, FURTHER[2]), (FURTHER[1], FURTHER[3])):
        assert weighted.of(pairs) == pytest.approx(plain.of(pairs), abs=1e-12)
        for over in (interval_over_clips, interval_over_pairs):
            first, second = (over(each, pairs, num_bootstrap=100) for each in (plain, weighted))
            assert first == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize("ranks", [True, False])
def test_weighted_influence_is_the_derivative(ranks):
    rng = np.random.default_rng(8)
    counts = rng.integers(1, 9, 40).astype(float)
    sides = [Variable(rng.integers(0, 9, 40).astype(float), ranks=ranks) for _ in range(2)]
    pull = influence(*sides, counts=counts)
    step = 1e-6
    above, below = (
        weighted_correlation(*sides, counts[:, None] * (1 + sign * step * np.eye(40)))
        for sign in (1, -1)
    )
    np.testing.assert_allclose(pull, (above - below) / (2 * step), atol=1e-6)


def test_a_coefficient_of_a_model_equal_to_people_is_one(world):
    truth = world.expected_rdm()
    pairs = observed_pairs(truth, truth)
    for each in COEFFICIENTS:
        assert each.of(pairs) == pytest.approx(1.0)
        assert interval_over_clips(each, pairs, num_bootstrap=100) == pytest.approx((1.0, 1.0))


def test_names_are_those_of_the_results():
    assert [each.name for each in COEFFICIENTS] == list(TRUTH)
    assert Coefficient("x", "pearson").weighted is False
