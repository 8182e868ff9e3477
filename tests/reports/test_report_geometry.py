from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from bgs.rdm import RDM
from bgs.reports.geometry import (
    arrange,
    fill_unobserved,
    find_flips,
    map_clips,
    nearest_clips,
    rank_distances,
)


def rdm_of(points: np.ndarray) -> RDM:
    return RDM.from_condensed([f"c{i}" for i in range(len(points))], pdist(points))


def test_clusters_stand_together_and_are_numbered_along_the_order() -> None:
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.repeat([0, 1, 2], 7))
    arrangement = arrange(rdm_of(truth[:, None] * 10 + rng.normal(0, 0.5, (21, 2))), num_groups=3)
    along = arrangement.groups[arrangement.order]
    assert sorted(arrangement.order) == list(range(21))
    assert list(along) == sorted(along)
    assert len(set(zip(truth, arrangement.groups, strict=True))) == 3


def test_there_are_never_more_groups_than_clips() -> None:
    assert set(arrange(rdm_of(np.array([[0.0], [1.0]]))).groups) == {0, 1}


def test_unobserved_pairs_get_the_mean_of_their_clips_and_observed_ones_stay() -> None:
    # a-b 1, a-c 3, b-c unobserved: b averages 1, c averages 3
    filled = fill_unobserved(RDM.from_condensed("abc", [1.0, 3.0, np.nan]))
    np.testing.assert_allclose(filled, [[0, 1, 3], [1, 0, 2], [3, 2, 0]])


def test_a_clip_without_any_judgment_gets_the_overall_mean() -> None:
    filled = fill_unobserved(RDM.from_condensed("abcd", [1.0, 2.0, np.nan, 3.0, np.nan, np.nan]))
    overall = 2.0
    assert filled[0, 3] == pytest.approx((1.5 + overall) / 2)
    assert np.isfinite(filled).all()


def test_ranks_run_from_closest_to_furthest_and_ties_share_theirs() -> None:
    ranks = rank_distances(RDM.from_condensed("abcd", [0.1, 0.9, 0.5, 0.5, np.nan, 0.2]))
    assert ranks[0, 1] == 0
    assert ranks[0, 2] == 1
    assert ranks[0, 3] == ranks[1, 2] == 0.625
    assert np.isnan(ranks[1, 3])
    assert np.isnan(np.diag(ranks)).all()


def test_a_map_of_a_plane_keeps_every_distance() -> None:
    points = np.random.default_rng(1).normal(size=(15, 2))
    found, shown = map_clips(rdm_of(points))
    np.testing.assert_allclose(pdist(found), pdist(points), atol=1e-9)
    assert shown == pytest.approx(1.0)


def test_maps_are_turned_towards_another_but_never_stretched() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(12, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    found, _ = map_clips(rdm_of(3 * points), towards=(points - points.mean(axis=0)) @ turn)
    np.testing.assert_allclose(found, 3 * (points - points.mean(axis=0)) @ turn, atol=1e-9)


def test_nearest_clips_leave_out_the_clip_itself() -> None:
    nearest = nearest_clips(rdm_of(np.array([[0.0], [1.0], [3.0], [7.0]])), count=2)
    assert nearest.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]


def test_flips_agree_with_a_naive_count_and_come_largest_first() -> None:
    rng = np.random.default_rng(3)
    before, after = rdm_of(rng.normal(size=(9, 3))), rdm_of(rng.normal(size=(9, 3)))
    triads = np.array([rng.permutation(triple) for triple in combinations(range(9), 3)])

    def is_right(rdm: RDM, triad: np.ndarray) -> bool:
        square = rdm.square()
        a, b, odd = triad
        return bool(square[a, b] < min(square[a, odd], square[b, odd]))

    first = [is_right(before, triad) for triad in triads]
    second = [is_right(after, triad) for triad in triads]
    mended, broken = find_flips(before, after, triads)
    assert len(mended) == sum(not old and new for old, new in zip(first, second, strict=True)) > 0
    assert len(broken) == sum(old and not new for old, new in zip(first, second, strict=True)) > 0
    assert [flip.change for flip in mended] == sorted((f.change for f in mended), reverse=True)
    assert [flip.change for flip in broken] == sorted(f.change for f in broken)
    assert {flip.before for flip in mended} <= {0, 1}
    assert {flip.after for flip in mended} == {2}
    # The clip the wrong model takes out is the one outside its closest pair.
    flip = mended[0]
    pair = [clip for place, clip in enumerate(flip.clips) if place != flip.before]
    others = [before.square()[x, y] for x, y in combinations(flip.clips, 2)]
    assert before.square()[pair[0], pair[1]] == min(others)


def test_a_tie_is_not_a_right_answer() -> None:
    same = RDM.from_condensed("abc", [1.0, 1.0, 1.0])
    better = RDM.from_condensed("abc", [0.5, 1.0, 1.0])
    mended, broken = find_flips(same, better, np.array([[0, 1, 2]]))
    assert (len(mended), len(broken)) == (1, 0)
