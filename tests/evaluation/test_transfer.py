"""Transfer scores, their differences and the ceiling of raters, against simulated truths."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from bgs.errors import DataError
from bgs.evaluation.transfer import (
    MainSet,
    Protocol,
    TransferTask,
    compare_transfer,
    score_transfer,
    spearman_change,
)
from bgs.evaluation.transfer_ceiling import rater_ceiling, split_votes
from bgs.evaluation.transfer_ratings import RatedClips, jensen_shannon, rating_geometry
from bgs.rdm import RDM

LABELS = ("friendly", "neutral", "adversarial")
QUICK = Protocol(num_repeats=1, num_bootstrap=200, num_permutations=200)


def simulate(rng, *, clips: int = 60, people: int = 15, sharp: float = 2.5):
    """Clips in a plane, labels by distance from three corners: the truth is known."""
    points = rng.normal(size=(clips, 2))
    corners = np.array([[1.0, 0], [-0.5, 0.9], [-0.5, -0.9]])
    weight = np.exp(sharp * points @ corners.T)
    shares = weight / weight.sum(axis=1, keepdims=True)
    counts = np.stack([rng.multinomial(people, share) for share in shares])
    return RatedClips(tuple(f"c{k}" for k in range(clips)), LABELS, counts), points, shares


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    rated, points, _ = simulate(rng)
    task = TransferTask.of(rated, QUICK)
    return task, score(task, points), score(task, rng.normal(size=(60, 8))), points


def score(task, matrix, **options):
    return score_transfer(task, RDM.from_embeddings(task.rated.ids, matrix), matrix, **options)


def test_the_truth_does_well_and_noise_does_not(world):
    _, good, bad, _ = world
    assert good.odd_one_out > 0.8 > 0.45 > bad.odd_one_out
    assert good.knn.accuracy > 0.75
    assert good.probe.accuracy > 0.75
    assert good.rsa.spearman > 0.4
    assert good.rsa_p < 0.01 < bad.rsa_p
    for name, chance in (("odd_one_out_ci95", 1 / 3), ("knn", 1 / 3), ("probe", 1 / 3)):
        found = getattr(bad, name)
        low, high = found if isinstance(found, tuple) else found.ci95
        assert low <= chance <= high


def test_everything_survives_json(world):
    task, _, _, points = world
    main = MainSet("main", points, task.rated.majority.clip(0))
    found = score(task, points, mains={"main": main}).to_dict()
    assert set(found) == {"rsa", "odd_one_out", "knn", "probe", "probe_on"}
    assert found["probe_on"]["main"]["value"] > 0.75
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    counts = np.bincount(task.labels)
    assert task.chance["majority_label"] == pytest.approx(counts.max() / counts.sum())
    assert task.chance["uniform_label"] == task.chance["odd_one_out"] == pytest.approx(1 / 3)


def test_differences_of_a_model_with_itself_and_with_the_truth(world):
    task, good, bad, _ = world
    same = compare_transfer(task, good, good)
    gain = compare_transfer(task, bad, good)
    for question in ("rsa", "odd_one_out", "knn", "probe"):
        assert same[question] == {"value": 0.0, "ci95": [0.0, 0.0]}
        assert gain[question]["ci95"][0] > 0
    assert gain["odd_one_out"]["value"] == pytest.approx(good.odd_one_out - bad.odd_one_out)
    assert gain["rsa"]["value"] == pytest.approx(good.rsa.spearman - bad.rsa.spearman)


def test_a_label_too_rare_to_cross_validate_is_left_to_the_main_set(world):
    task, _, _, points = world
    few = np.concatenate([np.flatnonzero(task.labels == k)[:4] for k in range(3)])
    ids = [task.labelled[k] for k in few]
    small = TransferTask.of(task.rated.restrict(ids), QUICK)
    rows = points[[task.rated.ids.index(clip) for clip in ids]]
    with pytest.raises(DataError, match="a label has fewer than 5 clips; bring 5 clips a label"):
        score(small, rows)
    main = MainSet("main", points, task.rated.majority.clip(0))
    found = score(small, rows, mains={"main": main})
    assert found.to_dict()["probe"] is None
    assert found.probe_on["main"].accuracy > 0.5
    assert compare_transfer(small, found, found)["probe"] is None


def test_the_change_in_spearman_keeps_its_sign_and_covers():
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(50):
        rated, _, _ = simulate(rng, clips=30)
        human = rating_geometry(rated)
        pair = [RDM.from_embeddings(rated.ids, rng.normal(size=(30, 4))) for _ in range(2)]
        value, (low, high) = spearman_change(*pair, human, num_bootstrap=200)
        known = [spearmanr(m.dissimilarities, human.dissimilarities)[0] for m in pair]
        assert value == pytest.approx(known[1] - known[0])
        covered.append(low <= 0 <= high)
    assert np.mean(covered) >= 0.86
    upside = RDM.from_condensed(human.ids, human.dissimilarities.max() - human.dissimilarities)
    assert spearman_change(upside, human, human, num_bootstrap=0) == (pytest.approx(2.0), None)


def test_halves_are_drawn_without_replacement():
    rated = RatedClips(("a", "b"), LABELS, np.array([[10, 0, 0], [3, 3, 3]]))
    first, second = split_votes(rated, num_splits=500, seed=0)
    assert np.array_equal(first + second, np.broadcast_to(rated.counts, first.shape))
    assert (first.sum(axis=-1) == [5, 4]).all()
    # Hypergeometric: mean n K / N, variance n (K/N)(1 - K/N)(N - n)/(N - 1)
    assert first[:, 1, 0].mean() == pytest.approx(4 / 3, abs=0.15)
    assert first[:, 1, 0].var() == pytest.approx(4 / 3 * 2 / 3 * 5 / 8, abs=0.1)


def test_unanimous_raters_have_a_perfect_ceiling():
    counts = np.repeat(np.eye(3, dtype=int) * 12, 8, axis=0)
    found = rater_ceiling(RatedClips(tuple(map(str, range(24))), LABELS, counts), num_splits=20)
    assert found.accuracy.value == found.one_rater.value == found.odd_one_out == 1.0
    assert found.accuracy.se == 0.0
    assert found.spearman.value == pytest.approx(1.0)
    assert found.max_model == pytest.approx(1.0)


def test_one_rater_by_hand_and_guessing_raters():
    counts = np.array([[3, 1, 0], [2, 1, 0]] * 6)
    rated = RatedClips(tuple("abcdefghijkl"), LABELS, counts)
    # a: each of 3 meets a majority of 2 to 1, the one meets 3 to 0.  b: each of 2 meets 1 to 1, the one 2 to 0.
    found = rater_ceiling(rated, num_splits=4)
    assert found.one_rater.value == pytest.approx(((3 / 4) + (2 * 0.5 / 3)) / 2)
    rng = np.random.default_rng(7)
    counts = rng.multinomial(12, np.full(3, 1 / 3), size=100)
    lost = rater_ceiling(RatedClips(tuple(map(str, range(100))), LABELS, counts), num_splits=20)
    assert lost.spearman.value < 0.1


def test_the_ceiling_bounds_a_perfect_model_and_grows_with_raters():
    rng = np.random.default_rng(8)
    bounds = []
    for people in (6, 20, 200):
        reached, promised = [], []
        for _ in range(5):
            rated, _, shares = simulate(rng, people=people, clips=60, sharp=1.0)
            ceiling = rater_ceiling(rated, num_splits=20)
            human = rating_geometry(rated).dissimilarities
            reached.append(spearmanr(jensen_shannon(shares), human)[0])
            promised.append(ceiling.max_model)
            assert 0 < ceiling.spearman.se < 0.15
        assert np.mean(reached) == pytest.approx(np.mean(promised), abs=0.05)
        bounds.append(np.mean(promised))
    assert bounds == sorted(bounds)
    json.dumps(ceiling.to_dict(), allow_nan=False)


def test_what_cannot_be_scored(world):
    task, _, _, points = world
    rdm = RDM.from_embeddings(task.rated.ids, points)
    with pytest.raises(DataError, match=r"^59 embeddings for 60 rated clips; pass one row a clip"):
        score_transfer(task, rdm, points[1:])
    once = RatedClips(tuple("abcdefghij"), LABELS, np.array([[1, 0, 0]] + [[1, 0, 2]] * 9))
    with pytest.raises(DataError, match=r"^clip 'a' was rated once; halves of raters need two"):
        rater_ceiling(once)
    with pytest.raises(DataError, match=r"^2 clips are too few for a ceiling; bring 10 or more"):
        rater_ceiling(RatedClips(("a", "b"), LABELS, np.array([[1, 0, 0], [0, 0, 2]])))
