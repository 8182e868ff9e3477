"""How much of each patch of a picture lies in which region: exact areas of boxes and of masks' pixels.

The picture is cut along every edge of a box, a patch and, where there are masks, a pixel: each piece lies in one
patch and belongs to one region, the one that is named first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.data.masks import Mask

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Window = tuple[
    float, float, float, float
]  # the part of a picture that a model sees: x0, y0, x1, y1


@dataclass(frozen=True, eq=False)
class Shape:
    """A box, or a mask of the whole picture, of one region."""

    region: int
    corners: FloatArray | None = None  # (4,)
    mask: Mask | None = None


def cover_patches(
    shapes: Sequence[Shape], *, num_names: int, grid: tuple[int, int], window: Window
) -> FloatArray:
    """(names + background, rows, columns) of the part of a picture that a window shows."""
    rows, columns = grid
    boxes = [shape.corners for shape in shapes if shape.corners is not None]
    masks = [shape.mask for shape in shapes if shape.mask is not None]
    corners = seen_through(window, np.array(boxes).reshape(-1, 4))
    xs, column = _pieces(corners[:, [0, 2]], columns, _pixel_edges(window, masks, axis=1))
    ys, row = _pieces(corners[:, [1, 3]], rows, _pixel_edges(window, masks, axis=0))
    owner = np.full((len(row), len(column)), num_names)
    # The first name is painted last; sorting is stable, so boxes and corners keep their order.
    for shape in sorted(shapes, key=lambda shape: -shape.region):
        if shape.mask is None:
            x0, y0, x1, y1 = seen_through(window, np.asarray(shape.corners)[None])[0]
            inside_x = (xs[:-1] >= x0) & (xs[1:] <= x1)
            inside_y = (ys[:-1] >= y0) & (ys[1:] <= y1)
            owner[np.ix_(inside_y, inside_x)] = shape.region
        else:
            at_row = _pixels(ys, (window[1], window[3]), shape.mask.shape[0])
            at_column = _pixels(xs, (window[0], window[2]), shape.mask.shape[1])
            owner[shape.mask[np.ix_(at_row, at_column)]] = shape.region
    heights, widths = np.diff(ys) * rows, np.diff(xs) * columns  # of pieces, in patches
    if masks:
        return _sum_many(owner, (row, heights), (column, widths), num_names, grid)
    cover = np.zeros((num_names + 1, rows, columns))
    place = np.broadcast_arrays(row[:, None], column[None, :])
    np.add.at(cover, (owner, *place), np.outer(heights, widths))
    return cover


def seen_through(window: Window, corners: FloatArray) -> FloatArray:
    """Corners as fractions of a window, cut at its edges."""
    left, top, right, bottom = window
    moved = (corners - [left, top, left, top]) / np.array([right - left, bottom - top] * 2)
    return np.asarray(np.clip(moved, 0, 1))


def _sum_many(
    owner: IntArray,
    vertical: tuple[IntArray, FloatArray],
    horizontal: tuple[IntArray, FloatArray],
    num_names: int,
    grid: tuple[int, int],
) -> FloatArray:
    """The areas of hundreds of thousands of pieces: for each region a product of three matrices."""
    cover = np.zeros((num_names + 1, *grid))
    down, across = (
        np.where(np.arange(count)[:, None] == place, length, 0.0)  # (patches, pieces)
        for count, (place, length) in zip(grid, (vertical, horizontal), strict=True)
    )
    for region in np.flatnonzero(np.bincount(owner.ravel(), minlength=num_names + 1)):
        cover[region] = down @ (owner == region).astype(np.float64) @ across.T
    return cover


def _pieces(
    edges: FloatArray, count: int, pixels: Sequence[FloatArray]
) -> tuple[FloatArray, IntArray]:
    """Cuts along one axis, and the patch that each piece between two of them lies in."""
    cuts = np.unique(np.concatenate([np.arange(count + 1) / count, edges.ravel(), *pixels]))
    middles = (cuts[:-1] + cuts[1:]) / 2
    return cuts, np.minimum((middles * count).astype(np.int64), count - 1)


def _pixel_edges(window: Window, masks: Sequence[Mask], *, axis: int) -> list[FloatArray]:
    """Where pixels of masks begin and end along an axis, as fractions of the window."""
    low, high = (window[0], window[2]) if axis else (window[1], window[3])
    return [
        np.clip((np.arange(size + 1) / size - low) / (high - low), 0, 1)
        for size in sorted({mask.shape[axis] for mask in masks})
    ]


def _pixels(cuts: FloatArray, ends: tuple[float, float], size: int) -> IntArray:
    """The pixel that each piece lies in."""
    middles = ends[0] + (cuts[:-1] + cuts[1:]) / 2 * (ends[1] - ends[0])
    return np.clip((middles * size).astype(np.int64), 0, size - 1)
