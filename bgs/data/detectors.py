"""Regions by a detector of the user's: what it says is checked, and where it fails, it is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bgs.clip_ids import find_id_problem
from bgs.data.regions import BACKGROUND, Boxes, Regions
from bgs.errors import DataError

FloatArray = NDArray[np.float64]


class Detector(Protocol):
    """Finds people, faces or things: one picture (height, width, 3) uint8 -> (region, x0, y0, x1, y1) in pixels."""

    def __call__(
        self, picture: NDArray[np.uint8], /
    ) -> Iterable[tuple[str, float, float, float, float]]:
        """The boxes of one picture."""
        ...  # fmt: skip


def from_detector(
    detect: Detector, clips: Iterable[tuple[str, Iterable[tuple[int, NDArray[np.uint8]]]]]
) -> Regions:
    """Regions by a detector of the user's: (clip, its frames as (frame, picture)) in, boxes out.

    Pictures are asked for one at a time, so that they need not all be in memory. Boxes are cut at the picture's edge.
    Precedence is the order in which regions are first found.
    """
    names: dict[str, int] = {}
    boxes = {}
    for clip, seen in clips:
        rows = [
            (frame, names.setdefault(region, len(names)), corners)
            for frame, picture in seen
            for region, corners in _detected(detect, picture, where=f"clip {clip!r}, frame {frame}")
        ]
        if rows:
            frames, codes, corners_ = zip(*rows, strict=True)
            boxes[clip] = Boxes(np.array(frames), np.array(codes), np.array(corners_))
    return Regions(tuple(names), boxes, source=_name_of(detect))


def _name_of(detect: Detector) -> str:
    return str(getattr(detect, "__name__", type(detect).__name__))


def _detected(
    detect: Detector, picture: NDArray[np.uint8], *, where: str
) -> list[tuple[str, FloatArray]]:
    """The boxes of one picture as fractions of it; empty ones are dropped, nonsense is refused."""
    height, width = picture.shape[:2]
    found: list[tuple[str, FloatArray]] = []
    for box in _ask(detect, picture, where=where):
        region, corners = _read_box(box, detect, where=where)
        x0, y0, x1, y1 = kept = np.clip(corners / [width, height, width, height], 0, 1)
        if x1 > x0 and y1 > y0:
            found.append((region, kept))
    return found


def _ask(detect: Detector, picture: NDArray[np.uint8], *, where: str) -> list[Any]:
    """What somebody else's code says of a picture; whatever it does instead is told as its own mistake."""
    try:
        answer: Any = detect(picture)
        listed = isinstance(answer, Iterable) and not isinstance(answer, (str, bytes, Mapping))
        boxes = list(answer) if listed else None
    except (Exception, SystemExit) as error:
        raise DataError(
            f"detector {_name_of(detect)!r} failed on {where} ({type(error).__name__}: {error})",
            remedy="mend it; it is given one picture (height, width, 3) uint8",
        ) from error
    if boxes is None:
        raise DataError(
            f"detector {_name_of(detect)!r} returned {answer!r} for {where}",
            remedy="return a list of (region, x0, y0, x1, y1) in pixels, empty where nothing is found",
        )
    return boxes


def _read_box(box: Any, detect: Detector, *, where: str) -> tuple[str, FloatArray]:
    """The name and the four corners in pixels."""
    try:
        region, *rest = box
        corners = np.asarray(rest, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # a tensor raises the last
        region, corners = None, np.empty(0)
    if not isinstance(region, str) or corners.shape != (4,) or not np.isfinite(corners).all():
        raise DataError(
            f"detector {_name_of(detect)!r} returned {box!r} for {where}",
            remedy="return (region, x0, y0, x1, y1) in pixels for every box, the region as text",
        )
    problem = find_id_problem(region)
    if region == BACKGROUND:
        problem = f"is {region!r}, which is what no region covers", "give it another name"
    if problem is not None:
        raise DataError(
            f"detector {_name_of(detect)!r}: the region of a box on {where} {problem[0]}",
            remedy=problem[1],
        )
    return str(region), corners
