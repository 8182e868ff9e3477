"""Where things are in the pictures of clips: boxes or masks from files (`bgs.data.region_files`), or from a detector.

    clip,frame,time_seconds,region,x0,y0,x1,y1
    wave_01,0,0.0,left person,0.10,0.22,0.38,0.97
    wave_01,0,0.0,right person,0.55,0.20,0.86,0.98
    wave_01,12,0.5,left person,0.12,0.22,0.40,0.97

Conventions
- Corners are fractions of the whole picture as it is seen, x to the right, y down, from the upper left. `frame` counts
  pictures of the file from 0 and says which moment is meant; `time_seconds` is for the reader and may be left out.
- A frame without rows takes those of the nearest frame of its clip that has some (of two, the earlier), so one
  frame in ten may do. A region without a row in such a frame is not there.
- A mask is a PNG as large as the picture, and is believed to the pixel: a table names it in a column `mask` in place
  of corners, or masks lie in a folder as CLIP/REGION.png or CLIP/FRAME/REGION.png.
- A region may have several boxes and masks. A point belongs to one region only: to the one that the file names first
  (in a folder, the first in the alphabet). What belongs to none is `background`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.data.masks import Masks
from bgs.data.region_areas import Shape, Window, cover_patches, seen_through
from bgs.errors import DataError

FloatArray = NDArray[np.float64]
BACKGROUND = "background"
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Boxes:
    """Boxes and masks of one clip, in the order of their file."""

    frame: NDArray[np.int64]  # (boxes,)
    region: NDArray[np.int64]  # (boxes,) position in the names
    corners: FloatArray  # (boxes, 4), anything where there is a mask
    mask: NDArray[np.int64] | None = None  # (boxes,) place among the masks, -1 for a box

    def __repr__(self) -> str:
        return f"Boxes({len(self.frame)} in {len(np.unique(self.frame))} frames)"

    def nearest_frame(self, frame: int) -> int:
        """The nearest frame that has any; of two, the earlier."""
        known = np.unique(self.frame)
        return int(known[int(np.argmin(np.abs(known - frame)))])

    def rows_of(self, frame: int) -> NDArray[np.int64]:
        """Those that hold in a frame: the ones of the nearest frame that has any."""
        return np.flatnonzero(self.frame == self.nearest_frame(frame))

    def mask_of(self, row: int) -> int | None:
        """Place of a row's mask, None where it is a box."""
        return None if self.mask is None or self.mask[row] < 0 else int(self.mask[row])


@dataclass(frozen=True)
class Regions:
    """Named regions of clips. `names` is the order of precedence; `background` is not among them."""

    names: tuple[str, ...]
    boxes: Mapping[str, Boxes]
    source: str = "regions"
    masks: Masks | None = None

    def __repr__(self) -> str:
        return f"Regions({', '.join(self.names)}; {len(self.boxes)} clips)"

    @property
    def clips(self) -> tuple[str, ...]:
        """The clips that have any."""
        return tuple(self.boxes)

    def cover(
        self,
        clip: str,
        *,
        frames: Sequence[int],
        grid: tuple[int, int, int],
        window: Window = WHOLE,
    ) -> FloatArray:
        """What part of each patch belongs to which region, (names + background, times, rows, columns).

        `frames` are those a model saw; `grid` is (times, rows, columns), and a time that spans several frames has
        their average. `window` is what the model saw of the picture.
        """
        found = self.boxes[clip]
        times, rows, columns = grid
        if len(frames) % times:
            raise DataError(
                f"{len(frames)} frames do not divide into {times} times",
                remedy="lay the regions over the grid of the model that saw these frames",
            )
        covers: dict[int, FloatArray] = {}
        for frame in (found.nearest_frame(frame) for frame in frames):
            if frame not in covers:  # moments close to each other share a frame
                shapes = [self._shape(found, row) for row in found.rows_of(frame).tolist()]
                covers[frame] = cover_patches(
                    shapes, num_names=len(self.names), grid=(rows, columns), window=window
                )
        whole = np.stack([covers[found.nearest_frame(frame)] for frame in frames])
        # (moments, regions, rows, columns) -> (regions, times, rows, columns)
        pooled = whole.reshape(times, -1, *whole.shape[1:]).mean(axis=1).transpose(1, 0, 2, 3)
        return np.ascontiguousarray(pooled)

    def outlines(self, clip: str, frame: int, *, window: Window = WHOLE) -> tuple[Window, ...]:
        """The boxes that hold in a frame (of a mask, the box around it), as fractions of what the model saw.

        Those outside it are left out.
        """
        found = self.boxes[clip]
        outlines = [self._outline(found, row) for row in found.rows_of(frame).tolist()]
        corners = np.array([each for each in outlines if each is not None]).reshape(-1, 4)
        shown = seen_through(window, corners)
        return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in shown.tolist() if x1 > x0 and y1 > y0)

    def check_sizes(self, clip: str, *, width: int, height: int) -> None:
        """Refuse a mask of a clip that is not as large as its picture; only headers are read."""
        places = self.boxes[clip].mask if clip in self.boxes else None
        if self.masks is not None and places is not None:
            for place in places[places >= 0].tolist():
                self.masks.check_size(place, width=width, height=height, clip=clip)

    def has_masks(self, clip: str) -> bool:
        """Whether any of a clip's regions is a mask."""
        places = self.boxes[clip].mask if clip in self.boxes else None
        return places is not None and bool((places >= 0).any())

    def _shape(self, found: Boxes, row: int) -> Shape:
        """A row's box, or its mask read from its file."""
        region, place = int(found.region[row]), found.mask_of(row)
        if place is None or self.masks is None:
            return Shape(region, corners=found.corners[row])
        return Shape(region, mask=self.masks.read(place))

    def _outline(self, found: Boxes, row: int) -> Sequence[float] | None:
        place = found.mask_of(row)
        if place is None or self.masks is None:
            return [float(end) for end in found.corners[row]]
        return self.masks.corners(place)
