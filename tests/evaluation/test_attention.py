"""Divergence of maps and attention on regions: hand-made maps, planted shifts, and chance doing its share."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.attention import (
    compare_maps,
    compare_shares,
    flip_signs,
    mean_interval,
    region_shares,
)

FloatArray = NDArray[np.float64]
NAMES = ("ball", "background")


def random_maps(rng: np.random.Generator, clips: int, grid: tuple[int, int, int]) -> FloatArray:
    maps = rng.gamma(4.0, size=(clips, *grid))
    return np.asarray(maps / maps.sum(axis=(1, 2, 3), keepdims=True))


def random_cover(rng: np.random.Generator, clips: int, grid: tuple[int, int, int]) -> FloatArray:
    """A ball in one patch of every moment, somewhere else in every clip."""
    times, rows, columns = grid
    cover = np.zeros((clips, 2, times, rows * columns))
    for clip in range(clips):
        cover[clip, 0, np.arange(times), rng.integers(0, rows * columns, times)] = 1
    cover[:, 1] = 1 - cover[:, 0]
    return cover.reshape(clips, 2, times, rows, columns)


def test_divergence_is_one_minus_pearson() -> None:
    rng = np.random.default_rng(0)
    before, after = random_maps(rng, 12, (2, 3, 4)), random_maps(rng, 12, (2, 3, 4))
    found = compare_maps(before, after, num_bootstrap=200)
    flat = before.reshape(12, -1), after.reshape(12, -1)
    whole = np.corrcoef(*flat)  # (24, 24)
    np.testing.assert_allclose(found.per_clip, 1 - np.diag(whole[:12, 12:]))
    assert found.mean == pytest.approx(found.per_clip.mean())
    off = ~np.eye(12, dtype=bool)
    assert found.between_clips == pytest.approx((1 - whole[:12, :12])[off].mean())
    assert found.between_clips_tuned == pytest.approx((1 - whole[12:, 12:])[off].mean())
    assert found.mismatched == pytest.approx((1 - whole[:12, 12:])[off].mean())
    assert found.ci95 is not None
    assert found.ci95[0] < found.mean < found.ci95[1]


def test_the_same_pattern_at_another_contrast_has_not_moved() -> None:
    before = random_maps(np.random.default_rng(1), 3, (2, 2, 2))
    after = 0.5 * before + 0.5 / 8
    found = compare_maps(before, after)
    np.testing.assert_allclose(found.per_clip, 0, atol=1e-12)
    assert found.ci95 is None  # three clips are too few


def test_an_even_map_and_maps_of_other_grids_are_refused() -> None:
    maps = random_maps(np.random.default_rng(2), 3, (1, 2, 2))
    even = maps.copy()
    even[1] = 0.25
    with pytest.raises(DataError) as caught:
        compare_maps(maps, even)
    assert str(caught.value) == (
        "the map of clip number 1 is even everywhere, so it correlates with nothing; "
        "use another method, or check that the weights are trained"
    )
    with pytest.raises(DataError, match=r"maps of shape \(3, 1, 2, 2\) and \(3, 1, 2, 3\) cannot"):
        compare_maps(maps, random_maps(np.random.default_rng(2), 3, (1, 2, 3)))


def test_shares_are_attention_by_area_and_sum_to_one() -> None:
    maps = np.array([[[[0.1, 0.2], [0.3, 0.4]]]])  # one clip, one moment
    cover = np.zeros((1, 3, 1, 2, 2))
    cover[0, 0, 0] = [[1, 0.5], [0, 0]]
    cover[0, 1, 0] = [[0, 0.25], [0, 1]]
    cover[0, 2] = 1 - cover[0, :2].sum(axis=0)
    shares = region_shares(maps, cover)
    np.testing.assert_allclose(shares, [[0.2, 0.45, 0.35]])
    rng = np.random.default_rng(3)
    many = region_shares(random_maps(rng, 9, (3, 4, 4)), random_cover(rng, 9, (3, 4, 4)))
    np.testing.assert_allclose(many.sum(axis=1), 1)


def test_regions_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(4)
    maps, cover = random_maps(rng, 2, (1, 2, 2)), random_cover(rng, 2, (1, 2, 2))
    with pytest.raises(DataError, match="regions do not cover every patch once; give background"):
        region_shares(maps, cover / 2)
    with pytest.raises(DataError, match=r"do not fit; lay the regions over the same grid"):
        region_shares(maps, cover[:1])


def test_a_planted_shift_is_found_and_put_where_it_belongs() -> None:
    """Tuned maps put a tenth of their attention on the ball of their own clip."""
    rng = np.random.default_rng(5)
    before, cover = random_maps(rng, 30, (2, 4, 4)), random_cover(rng, 30, (2, 4, 4))
    ball = cover[:, 0] / cover[:, 0].sum(axis=(1, 2, 3), keepdims=True)
    after = 0.9 * before + 0.1 * ball
    row = compare_shares(NAMES, cover, before, after, num_bootstrap=500)[0]
    assert row.region == "ball"
    assert row.num_clips == 30
    assert row.area == pytest.approx(1 / 16)
    assert row.base.share == pytest.approx(1 / 16, abs=0.01)
    assert row.base.p is not None
    assert row.base.p > 0.05
    assert row.tuned is not None
    assert row.difference is not None
    assert row.tuned.share == pytest.approx(0.9 * row.base.share + 0.1)
    assert row.difference.share == pytest.approx(row.tuned.share - row.base.share)
    assert row.ci95 is not None
    assert 0 < row.ci95[0] < row.difference.share < row.ci95[1]
    assert row.p == pytest.approx(1 / 1001)
    assert row.tuned.p == pytest.approx(1 / 1001)
    assert row.difference.p == pytest.approx(1 / 1001)


def test_a_shift_towards_the_middle_is_a_change_but_not_to_the_regions() -> None:
    """Attention and balls both like the middle: shares change, yet other clips' balls gain as much."""
    rng = np.random.default_rng(6)
    middle = np.zeros((1, 4, 4))
    middle[:, 1:3, 1:3] = 0.25
    before = random_maps(rng, 40, (1, 4, 4))
    cover = np.zeros((40, 2, 1, 4, 4))
    for clip in range(40):
        cover[clip, 0, 0, rng.integers(1, 3), rng.integers(1, 3)] = 1
    cover[:, 1] = 1 - cover[:, 0]
    after = 0.8 * before + 0.2 * middle
    row = compare_shares(NAMES, cover, before, after)[0]
    assert row.p is not None
    assert row.difference is not None
    assert row.difference.elsewhere is not None
    assert row.p < 0.01
    assert row.difference.p is not None
    assert row.difference.p > 0.05
    assert row.difference.elsewhere == pytest.approx(row.difference.share, abs=0.005)


def test_regions_are_averaged_over_the_clips_that_have_them() -> None:
    rng = np.random.default_rng(7)
    maps, cover = random_maps(rng, 6, (1, 3, 3)), random_cover(rng, 6, (1, 3, 3))
    cover[3:, 0] = 0
    cover[3:, 1] = 1
    found = {row.region: row for row in compare_shares(NAMES, cover, maps)}
    assert found["ball"].num_clips == 3
    assert found["ball"].base.share == pytest.approx(region_shares(maps, cover)[:3, 0].mean())
    assert found["ball"].tuned is None
    cover[:, 0], cover[:, 1] = 0, 1
    assert [row.region for row in compare_shares(NAMES, cover, maps)] == ["background"]


def test_one_clip_has_a_share_and_nothing_to_compare_it_with() -> None:
    rng = np.random.default_rng(8)
    maps, cover = random_maps(rng, 1, (1, 2, 2)), random_cover(rng, 1, (1, 2, 2))
    row = compare_shares(NAMES, cover, maps, maps)[0]
    assert (row.base.elsewhere, row.base.p, row.p, row.ci95) == (None, None, None, None)


def test_chance_is_called_a_finding_as_often_as_promised() -> None:
    """200 data sets without any shift: each test at 5 % and each 95 % interval miss about 5 %."""
    rng = np.random.default_rng(9)
    flips, places, base, outside = [], [], [], []
    for seed in range(200):
        before, after = random_maps(rng, 24, (1, 3, 3)), random_maps(rng, 24, (1, 3, 3))
        cover = random_cover(rng, 24, (1, 3, 3))
        row = compare_shares(
            NAMES, cover, before, after, num_bootstrap=200, num_permutations=199, seed=seed
        )[0]
        assert row.difference is not None
        assert row.ci95 is not None
        flips.append(row.p)
        places.append(row.difference.p)
        base.append(row.base.p)
        outside.append(not row.ci95[0] <= 0 <= row.ci95[1])
    for found in (flips, places, base):
        rate = np.mean(np.array(found, dtype=float) <= 0.05)
        assert 0.01 <= rate <= 0.095  # 5 % -+ 3 standard errors of 200 draws
        assert np.mean(np.array(found, dtype=float)) == pytest.approx(0.5, abs=0.07)
    assert 0.01 <= np.mean(outside) <= 0.095


def test_the_interval_of_a_mean_covers_a_skewed_truth() -> None:
    rng = np.random.default_rng(10)
    hits = 0
    for seed in range(300):
        low, high = mean_interval(rng.gamma(2.0, size=40), num_bootstrap=200, seed=seed) or (0, 0)
        hits += low <= 2.0 <= high
    assert 0.91 <= hits / 300 <= 0.98


def test_signs_of_two_clips_give_the_exact_p() -> None:
    """Both changed by 1: of four sign patterns two are as extreme."""
    p = flip_signs(np.array([1.0, 1.0]), num_permutations=4000, seed=0)
    assert p == pytest.approx(0.5, abs=0.03)
