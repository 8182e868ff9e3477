"""Weighted tau-a is the double loop over all copies, at every size and with every kind of tie."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from bgs.evaluation.correlation import kendall_tau_a
from bgs.evaluation.kendall import KendallTau


def variables(size: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two variables full of ties, the second with few values as people's dissimilarities have."""
    rng = np.random.default_rng([size, seed])
    return rng.integers(0, max(3, size // 3), size).astype(float), rng.integers(0, 5, size) / 4


@pytest.mark.parametrize("size", [3, 4, 7, 8, 9, 31, 64, 65, 200])
def test_it_is_the_naive_double_loop(size):
    first, second = variables(size)
    weights = np.random.default_rng(1).integers(0, 4, (size, 6)).astype(float)
    signs = np.sign(np.subtract.outer(first, first)) * np.sign(np.subtract.outer(second, second))
    naive = [w @ signs @ w / (w.sum() ** 2 - (w**2).sum()) for w in weights.T if np.sum(w > 0) > 1]
    found = KendallTau(first, second).under(weights)
    np.testing.assert_allclose(found[np.isfinite(found)], naive, atol=1e-12)


@pytest.mark.parametrize("size", [5, 50, 637])
def test_with_equal_weights_it_is_scipys(size):
    first, second = variables(size)
    tau = KendallTau(first, second).under(np.ones((size, 1)))[0]
    assert tau == pytest.approx(kendall_tau_a(first, second), abs=1e-12)
    free = np.random.default_rng(2).normal(size=(2, size))  # without ties tau-a is tau-b
    assert KendallTau(*free).under(np.ones((size, 1)))[0] == pytest.approx(
        kendalltau(*free).statistic, abs=1e-12
    )


def test_a_perfect_order_and_its_reverse():
    values = np.arange(20.0)
    weights = np.random.default_rng(3).integers(0, 3, (20, 8)).astype(float)
    np.testing.assert_allclose(KendallTau(values, values**3).under(weights), 1.0, atol=1e-12)
    np.testing.assert_allclose(KendallTau(values, -values).under(weights), -1.0, atol=1e-12)
    np.testing.assert_allclose(KendallTau(values, np.ones(20)).under(weights), 0.0, atol=1e-12)


@pytest.mark.parametrize("size", [6, 33, 100])
def test_influence_is_the_derivative(size):
    first, second = variables(size)
    tau = KendallTau(first, second)
    step = 1e-5
    above, below = (tau.under(np.ones((size, size)) + sign * step * np.eye(size)) for sign in (1, -1))  # fmt: skip
    np.testing.assert_allclose(tau.influence(), (above - below) / (2 * step), atol=1e-8)
    assert tau.influence().sum() == pytest.approx(0.0, abs=1e-12)
    assert repr(tau) == f"KendallTau({size} units)"
