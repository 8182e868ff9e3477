"""Retention probes know separable labels, stay at chance on noise, and compare on the same splits."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.retention import change_interval, compare_retention, probe_labels


@pytest.fixture(scope="module")
def labelled():
    rng = np.random.default_rng(0)
    labels = np.repeat(["run", "jump", "sit"], 30)
    centres = {"run": [3, 0, 0, 0], "jump": [0, 3, 0, 0], "sit": [0, 0, 3, 0]}
    clear = np.array([centres[label] for label in labels]) + rng.normal(size=(90, 4))
    return clear, rng.normal(size=(90, 4)), labels


def test_forgetting_and_learning(labelled):
    clear, noise, labels = labelled
    found = compare_retention(clear, noise, labels)
    assert found.seeds == (0, 1, 2)
    assert found.chance == pytest.approx(1 / 3)
    for probe in ("linear", "knn"):
        assert min(getattr(score, probe) for score in found.before) > 0.85
        mean, spread = found.difference(probe)
        assert mean < -0.3
        assert spread >= 0
        low, high = found.intervals[probe]
        assert low < mean < high < 0
    same = compare_retention(clear, clear, labels, seeds=[5])
    assert same.before == same.after
    assert same.difference("linear") == (0.0, 0.0)
    assert same.intervals == {"linear": (0.0, 0.0), "knn": (0.0, 0.0)}
    assert (same.num_clips, same.num_labels) == (90, 3)


def test_a_given_split_and_a_label_with_one_clip(labelled):
    clear, _, labels = labelled
    score = probe_labels(clear[::2], labels[::2], clear[1::2], labels[1::2])
    assert score.linear > 0.85
    rare = np.concatenate([labels[:31], ["sit"]])
    matrix = np.concatenate([clear[:31], clear[80:81]])
    assert probe_labels(matrix, rare, clear[:30], labels[:30]).linear > 0.9


def test_nearest_neighbours_by_hand():
    train = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    test = np.array([[2.0, 0.1], [0.1, 5.0]])
    score = probe_labels(train, ["a", "a", "b"], test, ["a", "b"], num_neighbours=1)
    assert score.knn == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("labels", "embeddings have shape (90, 4) for 89 labels; pass one label a clip"),
        ("nan", "the embedding in row 3 holds NaN or infinity; check the clip and the model"),
        (
            "rare",
            "label 'once' has 1 clips or recordings among 4 labels; "
            "bring two labels or more with two clips or recordings or more each",
        ),
    ],
)
def test_what_cannot_be_compared(labelled, change, message):
    clear, _, labels = labelled
    matrix, names = clear.copy(), labels.astype(object)
    if change == "labels":
        names = names[:-1]
    elif change == "nan":
        matrix[3, 0] = np.nan
    else:
        names[0] = "once"
    with pytest.raises(DataError) as caught:
        compare_retention(matrix, matrix, names)
    assert str(caught.value) == message


def test_what_cannot_be_probed(labelled):
    clear, _, labels = labelled
    with pytest.raises(
        DataError, match=r"^training embeddings are 4 wide, test embeddings 3; embed both with one"
    ):
        probe_labels(clear, labels, clear[:, :3], labels)
    with pytest.raises(
        DataError, match=r"^all training clips are labelled 'run'; bring two labels or more$"
    ):
        probe_labels(clear[:30], labels[:30], clear, labels)


def test_the_interval_of_a_change_covers_it_where_recordings_agree():
    """Clips of one recording gain or lose together; the truth is no change."""
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), 4).astype(str)
        shared = np.repeat(rng.choice([-1.0, 0.0, 1.0], size=40, p=[0.2, 0.6, 0.2]), 4)
        changes = np.where(rng.random(160) < 0.7, shared, 0.0)
        low, high = change_interval(changes, groups, num_bootstrap=300, seed=seed)
        covered += low <= 0.0 <= high
    assert 180 <= covered <= 197
    assert change_interval(np.ones(9), np.arange(9).astype(str)) is None
