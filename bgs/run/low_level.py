"""What a clip holds before anything in it is understood: motion energy, colours, pixels.

Predictors to beat: an agreement with people that these explain is not about social life.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bgs.config import DataSettings
from bgs.data.clips import Clips
from bgs.errors import DataError
from bgs.frame_spec import FrameSpec

LOW_LEVEL = "low-level:"
SPEC = FrameSpec(num_frames=8, height=64, width=64, resize_short_side=64)
MOTION_CELLS, PIXEL_CELLS, COLOUR_BINS = 4, 8, 4
LUMINANCE = (0.299, 0.587, 0.114)

Array = NDArray[np.float64]


def motion_energy(frames: Array) -> Array:
    """(frames, 3, height, width) in 0..1 -> where and when brightness changes.

    The mean absolute change from frame to frame in each cell of a grid, then its mean over the picture at each step.
    """
    grey = np.tensordot(frames, LUMINANCE, axes=([1], [0]))  # (frames, height, width)
    change = np.abs(np.diff(grey, axis=0))  # (frames - 1, height, width)
    return np.concatenate(
        [_cells(change.mean(axis=0), MOTION_CELLS).ravel(), change.mean(axis=(1, 2))]
    )


def colour_histogram(frames: Array) -> Array:
    """(frames, 3, height, width) in 0..1 -> the share of pixels in each cube of colour, over the whole clip."""
    levels = np.minimum((frames * COLOUR_BINS).astype(np.int64), COLOUR_BINS - 1)
    cube = (levels[:, 0] * COLOUR_BINS + levels[:, 1]) * COLOUR_BINS + levels[:, 2]
    return np.bincount(cube.ravel(), minlength=COLOUR_BINS**3) / cube.size


def mean_picture(frames: Array) -> Array:
    """(frames, 3, height, width) in 0..1 -> the average frame, small."""
    return np.concatenate([_cells(channel, PIXEL_CELLS).ravel() for channel in frames.mean(axis=0)])


FEATURES: dict[str, Callable[[Array], Array]] = {
    "motion": motion_energy,
    "colour": colour_histogram,
    "pixels": mean_picture,
}


def low_level_features(
    name: str, clips: Clips, settings: DataSettings, *, progress: bool = True
) -> tuple[Array, str]:
    """(clips, width) of one kind of feature, and the key of the frames it was computed from."""
    from bgs.data.clip_cache import load_frames

    kind = name.removeprefix(LOW_LEVEL)
    if kind not in FEATURES:
        raise DataError(
            f"unknown low-level predictor {name!r}",
            remedy=f"choose one of {', '.join(LOW_LEVEL + known for known in FEATURES)}",
        )
    bank = load_frames(
        clips,
        SPEC,
        decoder=settings.decoder,
        cache_dir=settings.cache_dir,
        num_workers=settings.num_workers,
        progress=progress,
    )
    compute = FEATURES[kind]
    rows = [compute(bank[place].numpy() / 255.0) for place in range(len(bank))]
    return np.stack(rows), bank.key


def _cells(picture: Array, count: int) -> Array:
    """Mean of each cell of a `count` x `count` grid."""
    height, width = picture.shape
    return np.asarray(
        picture.reshape(count, height // count, count, width // count).mean(axis=(1, 3))
    )
