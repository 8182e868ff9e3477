"""Distances between ratings have closed forms; triads with a plain answer can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.transfer_ratings import (
    NO_MAJORITY,
    RatedClips,
    jensen_shannon,
    rating_geometry,
    smoothed_shares,
)
from bgs.evaluation.transfer_triads import clear_triads, triad_interval, triad_scores
from bgs.rdm import RDM

LABELS = ("friendly", "neutral", "adversarial")


def rate(counts) -> RatedClips:
    table = np.array(counts)
    return RatedClips(tuple(f"c{k}" for k in range(len(table))), LABELS, table)


def test_jensen_shannon_in_closed_form():
    shares = np.array([[1.0, 0, 0], [0, 1.0, 0], [0.5, 0.5, 0], [1.0, 0, 0]])
    half = np.sqrt(1.0 - (0.75 * np.log2(3) - 0.5))  # of (1, 0) and (1/2, 1/2)
    expected = [1.0, half, 0.0, half, 1.0, half]
    found = jensen_shannon(shares)
    assert found == pytest.approx(
        np.where(np.isclose(expected, half), np.sqrt(1.5 - 0.75 * np.log2(3)), expected)
    )


def test_jensen_shannon_is_a_metric():
    shares = np.random.default_rng(0).dirichlet([0.5, 0.5, 0.5], size=40)
    square = RDM.from_condensed([str(k) for k in range(40)], jensen_shannon(shares)).square()
    assert (square[:, :, None] <= square[:, None, :] + square.T[None] + 1e-12).all()


def test_more_raters_stand_further_out_and_pairs_count_as_the_less_rated():
    few, many, other = [10, 0, 0], [100, 0, 0], [0, 0, 100]
    rdm = rating_geometry(rate([few, many, other]))
    near, from_few, from_many = rdm.dissimilarities
    assert 0 < near < 0.2 < from_few < from_many < 1
    assert rdm.counts.tolist() == [10, 10, 100]
    assert smoothed_shares(np.array([[10, 0, 0]]))[0] == pytest.approx(
        [10.5 / 11.5, 0.5 / 11.5, 0.5 / 11.5]
    )


def test_geometry_finds_the_truth_as_raters_grow():
    rng = np.random.default_rng(1)
    truth = rng.dirichlet([0.6, 0.6, 0.6], size=60)
    errors = []
    for people in (10, 100, 10_000):
        counts = np.stack([rng.multinomial(people, share) for share in truth])
        found = rating_geometry(rate(counts)).dissimilarities
        errors.append(np.abs(found - jensen_shannon(truth)).mean())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02


def test_majority_and_lead():
    rated = rate([[6, 2, 2], [5, 5, 0], [0, 1, 9], [1, 1, 1]])
    assert rated.majority.tolist() == [0, NO_MAJORITY, 2, NO_MAJORITY]
    assert rated.lead == pytest.approx([0.4, 0.0, 0.8, 0.0])
    assert rated.restrict(["c2", "c0"]).counts.tolist() == [[0, 1, 9], [6, 2, 2]]
    assert repr(rated) == "RatedClips(4 clips, friendly, neutral, adversarial, 3-10 people each)"


def test_clear_triads_by_hand():
    # c0 and c1 friendly, c2 and c3 adversarial, c4 neutral but not clear
    rated = rate([[9, 1, 0], [10, 0, 0], [0, 1, 9], [0, 0, 10], [3, 4, 3]])
    triads = clear_triads(rated)
    assert triads.ids == ("c0", "c1", "c2", "c3")
    assert {tuple(row) for row in triads.members.tolist()} == {
        (0, 1, 2),
        (0, 1, 3),
        (2, 3, 0),
        (2, 3, 1),
    }
    assert repr(triads) == "ClearTriads(4 of 4 triads of 4 clear clips)"


def test_the_number_of_triads_and_the_sample():
    rated = rate([[9, 1, 0]] * 5 + [[0, 9, 1]] * 4 + [[0, 0, 9]] * 3)
    assert len(clear_triads(rated)) == 10 * 7 + 6 * 8 + 3 * 9
    some = clear_triads(rated, max_triads=50, seed=3)
    assert (len(some), some.num_all) == (50, 145)
    assert np.array_equal(some.members, clear_triads(rated, max_triads=50, seed=3).members)
    assert not np.array_equal(some.members, clear_triads(rated, max_triads=50, seed=4).members)
    every = {tuple(row) for row in clear_triads(rated).members.tolist()}
    assert len(every) == 145
    assert {tuple(row) for row in some.members.tolist()} <= every


def test_millions_of_triads_are_sampled_and_never_listed():
    rated = rate([[9, 1, 0]] * 700 + [[0, 9, 1]] * 700 + [[0, 0, 9]] * 700)
    triads = clear_triads(rated, max_triads=5000)
    assert (len(triads), triads.num_all) == (5000, 3 * (700 * 699 // 2) * 1400)
    label = rated.majority[triads.members]
    assert (label[:, 0] == label[:, 1]).all()
    assert (label[:, 0] != label[:, 2]).all()
    assert (triads.members[:, 0] < triads.members[:, 1]).all()
    assert np.bincount(label[:, 2]) == pytest.approx([5000 / 3] * 3, rel=0.1)


def test_odd_one_out_of_a_known_geometry():
    rated = rate([[9, 1, 0]] * 6 + [[0, 0, 9]] * 6)
    triads = clear_triads(rated)
    ids = rated.ids
    apart = RDM.from_condensed(ids, _distances(np.array([0.0] * 6 + [1.0] * 6)))
    assert triad_scores(apart, triads).tolist() == [1.0] * len(triads)
    alike = RDM.from_condensed(ids, np.ones(66))
    assert triad_scores(alike, triads) == pytest.approx(np.full(len(triads), 1 / 3))
    crossed = RDM.from_condensed(ids, _distances(np.array([0.0, 1.0] * 6)))
    # Of two friends on different sides, one is nearer to the odd clip: never kept. On one side they are kept
    # unless the odd clip stands there too, when all three tie: 6 pairs of 15, for half of the odd clips.
    assert triad_scores(crossed, triads).mean() == pytest.approx(6 / 15 * (0.5 + 0.5 / 3))


def test_interval_of_noise_covers_chance():
    rated = rate([[9, 1, 0]] * 7 + [[0, 9, 0]] * 7 + [[0, 0, 9]] * 7)
    triads = clear_triads(rated)
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(60):
        rdm = RDM.from_embeddings(rated.ids, rng.normal(size=(21, 8)))
        scores = triad_scores(rdm, triads)
        low, high = triad_interval(scores, triads, num_bootstrap=200)
        covered.append(low <= 1 / 3 <= high)
    assert 0.85 <= np.mean(covered) <= 1.0


def _distances(points: np.ndarray) -> np.ndarray:
    rows, columns = np.triu_indices(len(points), k=1)
    return np.abs(points[rows] - points[columns])


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([[1, 2]], "rating counts have shape (1, 2) for 1 clips and 3 labels"),
        ([[1, 2, 0.5]], "a rating count of clip 'c0' is not a whole number of people"),
        ([[1, 2, -1]], "a rating count of clip 'c0' is not a whole number of people"),
        ([[1, 2, 3], [0, 0, 0]], "nobody rated clip 'c1'; leave out clips without ratings"),
        ([[1, 2, np.nan]], "a rating count is missing; count people as 0, 1, 2, ..."),
    ],
)
def test_ratings_that_cannot_be(counts, message):
    with pytest.raises(DataError) as caught:
        rate(counts)
    assert str(caught.value).startswith(message)


def test_triads_that_cannot_be():
    with pytest.raises(
        DataError, match="no triad has a plain answer: 2 of 3 clips are clear, 2 la"
    ):
        clear_triads(rate([[9, 0, 0], [0, 9, 0], [3, 3, 4]]))
    with pytest.raises(DataError, match=r"clip 'x' has no ratings \(1 of 2 clips\)"):
        rate([[1, 0, 0]]).restrict(["c0", "x"])
