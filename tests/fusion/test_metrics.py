"""Metrics against cases worked by hand, and against scikit-learn where it has them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from bgs.errors import DataError
from bgs.fusion import metrics

TRUTH = ["a", "a", "b", "b", "b", "c"]
PICKED = ["a", "b", "b", "b", "a", "c"]


def test_accuracy_counts_right_answers():
    assert metrics.accuracy(PICKED, TRUTH) == pytest.approx(4 / 6)


def test_macro_f1_by_hand_and_by_scikit_learn():
    # a: precision 1/2, recall 1/2; b: 2/3 and 2/3; c: 1 and 1
    assert metrics.macro_f1(PICKED, TRUTH) == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert metrics.macro_f1(PICKED, TRUTH) == f1_score(TRUTH, PICKED, average="macro")


def test_recalls_leave_out_labels_nobody_gave():
    found = metrics.recalls(PICKED, TRUTH, ["a", "b", "c", "d"])
    assert found == {"a": pytest.approx(1 / 2), "b": pytest.approx(2 / 3), "c": 1.0}


def test_average_precision_by_hand():
    # Ranked 0.9 (yes), 0.8 (no), 0.7 (yes), 0.1 (no): precision 1 at the first, 2/3 at the second.
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])
    truth = ["yes", "no", "yes", "no"]
    found = metrics.average_precisions(scores, truth, ["yes", "no"])
    assert found["yes"] == pytest.approx((1 + 2 / 3) / 2)
    # Ranked for "no": 0.9 (no), 0.3 (yes), 0.2 (no): precision 1, then 2/3.
    assert found["no"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.mean_average_precision(scores, truth, ["yes", "no"]) == pytest.approx(5 / 6)


def test_average_precision_of_chance_is_the_share_of_the_label():
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(20_000) < 0.3, "yes", "no").tolist()
    found = metrics.average_precisions(rng.random((20_000, 2)), truth, ["yes", "no"])
    assert found["yes"] == pytest.approx(0.3, abs=0.015)


def test_scores_must_fit_the_examples():
    with pytest.raises(DataError, match=r"scores of shape \(2, 3\) for 2 examples and 2 labels"):
        metrics.average_precisions(np.zeros((2, 3)), ["a", "b"], ["a", "b"])


def test_concordance_by_hand():
    truth, shifted = np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])
    assert metrics.concordance(truth, truth) == 1.0
    # cov = var = 2/3, means 1 apart: 2 * 2/3 / (2/3 + 2/3 + 1)
    assert metrics.concordance(shifted, truth) == pytest.approx((4 / 3) / (7 / 3))
    assert metrics.concordance(-truth, truth - 4) == pytest.approx(-1.0)  # mirrored about its mean
    assert metrics.concordance([0.5, 0.5], [0.5, 0.5]) == 1.0
    assert metrics.concordance([0.5, 0.5], [0.0, 1.0]) == 0.0


def test_heatmap_auc_by_hand():
    grid = np.array([[0.9, 0.1], [0.5, 0.3]])
    assert metrics.heatmap_auc(grid, [(0.2, 0.2)]) == 1.0
    assert metrics.heatmap_auc(grid, [(0.8, 0.2)]) == 0.0
    assert metrics.heatmap_auc(np.ones((4, 4)), [(0.5, 0.5)]) == 0.5
    # Both raters: cells 0.9 and 0.3 against 0.1 and 0.5; of 4 comparisons 3 are right.
    assert metrics.heatmap_auc(grid, [(0.1, 0.1), (0.9, 0.9)]) == pytest.approx(3 / 4)


def test_heatmap_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    grid = rng.random((16, 24))
    points = [(float(x), float(y)) for x, y in rng.random((10, 2))]
    marked = np.zeros(grid.shape, dtype=int)
    for x, y in points:
        marked[int(y * 16), int(x * 24)] = 1
    expected = roc_auc_score(marked.ravel(), grid.ravel())
    assert metrics.heatmap_auc(grid, points) == pytest.approx(expected)


def test_a_point_on_the_far_edge_is_in_the_last_cell():
    assert metrics.heatmap_auc(np.array([[0.0, 1.0]]), [(1.0, 1.0)]) == 1.0


def test_distances_to_the_mean_and_to_the_nearest_rater():
    mean, nearest = metrics.point_distances((0.0, 0.0), [(0.3, 0.4), (0.9, 1.2)])
    assert mean == pytest.approx(1.0)  # to (0.6, 0.8)
    assert nearest == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("predicted", "degrees"), [((1.0, 0.5), 0), ((0.5, 1.0), 90), ((0.0, 0.5), 180), ((1, 1), 45)]
)
def test_angular_error_from_the_eye(predicted, degrees):
    points = [(0.9, 0.4), (0.9, 0.6)]
    assert metrics.angular_error((0.5, 0.5), predicted, points) == pytest.approx(degrees, abs=1e-6)


def test_a_gaze_without_direction_is_as_wrong_as_can_be():
    assert metrics.angular_error((0.5, 0.5), (0.5, 0.5), [(1.0, 0.5)]) == 180.0


def test_the_peak_of_a_map_is_the_middle_of_its_highest_cell():
    grid = np.zeros((4, 8))
    grid[1, 6] = 1
    assert metrics.peak(grid) == (6.5 / 8, 1.5 / 4)
    assert metrics.peak(np.ones((4, 4))) == (0.5, 0.5)


@pytest.mark.parametrize("score", [metrics.accuracy, metrics.macro_f1])
def test_answers_must_be_as_many_as_examples(score):
    with pytest.raises(DataError, match="1 answers for 2 examples"):
        score(["a"], ["a", "b"])
