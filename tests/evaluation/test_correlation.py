"""Correlations against scipy, copies and derivatives; bad geometries against their exact message."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, spearmanr

from bgs.errors import DataError
from bgs.evaluation.correlation import (
    Variable,
    correlate,
    influence,
    kendall_tau_a,
    observed_pairs,
    weighted_correlation,
)
from bgs.rdm import RDM

IDS = tuple("abcdefgh")
PAIRS = 28


@pytest.fixture
def tied() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 6, PAIRS).astype(float)
    return first, first * 0.3 + rng.integers(0, 4, PAIRS)


@pytest.fixture
def rdms(tied) -> tuple[RDM, RDM]:
    human = tied[1].copy()
    human[[2, 11]] = np.nan
    return RDM.from_condensed(IDS, tied[0]), RDM.from_condensed(IDS, human)


def test_each_method_is_scipys_on_observed_pairs(rdms):
    model, human = rdms
    seen = human.observed
    x, y = model.dissimilarities[seen], human.dissimilarities[seen]
    assert correlate(model, human) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert correlate(model, human, method="pearson") == pytest.approx(
        pearsonr(x, y).statistic, abs=1e-12
    )
    assert -1 <= correlate(model, human, method="kendall") <= 1


def test_kendall_is_tau_a_by_its_definition(tied):
    first, second = tied
    signs = np.sign(first[:, None] - first) * np.sign(second[:, None] - second)
    assert kendall_tau_a(first, second) == pytest.approx(
        signs.sum() / (PAIRS * (PAIRS - 1)), abs=1e-12
    )
    order = np.arange(10.0)
    assert kendall_tau_a(order, order) == pytest.approx(kendalltau(order, order).statistic)


def test_a_whole_weight_is_that_many_copies(tied):
    first, second = tied
    weights = np.random.default_rng(0).integers(0, 4, PAIRS)
    copies = spearmanr(np.repeat(first, weights), np.repeat(second, weights)).statistic
    got = weighted_correlation(Variable(first), Variable(second), weights[:, None].astype(float))
    assert got[0] == pytest.approx(copies, abs=1e-12)


def test_counts_as_weights(tied):
    counts = np.random.default_rng(1).integers(1, 5, PAIRS)
    human = RDM.from_condensed(IDS, tied[1], counts=counts)
    expected = spearmanr(np.repeat(tied[0], counts), np.repeat(tied[1], counts)).statistic
    got = correlate(RDM.from_condensed(IDS, tied[0]), human, weighted=True)
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("ranks", [True, False])
def test_influence_is_the_derivative(tied, ranks):
    first, second = (Variable(values, ranks=ranks) for values in tied)
    pull = influence(first, second)
    assert pull.sum() == pytest.approx(0, abs=1e-12)
    at_one = weighted_correlation(first, second, np.ones((PAIRS, 1)))[0]
    nudged = np.ones((PAIRS, PAIRS)) + np.eye(PAIRS) * 1e-6
    slope = (weighted_correlation(first, second, nudged) - at_one) / 1e-6
    np.testing.assert_allclose(slope, pull, atol=1e-6)


@given(order=st.permutations(range(8)))
@settings(max_examples=25, deadline=None)
def test_position_means_nothing(order):
    rng = np.random.default_rng(5)
    model = RDM.from_condensed(IDS, rng.random(PAIRS))
    human = RDM.from_condensed(IDS, rng.random(PAIRS))
    shuffled = model.restrict([IDS[place] for place in order])
    assert correlate(shuffled, human) == pytest.approx(correlate(model, human), abs=1e-12)


def test_relabelling_both_changes_nothing_and_one_is_caught(rdms):
    model, human = rdms
    names = dict(zip(IDS, "stuvwxyz", strict=True))
    renamed = [RDM(tuple(names[i] for i in r.ids), r.dissimilarities, r.counts) for r in rdms]
    assert correlate(*renamed) == correlate(model, human)
    with pytest.raises(
        DataError, match=r"^clip 's' is not in this RDM of 8 clips \(nor are 7 others\)"
    ):
        correlate(model, renamed[1])


def test_a_model_may_know_more_clips(rdms):
    model, human = rdms
    few = human.restrict(IDS[:6])
    assert correlate(model, few) == correlate(model.restrict(IDS[:6]), few)
    assert repr(observed_pairs(model, few)).startswith("PairTable(6 clips, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "constant model",
            "the model RDM gives every observed pair the same dissimilarity (1); "
            "check that the embeddings differ between clips",
        ),
        (
            "constant human",
            "the human RDM gives every observed pair the same dissimilarity (1); "
            "check that the embeddings differ between clips",
        ),
        (
            "model lacks a pair",
            "the model has no dissimilarity for clips 'a' and 'b', which people judged; "
            "give the model every clip in the comparison",
        ),
        (
            "nothing observed",
            "0 observed pairs of clips are too few to correlate; bring judgments that cover 3 pairs or more",
        ),
    ],
)
def test_what_cannot_be_correlated_is_said_in_one_line(change, message):
    model, human = np.arange(float(PAIRS)), np.arange(float(PAIRS))
    if change == "constant model":
        model[:] = 1.0
    elif change == "constant human":
        human[:] = 1.0
    elif change == "model lacks a pair":
        model[0] = np.nan
    else:
        human[:] = np.nan
    with pytest.raises(DataError) as caught:
        correlate(RDM.from_condensed(IDS, model), RDM.from_condensed(IDS, human))
    assert str(caught.value) == message


def test_unknown_and_unweighted_methods(rdms):
    with pytest.raises(
        DataError, match=r"^unknown correlation 'tau'; choose one of spearman, pearson, kendall$"
    ):
        correlate(*rdms, method="tau")
    with pytest.raises(
        DataError, match=r"^Kendall's tau-a has no weighted form here; weight Spearman or Pearson$"
    ):
        correlate(*rdms, method="kendall", weighted=True)
