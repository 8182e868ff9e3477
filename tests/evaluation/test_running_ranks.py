"""The fast correlation of ranks is the definition, to the bit; several models share their draws and lose nothing."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.bootstrap import draw_clips
from bgs.evaluation.correlation import Variable, observed_pairs, weighted_correlation
from bgs.evaluation.intervals import SPEARMAN, interval_over_clips
from bgs.evaluation.leaderboard import rank_models
from bgs.evaluation.odd_one_out import odd_one_out, odd_one_outs
from bgs.evaluation.permutation import permutation_p, permuted_correlations
from bgs.evaluation.relabelling import chance_levels, relabelled_correlations
from bgs.evaluation.resampled import resample_models
from bgs.evaluation.rsa import rsa, score_resampled
from bgs.evaluation.running_ranks import RankedModel, WeightedPairs
from bgs.rdm import RDM


@pytest.fixture(scope="module")
def models(world):
    """Four models without ties, and one that knows only five distances."""
    rng = np.random.default_rng(7)
    noisy = [
        RDM.from_embeddings(world.ids, world.latent + k * rng.normal(size=world.latent.shape))
        for k in range(4)
    ]
    coarse = RDM.from_condensed(world.ids, np.round(noisy[1].dissimilarities * 2) / 2)
    return [*noisy, coarse]


@pytest.mark.parametrize("num_clips", [4, 10, 11, 40, 97])
@pytest.mark.parametrize("levels", [None, 6, 2])
def test_every_sample_is_the_definition_to_the_bit(num_clips, levels):
    """Few and many pairs, so that there are one strip and many, with and without padding and ties."""
    rng = np.random.default_rng(num_clips)
    first, second = np.triu_indices(num_clips, k=1)
    count = len(first)
    model = rng.random(count) if levels is None else rng.integers(levels, size=count) / levels
    human = rng.integers(9, size=count) / 9
    drawn = rng.integers(0, 4, size=(num_clips, 20)).astype(float)
    weights = drawn[first] * drawn[second]
    found = WeightedPairs(weights, Variable(human).centred(weights)).correlate(
        RankedModel.of(model)
    )
    expected = weighted_correlation(Variable(model), Variable(human), weights)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=0, nan_ok=True)


def test_a_sample_in_which_nothing_varies_is_undefined():
    weights = np.array([[2.0, 1, 0], [0, 1, 0], [0, 1, 0]])
    people = Variable(np.array([0.1, 0.5, 0.3])).centred(weights)
    found = WeightedPairs(weights, people).correlate(RankedModel.of(np.array([3.0, 1.0, 2.0])))
    assert np.isnan(found).tolist() == [True, False, True]
    assert found[1] == -1.0


def test_one_kind_of_sample_serves_models_with_and_without_ties(models, judgments):
    human = judgments.rdm()
    pairs = [observed_pairs(model, human) for model in models]
    draws = draw_clips(24, num_bootstrap=100, seed=0)[:, :3]
    weights = draws[pairs[0].members[:, 0]] * draws[pairs[0].members[:, 1]]
    sample = WeightedPairs(weights, Variable(pairs[0].human).centred(weights))
    for table in (*pairs, *reversed(pairs)):
        expected = weighted_correlation(Variable(table.model), Variable(table.human), weights)
        assert sample.correlate(RankedModel.of(table.model)).tolist() == expected.tolist()


def test_together_and_alone_are_the_same_to_the_bit(models, judgments):
    human, options = judgments.rdm(), {"num_bootstrap": 150, "seed": 3}
    resampled = resample_models(models, human, **options)
    assert repr(resampled) == "Resampled(5 models, 24 clips, 150 samples)"
    accuracies = odd_one_outs(models, judgments, **options)
    for place, model in enumerate(models):
        together = score_resampled(resampled, place)
        assert together == rsa(model, human, **options)
        pairs = observed_pairs(model, human)
        assert together.spearman_ci95 == interval_over_clips(SPEARMAN, pairs, **options)
        assert accuracies[place] == odd_one_out(model, judgments, **options)
    without = odd_one_outs(models[:1], judgments, num_bootstrap=0)[0]
    assert (without.three_way, without.ci95) == (accuracies[0].three_way, None)


def test_a_leaderboard_reads_what_was_drawn_before(models, judgments):
    human, options = judgments.rdm(), {"num_bootstrap": 150, "seed": 3}
    named = {f"m{place}": model for place, model in enumerate(models)}
    drawn = resample_models(models, human, **options)
    ranked = {"num_permutations": 100, **options}
    assert rank_models(named, human, resampled=drawn, **ranked) == rank_models(
        named, human, **ranked
    )
    with pytest.raises(DataError) as caught:
        rank_models(named, human, resampled=drawn, num_permutations=100, num_bootstrap=150, seed=4)
    assert str(caught.value) == (
        "models, samples and seed of the draws are (5, 150, 3), those asked for (5, 150, 4); "
        "rank what was resampled, or leave `resampled` out"
    )
    with pytest.raises(DataError, match="no model to score; pass one model or more"):
        resample_models([], human)


@pytest.mark.parametrize("num_judgments", [40, 400])
def test_relabelling_people_is_relabelling_the_model(models, judgments, num_judgments):
    """With pairs that nobody judged, and with (nearly) all judged."""
    human = judgments.select(np.arange(num_judgments)).rdm()
    null = relabelled_correlations(models, human, num_permutations=100, seed=5)
    for model, row in zip(models, null, strict=True):
        expected = permuted_correlations(model, human, num_permutations=100, seed=5)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-15)
    levels = chance_levels(models, human, num_permutations=100, seed=5)
    alone = [permutation_p(model, human, num_permutations=100, seed=5) for model in models]
    assert levels == alone


def test_chance_says_what_it_cannot_do(models, judgments):
    with pytest.raises(DataError, match=r"^99 permutations cannot tell a p of 0.05"):
        chance_levels(models, judgments.rdm(), num_permutations=99)
    holes = models[0].dissimilarities.copy()
    human = judgments.select(np.arange(30)).rdm()
    holes[np.flatnonzero(~human.observed)[0]] = np.nan
    with pytest.raises(DataError, match="unobserved pairs, which a relabelling would bring in"):
        chance_levels([RDM.from_condensed(models[0].ids, holes)], human)
