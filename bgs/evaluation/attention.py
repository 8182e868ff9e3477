"""Attention before and after tuning: how much it moved, and onto what.

Conventions
-----------
- A clip's map says how attention is spread over moments and patches, (times, rows, columns), with a sum of one.
- Divergence of two maps is 1 - r, Pearson over all positions: 0 for the same pattern, about 1 for unrelated ones.
  Scale and contrast do not enter. How large a divergence is can only be said next to others, so three stand beside
  it: between untuned maps of different clips, between tuned maps of different clips, and between the untuned map of
  one clip and the tuned map of another (what would be found if tuning had kept nothing that belongs to the clip).
- A region's share is the part of a clip's attention that falls on it. A patch that lies half in a region counts half.
  Shares of a clip sum to one, with `background` for what no region covers, and so do areas.
- A region's figures are means over the clips it appears in. A share without an area says nothing: even attention
  gives every region its area.
- Attention likes some places whatever happens there (the middle, say), and regions have habits too. So each share is
  compared with the same regions of other clips: clips change places, maps stay. `p` of a `ShareTest` is a two-sided
  permutation test of that; it asks whether attention, or its change, follows what is in this clip.
- `p` of a `RegionShare` is of the change itself, whatever its reason: signs of clips' changes are flipped at random.
- Clips are resampled for intervals, before and after together. Fewer than 10 clips: no interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import MIN_CLIPS, Interval, draw_clips, rescaled_interval

FloatArray = NDArray[np.float64]
BACKGROUND = "background"
_CHUNK = 256  # permutations at a time


@dataclass(frozen=True)
class Divergence:
    """How far tuned maps are from untuned ones, clip by clip and on average, with what to compare that to."""

    per_clip: FloatArray  # (clips,)
    mean: float
    ci95: Interval | None
    between_clips: float | None  # None for a single clip
    between_clips_tuned: float | None
    mismatched: float | None

    def __repr__(self) -> str:
        return f"Divergence({len(self.per_clip)} clips, mean {self.mean:.3f}, ci95 {self.ci95})"


@dataclass(frozen=True)
class ShareTest:
    """A mean share, the mean share of the same regions in other clips, and how often chance does as much."""

    share: float
    elsewhere: float | None  # None for a single clip
    p: float | None


@dataclass(frozen=True)
class RegionShare:
    """Attention on one region over the clips it appears in. `tuned` and `difference` where there are two models."""

    region: str
    num_clips: int
    area: float
    base: ShareTest
    tuned: ShareTest | None = None
    difference: ShareTest | None = None
    ci95: Interval | None = None  # of the difference
    p: float | None = None  # of the difference, by flipping signs


def compare_maps(
    before: FloatArray, after: FloatArray, *, num_bootstrap: int = 1000, seed: int = 0
) -> Divergence:
    """Divergence of the maps (clips, times, rows, columns) of the same clips by two models."""
    if before.shape != after.shape:
        raise DataError(
            f"maps of shape {before.shape} and {after.shape} cannot be compared",
            remedy="make both from the same clips with one backbone",
        )
    first, second = _standardised(before), _standardised(after)
    across = 1 - first @ second.T  # (clips before, clips after)
    per_clip = np.diag(across).copy()
    return Divergence(
        per_clip=per_clip,
        mean=float(per_clip.mean()),
        ci95=mean_interval(per_clip, num_bootstrap=num_bootstrap, seed=seed),
        between_clips=_mean_off_diagonal(1 - first @ first.T),
        between_clips_tuned=_mean_off_diagonal(1 - second @ second.T),
        mismatched=_mean_off_diagonal(across),
    )


def region_shares(maps: FloatArray, cover: FloatArray) -> FloatArray:
    """Share of each clip's attention on each region, (clips, regions).

    `cover` (clips, regions, times, rows, columns) says what part of each patch belongs to which region; over
    regions its sum is one, background included.
    """
    if cover.shape[:1] + cover.shape[2:] != maps.shape:
        raise DataError(
            f"maps of shape {maps.shape} and regions of shape {cover.shape} do not fit",
            remedy="lay the regions over the same grid and clips",
        )
    if not np.allclose(cover.sum(axis=1), 1, atol=1e-6):
        raise DataError(
            "regions do not cover every patch once", remedy="give background what no region covers"
        )
    return np.einsum("cthw,crthw->cr", maps, cover)


def compare_shares(
    names: tuple[str, ...],
    cover: FloatArray,
    before: FloatArray,
    after: FloatArray | None = None,
    *,
    num_bootstrap: int = 1000,
    num_permutations: int = 1000,
    seed: int = 0,
) -> tuple[RegionShare, ...]:
    """Attention on each region, before and (if there is one) after; regions that never appear are left out."""
    shares = region_shares(before, cover)
    areas = cover.mean(axis=(2, 3, 4))  # (clips, regions)
    found = []
    for place, name in enumerate(names):
        here = areas[:, place] > 0
        if not here.any():
            continue
        masks = cover[here, place]
        base = _test_share(before[here], masks, num_permutations, seed)
        row = RegionShare(name, int(here.sum()), float(areas[here, place].mean()), base)
        if after is not None:
            change = region_shares(after, cover)[here, place] - shares[here, place]
            row = RegionShare(
                row.region,
                row.num_clips,
                row.area,
                base,
                tuned=_test_share(after[here], masks, num_permutations, seed),
                difference=_test_share(after[here] - before[here], masks, num_permutations, seed),
                ci95=mean_interval(change, num_bootstrap=num_bootstrap, seed=seed),
                p=flip_signs(change, num_permutations=num_permutations, seed=seed),
            )
        found.append(row)
    return tuple(found)


def mean_interval(values: FloatArray, *, num_bootstrap: int, seed: int) -> Interval | None:
    """The 95 % interval of a mean over clips; None for fewer than 10 clips, or where none is wanted."""
    if num_bootstrap == 0 or len(values) < MIN_CLIPS:
        return None
    draws = draw_clips(len(values), num_bootstrap=num_bootstrap, seed=seed)  # (clips, samples)
    return rescaled_interval(
        float(values.mean()),
        values @ draws / len(values),
        variance=float(values.var(ddof=1)) / len(values),
        num_drawn=len(values),
    )


def flip_signs(values: FloatArray, *, num_permutations: int, seed: int) -> float | None:
    """Two-sided p of a mean that would be 0 if every clip could as well have changed the other way."""
    if len(values) < 2:
        return None
    rng = np.random.default_rng(seed)
    signs = rng.choice(np.array([-1.0, 1.0]), size=(num_permutations, len(values)))
    flipped = np.abs(signs @ values)
    return float((1 + np.sum(flipped >= abs(values.sum()) - 1e-12)) / (num_permutations + 1))


def _test_share(maps: FloatArray, masks: FloatArray, num_permutations: int, seed: int) -> ShareTest:
    """The mean share of one region, against the regions of other clips laid over the same maps."""
    count = len(maps)
    # (clips, clips): attention of the one on the region of the other
    across = maps.reshape(count, -1) @ masks.reshape(count, -1).T
    share = float(np.diag(across).mean())
    if count < 2:
        return ShareTest(share, None, None)
    rng = np.random.default_rng(seed)
    centre = float(across.mean())  # what a random pairing gives on average
    extreme = 0
    for start in range(0, num_permutations, _CHUNK):
        size = min(_CHUNK, num_permutations - start)
        orders = rng.permuted(np.tile(np.arange(count), (size, 1)), axis=1)
        null = across[np.arange(count), orders].mean(axis=1)
        extreme += int(np.sum(np.abs(null - centre) >= abs(share - centre) - 1e-12))
    return ShareTest(share, _mean_off_diagonal(across), (1 + extreme) / (num_permutations + 1))


def _standardised(maps: FloatArray) -> FloatArray:
    """Maps as rows (clips, positions) of mean 0 and length 1, whose inner products are correlations."""
    rows = maps.reshape(len(maps), -1).astype(np.float64)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # Against the level of the map: what is left after subtracting a constant is rounding.
    flat = np.flatnonzero(lengths[:, 0] <= 1e-9 * np.abs(maps).reshape(len(maps), -1).sum(axis=1))
    if flat.size:
        raise DataError(
            f"the map of clip number {flat[0]} is even everywhere, so it correlates with nothing",
            remedy="use another method, or check that the weights are trained",
        )
    return np.asarray(rows / lengths)


def _mean_off_diagonal(square: FloatArray) -> float | None:
    count = len(square)
    if count < 2:
        return None
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))
