"""The fitted geometry recovers a known one, the better the more judgments, and knows what it does not know."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import check_grad
from scipy.stats import spearmanr

from bgs.data import choice_model
from bgs.data.choice_model import choose_penalty, fit_choice_model, folds
from bgs.data.triplets import Triplets
from bgs.errors import DataError

NUM_CLIPS = 30
IDS = tuple(f"clip{i:02d}" for i in range(NUM_CLIPS))


def draw_truth(seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(NUM_CLIPS, 3))


def judge(points: NDArray[np.float64], *, judgments: int, seed: int) -> Triplets:
    """Simulated participants who choose by the model's own rule."""
    rng = np.random.default_rng(seed)
    clips = np.stack([rng.choice(NUM_CLIPS, size=3, replace=False) for _ in range(judgments)])
    similar = points @ points.T
    logits = choice_model._pair_logits(similar, clips)
    gumbel = rng.gumbel(size=logits.shape)
    return Triplets(ids=IDS, clips=clips, odd=(logits + gumbel).argmax(axis=1))


def true_dissimilarities(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return choice_model._expected_dissimilarities(points, thirds=np.arange(NUM_CLIPS))


def test_expected_dissimilarities_match_a_loop() -> None:
    points = draw_truth(0)[:5]
    similar = np.exp(points @ points.T)
    expected = []
    for i in range(5):
        for j in range(i + 1, 5):
            stay = [
                similar[i, j] / (similar[i, j] + similar[i, k] + similar[j, k])
                for k in range(5)
                if k not in (i, j)
            ]
            expected.append(1 - np.mean(stay))
    assert np.allclose(
        choice_model._expected_dissimilarities(points, thirds=np.arange(5)), expected
    )


def test_the_gradient_is_that_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = {}

    def spy(loss, start, **_kwargs):  # type: ignore[no-untyped-def]
        captured["loss"] = loss
        return type("Found", (), {"x": start})

    monkeypatch.setattr(choice_model, "minimize", spy)
    triplets = judge(draw_truth(1), judgments=60, seed=1)
    weights = np.random.default_rng(0).exponential(size=60)
    start = np.random.default_rng(1).normal(size=(NUM_CLIPS, 3))
    choice_model._maximise(
        triplets, start, weights=weights, penalty=0.7, max_iterations=1, anchor=start[::-1]
    )
    loss = captured["loss"]
    error = check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], start.ravel())
    assert error < 1e-4 * np.linalg.norm(loss(start.ravel())[1])


def test_recovery_improves_with_judgments() -> None:
    points = draw_truth(2)
    truth = true_dissimilarities(points)
    agreement = []
    for judgments in (100, 400, 1_600, 6_400):
        triplets = judge(points, judgments=judgments, seed=judgments)
        fitted = fit_choice_model(triplets, dim=3, penalty=1.0, num_refits=0)
        agreement.append(spearmanr(fitted.rdm.dissimilarities, truth).statistic)
    assert agreement == sorted(agreement)
    assert agreement[0] > 0.3
    assert agreement[-1] > 0.97
    assert np.abs(fitted.rdm.dissimilarities - truth).mean() < 0.03


def test_unobserved_pairs_are_filled_in_with_an_honest_error() -> None:
    points = draw_truth(3)
    truth = true_dissimilarities(points)
    triplets = judge(points, judgments=500, seed=3)
    fitted = fit_choice_model(triplets, dim=3, penalty=1.0, num_refits=20)
    unseen = fitted.rdm.counts == 0
    assert unseen.sum() > 5
    assert fitted.rdm.num_pairs == len(truth)
    raw = triplets.rdm()
    seen = ~unseen
    assert np.isnan(raw.dissimilarities[unseen]).all()
    better = np.mean((fitted.rdm.dissimilarities - truth)[seen] ** 2)
    assert better < 0.4 * np.mean((raw.dissimilarities - truth)[seen] ** 2)
    scores = (fitted.rdm.dissimilarities - truth) / fitted.standard_errors
    assert 0.85 < np.mean(np.abs(scores) < 1.96) <= 1.0
    assert np.mean(np.abs(scores[unseen]) < 1.96) > 0.8
    # Errors shrink with judgments.
    more = fit_choice_model(
        judge(points, judgments=4_000, seed=4), dim=3, penalty=1.0, num_refits=10
    )
    assert np.median(more.standard_errors) < 0.6 * np.median(fitted.standard_errors)


def test_probabilities_and_surprise() -> None:
    points = draw_truth(5)
    triplets = judge(points, judgments=3_000, seed=5)
    fitted = fit_choice_model(triplets, dim=3, penalty=1.0, num_refits=0)
    chances = fitted.probabilities(triplets)
    assert np.allclose(chances.sum(axis=1), 1)
    picked = chances[np.arange(len(triplets)), triplets.odd]
    assert fitted.surprise(triplets) == pytest.approx(-np.log(picked).mean())
    assert fitted.log_likelihood == pytest.approx(-fitted.surprise(triplets))
    # Calibrated on new judgments: what it gives 60-80 % happens about that often.
    new = judge(points, judgments=4_000, seed=6)
    top = fitted.probabilities(new).max(axis=1)
    right = fitted.probabilities(new).argmax(axis=1) == new.odd
    sure = (top > 0.6) & (top < 0.8)
    assert right[sure].mean() == pytest.approx(top[sure].mean(), abs=0.06)
    assert repr(fitted) == "FittedGeometry(30 clips, 3 dimensions, penalty 1)"


def test_a_clip_nobody_judged_has_no_place() -> None:
    triplets = judge(draw_truth(7), judgments=300, seed=7).without((IDS[4],))
    fitted = fit_choice_model(triplets, dim=2, num_refits=2)
    missing = np.isnan(fitted.rdm.square()).sum(axis=1) > 1
    assert [IDS[i] for i in np.flatnonzero(missing)] == [IDS[4]]
    inside = fit_choice_model(triplets, IDS[:10], dim=2, num_refits=0)
    assert inside.ids == IDS[:10]
    assert np.isnan(inside.standard_errors).all()
    with pytest.raises(DataError, match="judgments show clips that the geometry was not fitted to"):
        inside.probabilities(triplets)


def test_the_same_seed_gives_the_same_numbers() -> None:
    triplets = judge(draw_truth(8), judgments=200, seed=8)
    first, second = (fit_choice_model(triplets, dim=2, num_refits=3, seed=4) for _ in range(2))
    assert first.rdm == second.rdm
    assert np.array_equal(first.standard_errors, second.standard_errors)


def test_the_penalty_follows_the_amount_of_data() -> None:
    points = draw_truth(9)
    few = choose_penalty(judge(points, judgments=120, seed=9), penalties=(0.1, 3.0), dim=3)
    many = choose_penalty(judge(points, judgments=5_000, seed=9), penalties=(0.3, 100.0), dim=3)
    assert (few, many) == (3.0, 0.3)


def test_folds_keep_repeated_triads_together() -> None:
    triplets = judge(draw_truth(0)[:30], judgments=3_000, seed=0).restrict(IDS[:8])
    left_out = 0
    for fitted_on, fold in folds(triplets, num_folds=4, seed=0):
        left_out += len(fold)
        seen = set(map(tuple, np.sort(fitted_on.clips, axis=1).tolist()))
        assert not seen & set(map(tuple, np.sort(fold.clips, axis=1).tolist()))
    assert left_out == len(triplets)


def test_impossible_settings_are_refused() -> None:
    triplets = judge(draw_truth(0), judgments=20, seed=0)
    with pytest.raises(DataError, match="dim 0, penalty 4, num_refits 20; dim is 1 or more"):
        fit_choice_model(triplets, dim=0)
    with pytest.raises(DataError, match="there is no judgment to fit; check the ids"):
        fit_choice_model(triplets.select(np.zeros(20, dtype=bool)))


def test_many_clips_average_over_a_sample_of_thirds(monkeypatch: pytest.MonkeyPatch) -> None:
    triplets = judge(draw_truth(1), judgments=400, seed=1)
    full = fit_choice_model(triplets, dim=2, num_refits=0).rdm.dissimilarities
    monkeypatch.setattr(choice_model, "MOST_THIRDS", 20)
    sampled = fit_choice_model(triplets, dim=2, num_refits=0).rdm.dissimilarities
    assert np.abs(full - sampled).max() < 0.1
