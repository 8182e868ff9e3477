"""A choice model that is true is calibrated, its temperature is found, and guessing scores log(1/3)."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.calibration import CHANCE, calibrate, choice_probabilities, fit_temperature
from bgs.rdm import RDM


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_temperature_people_use_is_found(new_world, temperature):
    world = new_world(24, temperature=temperature)
    assert fit_temperature(world.rdm, world.judge(8000, seed=0)) == pytest.approx(
        temperature, rel=0.08
    )


def test_the_truth_is_calibrated_and_an_overconfident_model_is_not(new_world):
    world = new_world(24, temperature=0.3)
    judgments = world.judge(10_000, seed=1)
    true = calibrate(world.rdm, judgments, temperature=0.3, num_bootstrap=100)
    sure = calibrate(world.rdm, judgments, temperature=0.05, num_bootstrap=0)
    assert true.expected_error < 0.02
    assert sure.expected_error > 0.1
    assert true.log_likelihood > sure.log_likelihood
    assert CHANCE < true.ci95[0] < true.log_likelihood < true.ci95[1] < 0
    assert sure.ci95 is None
    assert [b.num_judgments for b in true.curve] == [1000] * 10
    confidence = [b.confidence for b in true.curve]
    assert confidence == sorted(confidence)


def test_the_fitted_temperature_is_the_likeliest(world, judgments):
    noise = np.random.default_rng(8).normal(size=world.latent.shape)
    model = RDM.from_embeddings(world.ids, world.latent + noise)
    best = fit_temperature(model, judgments)
    at = [
        calibrate(model, judgments, temperature=best * f, num_bootstrap=0).log_likelihood
        for f in (0.5, 1.0, 2.0)
    ]
    assert max(at) == at[1]
    assert at[1] > CHANCE


def test_a_model_that_knows_nothing_learns_to_guess(judgments, new_world):
    model = new_world(24, seed=5).rdm
    guess = calibrate(
        model, judgments, temperature=fit_temperature(model, judgments), num_bootstrap=0
    )
    assert guess.log_likelihood == pytest.approx(CHANCE, abs=0.002)


def test_probabilities_by_hand():
    half = choice_probabilities(np.array([[0.0, 0.0, 1e9]]), temperature=1.0)
    np.testing.assert_allclose(half, [[0.5, 0.5, 0.0]])
    third = choice_probabilities(np.array([[1.0, 1.0, 1.0]]), temperature=1e-3)
    np.testing.assert_allclose(third, 1 / 3)
    with pytest.raises(DataError, match=r"^temperature is 0; use a number above 0$"):
        choice_probabilities(np.ones((1, 3)), temperature=0.0)


def test_certain_and_wrong_is_finite(world, judgments):
    assert np.isfinite(
        calibrate(world.rdm, judgments, temperature=1e-4, num_bootstrap=0).log_likelihood
    )
