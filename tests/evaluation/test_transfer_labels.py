"""Neighbours and probes know separable labels, stay at chance on noise, and count every clip once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from bgs.errors import DataError
from bgs.evaluation.transfer_labels import (
    LabelScore,
    cross_validated_probe,
    neighbour_score,
    paired_change,
    predict_labels,
    transferred_probe,
    wilson_interval,
)
from bgs.rdm import RDM

LABELS = np.repeat([0, 1, 2], 20)


def clouds(rng, *, apart: float, width: int = 6) -> np.ndarray:
    return apart * np.eye(3, width)[LABELS] + rng.normal(size=(60, width))


def rdm_of(matrix: np.ndarray) -> RDM:
    return RDM.from_embeddings([str(k) for k in range(len(matrix))], matrix)


@pytest.mark.parametrize(("hits", "trials"), [(0, 60), (17, 60), (30, 40), (60, 60)])
def test_wilson_is_that_of_scipy(hits, trials):
    known = binomtest(hits, trials).proportion_ci(method="wilson")
    assert wilson_interval(hits, trials) == pytest.approx((known.low, known.high), abs=1e-12)


def test_neighbours_by_hand():
    # On a circle: two of label 0 close together, two of label 1 close together, a stray 1 among the zeros.
    angle = np.deg2rad([0, 2, 90, 92, 1])
    rdm = rdm_of(np.column_stack([np.cos(angle), np.sin(angle)]))
    score = neighbour_score(rdm, np.array([0, 0, 1, 1, 1]), num_neighbours=1, num_permutations=0)
    assert score.correct.tolist() == [0, 0, 1, 1, 0]
    assert score.p is None
    # With two neighbours the votes of clip 2 are 1 (label 1) against 1 (label 1 or 0): the nearer decides.
    pair = neighbour_score(rdm, np.array([0, 0, 1, 1, 1]), num_neighbours=2, num_permutations=0)
    assert pair.correct[2] == pair.correct[3] == 1


def test_separable_and_noise():
    rng = np.random.default_rng(0)
    clear, noise = clouds(rng, apart=9.0), rng.normal(size=(60, 6))
    assert neighbour_score(rdm_of(clear), LABELS).accuracy > 0.95
    assert neighbour_score(rdm_of(clear), LABELS).p == pytest.approx(1 / 1001)
    assert cross_validated_probe(clear, LABELS, num_repeats=2).accuracy > 0.95
    assert transferred_probe(clear, LABELS, clouds(rng, apart=9.0), LABELS).accuracy > 0.95
    assert neighbour_score(rdm_of(noise), LABELS).p > 0.01
    low, high = cross_validated_probe(noise, LABELS, num_repeats=2).ci95
    assert low <= 1 / 3 <= high


def test_p_of_noise_is_uniform():
    rng = np.random.default_rng(1)
    p = [
        neighbour_score(rdm_of(rng.normal(size=(60, 5))), LABELS, num_permutations=99, seed=k).p
        for k in range(150)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.12
    assert 0.4 <= np.mean(p) <= 0.62


def test_a_probe_reaches_the_accuracy_that_is_there():
    # Two classes one unit either side of 0 on one axis: nobody can do better than Phi(1).
    rng = np.random.default_rng(2)
    labels = np.tile([0, 1], 400)
    matrix = rng.normal(size=(800, 4))
    matrix[:, 0] += 2.0 * labels - 1.0
    found = transferred_probe(matrix[:400], labels[:400], matrix[400:], labels[400:])
    assert found.ci95[0] <= norm.cdf(1.0) <= found.ci95[1]
    assert found.p == pytest.approx(1 / 1001)


def test_repeats_do_not_narrow_the_interval():
    rng = np.random.default_rng(3)
    matrix = clouds(rng, apart=1.5)
    once = cross_validated_probe(matrix, LABELS, num_repeats=1)
    often = cross_validated_probe(matrix, LABELS, num_repeats=4)
    widths = [high - low for low, high in (once.ci95, often.ci95)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)
    assert set(np.unique(once.correct)) <= {0.0, 1.0}
    assert np.allclose(often.correct * 4, np.round(often.correct * 4))


def test_wilson_over_clips_covers_a_cross_validated_truth():
    # What a probe of this size reaches on average is found from many data sets; its intervals should hold it.
    rng = np.random.default_rng(4)
    scores = [
        cross_validated_probe(clouds(rng, apart=1.6, width=3), LABELS, num_repeats=1)
        for _ in range(20)
    ]
    truth = np.mean([score.accuracy for score in scores])
    assert np.mean([s.ci95[0] <= truth <= s.ci95[1] for s in scores]) >= 0.85


def test_turning_the_space_changes_nothing():
    rng = np.random.default_rng(5)
    matrix = clouds(rng, apart=2.0)
    train, test = np.arange(60) % 3 > 0, np.arange(60) % 3 == 0
    matrix = (matrix - matrix[train].mean(axis=0)) / matrix[train].std(axis=0)
    padded = np.hstack([matrix, np.ones((60, 100))])  # columns that never vary
    plain = predict_labels(matrix[train], LABELS[train], matrix[test])
    assert np.array_equal(plain, predict_labels(padded[train], LABELS[train], padded[test]))


def test_differences_are_paired():
    same = LabelScore.of(np.tile([1.0, 0.0], 30), p=None)
    assert paired_change(same, same) == (0.0, (0.0, 0.0))
    better = LabelScore.of(np.tile([1.0, 1.0, 1.0, 0.0], 15), p=None)
    value, (low, high) = paired_change(same, better)
    assert value == pytest.approx(0.25)
    # A change of 1 on a quarter of 60 clips: the interval of such a share.
    reach = 1.96 * np.sqrt(0.25 * 0.75 / 60)
    assert (low, high) == pytest.approx((0.25 - reach, 0.25 + reach), abs=0.03)
    assert paired_change(same, better, num_bootstrap=0) == (value, None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: neighbour_score(rdm_of(m), LABELS, num_neighbours=60),
            "60 neighbours among 60 clips; ask for 1 to 59",
        ),
        (
            lambda m: cross_validated_probe(m, np.r_[np.full(57, 1), 0, 0, 0]),
            "a label has fewer than 5 clips; bring 5 clips a label or more, or fit the probe on",
        ),
        (
            lambda m: transferred_probe(m[:, :2], LABELS, m, LABELS),
            "embeddings of the main set are 2 wide, those tested 6; embed both with one model",
        ),
        (lambda m: cross_validated_probe(m, LABELS[:-1]), "labels have shape (59,) for 60 clips"),
        (lambda m: cross_validated_probe(m, LABELS * 0), "all clips have one label; bring two"),
    ],
)
def test_what_cannot_be_asked(call, message):
    with pytest.raises(DataError) as caught:
        call(np.random.default_rng(0).normal(size=(60, 6)))
    assert str(caught.value).startswith(message)
