"""Shrinkage: the closed form, the prior recovered from counts, and a smaller error than raw proportions."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.data.estimators import BetaPrior, fit_prior, shrunk_rdm
from bgs.data.triplets import Triplets
from bgs.errors import DataError


def test_closed_form_and_missing_pairs() -> None:
    clips = np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2]])
    triplets = Triplets(ids=("a", "b", "c", "d"), clips=clips, odd=np.array([2, 2, 0]))
    rdm = shrunk_rdm(triplets, prior=BetaPrior(1, 2))
    # a and b stayed twice in three, b and c once, a and c never; d was not shown.
    assert np.allclose(rdm.dissimilarities[[0, 1, 3]], [1 - 3 / 6, 1 - 1 / 6, 1 - 2 / 6])
    assert np.isnan(rdm.dissimilarities[[2, 4, 5]]).all()
    assert rdm.counts.tolist() == triplets.rdm().counts.tolist()


def test_the_prior_is_recovered() -> None:
    rng = np.random.default_rng(1)
    shown = rng.integers(1, 12, size=20_000).astype(float)
    together = rng.binomial(shown.astype(int), rng.beta(1.5, 3.0, size=20_000)).astype(float)
    prior = fit_prior(together, shown)
    assert prior.together == pytest.approx(1.5, rel=0.06)
    assert prior.apart == pytest.approx(3.0, rel=0.06)
    assert prior.mean == pytest.approx(1 / 3, abs=0.01)


def test_shrinking_brings_sparse_proportions_closer_to_the_truth() -> None:
    rng = np.random.default_rng(2)
    truth = rng.beta(1.5, 3.0, size=4_000)
    shown = rng.integers(1, 4, size=truth.size).astype(float)
    together = rng.binomial(shown.astype(int), truth).astype(float)
    prior = fit_prior(together, shown)
    shrunk = (together + prior.together) / (shown + prior.strength)
    raw = together / shown
    assert np.mean((shrunk - truth) ** 2) < 0.3 * np.mean((raw - truth) ** 2)


def test_pairs_that_are_all_alike_make_a_strong_prior() -> None:
    rng = np.random.default_rng(3)
    shown = np.full(5_000, 4.0)
    prior = fit_prior(rng.binomial(4, 1 / 3, size=5_000).astype(float), shown)
    assert prior.strength > 50
    assert prior.mean == pytest.approx(1 / 3, abs=0.01)


def test_impossible_priors_are_refused() -> None:
    with pytest.raises(DataError, match=r"Beta\(0, 1\) is no prior; both are above 0"):
        BetaPrior(0, 1)
    with pytest.raises(DataError, match="no pair was shown, so there is no prior to fit"):
        fit_prior(np.zeros(3), np.zeros(3))
