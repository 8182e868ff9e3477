"""Permutation tests hold their level, find what is there, and correct as Holm does."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.bootstrap import correlations_without
from bgs.evaluation.correlation import Variable, correlate, influence, observed_pairs
from bgs.evaluation.permutation import holm, permutation_p, permuted_correlations, sign_flip_p
from bgs.rdm import RDM


def test_a_permutation_is_a_relabelling(world, judgments):
    human = judgments.select(np.arange(60)).rdm()
    null = permuted_correlations(world.rdm, human, num_permutations=100, seed=2)
    rng = np.random.default_rng(2)
    orders = rng.permuted(np.tile(np.arange(24), (100, 1)), axis=1)
    for place in (0, 7, 99):
        square = world.rdm.square()[np.ix_(orders[place], orders[place])]
        expected = correlate(RDM.from_square(world.ids, square), human)
        assert null[place] == pytest.approx(expected, abs=1e-12)


def test_level_against_people(new_world):
    """Models that know nothing: 5 % of p values below .05."""
    hits = 0
    for seed in range(400):
        human = new_world(14, seed=seed).judge(150, seed=seed).rdm()
        model = new_world(14, seed=9000 + seed).rdm
        hits += permutation_p(model, human, num_permutations=100, seed=9000 + seed) <= 0.05
    assert 0.03 <= hits / 400 <= 0.07


def test_truth_is_found_and_permuted_labels_are_caught(world, judgments):
    human = judgments.rdm()
    assert permutation_p(world.rdm, human, num_permutations=199) == pytest.approx(1 / 200)
    order = np.random.default_rng(0).permutation(world.ids)
    wrong = RDM(tuple(order), world.rdm.dissimilarities, world.rdm.counts)
    assert permutation_p(wrong, human, num_permutations=199) > 0.05


def _difference(models, human):
    """What `sign_flip_p` asks for: change without each clip, influence of each pair, the difference itself."""
    tables = [observed_pairs(model, human) for model in models]
    people, members = Variable(tables[0].human), tables[0].members
    pulls = [influence(Variable(table.model), people) for table in tables]
    without = correlations_without(
        [table.model for table in tables],
        tables[0].human,
        members=members,
        num_clips=len(human.ids),
    )
    difference = correlate(models[1], human) - correlate(models[0], human)
    return without[1] - without[0] - difference, pulls[1] - pulls[0], difference


def test_level_between_two_equally_good_models(new_world):
    hits = 0
    for seed in range(400):
        world = new_world(40, seed=seed)
        rng = np.random.default_rng([seed, 8])
        models = [
            RDM.from_embeddings(world.ids, world.latent + rng.normal(size=world.latent.shape))
            for _ in range(2)
        ]
        p = sign_flip_p(
            *_difference(models, world.judge(1000, seed=seed).rdm()),
            num_permutations=200,
            seed=seed,
        )
        hits += p <= 0.05
    assert 0.03 <= hits / 400 <= 0.07


def test_a_real_difference_is_found(world, judgments, new_world):
    deviations, pull, difference = _difference(
        (new_world(24, seed=99).rdm, world.rdm), judgments.rdm()
    )
    assert sign_flip_p(deviations, pull, difference) < 0.01
    assert sign_flip_p(0 * deviations, 0 * pull, 0.0) == 1.0


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9])), [1.0, 1.0])
    assert len(holm(np.array([]))) == 0


def test_what_cannot_be_permuted(world, judgments):
    with pytest.raises(
        DataError, match=r"^99 permutations cannot tell a p of 0\.05; use 100 or more$"
    ):
        permutation_p(world.rdm, judgments.rdm(), num_permutations=99)
    values = world.rdm.dissimilarities.copy()
    human = judgments.rdm().dissimilarities.copy()
    values[0] = human[0] = np.nan
    message = (
        r"^the model's RDM has unobserved pairs, which a relabelling would bring in; "
        r"permute only models that know every pair$"
    )
    with pytest.raises(DataError, match=message):
        permutation_p(RDM.from_condensed(world.ids, values), RDM.from_condensed(world.ids, human))
