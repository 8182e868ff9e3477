"""Lines over a common axis, each named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bgs.reports.canvas import Canvas
from bgs.reports.marks import Dot, Label, Line
from bgs.reports.scales import Scale, format_tick, nice_ticks, spread_apart

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420.0, 214.0, 40.0, 100.0, 18.0, 34.0
ROLES = ("ink", "accent", "second", "muted")  # legible as text: labels stand beside their lines
DASH = (5.0, 3.0)


@dataclass(frozen=True)
class Course:
    """One line: a name and a value at each place of the axis, NaN where there is none."""

    name: str
    values: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, values: ArrayLike) -> Course:
        """From anything that can be an array."""
        return cls(name, np.asarray(values, dtype=np.float64))

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last known value."""
        known = self.values[~np.isnan(self.values)]
        return float(known[0]), float(known[-1])


def draw_curves(
    courses: Sequence[Course],
    places: ArrayLike,
    *,
    ticks: Sequence[tuple[float, str]],
    axis: str,
    mark: tuple[float, str] | None = None,
    dots: bool = False,
) -> Canvas:
    """`ticks` name places along the axis, `mark` is one that matters; `dots` where places are few and apart."""
    along = np.asarray(places, dtype=np.float64)
    values = np.concatenate([course.values for course in courses])
    levels = nice_ticks(float(np.nanmin(values)), float(np.nanmax(values)), count=4)
    across = Scale(float(along.min()), float(along.max()), LEFT, WIDTH - RIGHT)
    up = Scale(levels[0], levels[-1], HEIGHT - BOTTOM, TOP)
    canvas = Canvas(WIDTH, HEIGHT)
    _draw_axes(canvas, across, up, levels, ticks, axis)
    if mark is not None and across.low <= mark[0] <= across.high:
        x = across(mark[0])
        canvas.add(Line(((x, TOP), (x, HEIGHT - BOTTOM)), "muted", 0.8, dash=(2.0, 3.0)))
        canvas.add(Label(x, TOP - 6, mark[1], "muted", "middle"))
    ends = spread_apart([up(course.ends[1]) for course in courses], gap=13)
    for index, (course, end) in enumerate(zip(courses, ends, strict=True)):
        role = ROLES[index % len(ROLES)]
        dash = None if index < len(ROLES) else DASH
        known = ~np.isnan(course.values)
        xs, ys = across.many(along[known]), up.many(course.values[known])
        points = tuple(zip(xs.tolist(), ys.tolist(), strict=True))
        canvas.add(Line(points, role, 1.6, dash))
        canvas.add(*(Dot(x, y, 2.5, role) for x, y in (points if dots else points[-1:])))
        canvas.add(Label(WIDTH - RIGHT + 8, end + 4, course.name, role))
    return canvas


def _draw_axes(
    canvas: Canvas,
    across: Scale,
    up: Scale,
    levels: Sequence[float],
    ticks: Sequence[tuple[float, str]],
    axis: str,
) -> None:
    for level in levels:
        canvas.add(Line(((LEFT, up(level)), (WIDTH - RIGHT, up(level))), "rule", 0.5))
        canvas.add(Label(LEFT - 6, up(level) + 4, format_tick(level, levels), "muted", "end"))
    for place, name in ticks:
        canvas.add(Label(across(place), HEIGHT - BOTTOM + 16, name, "muted", "middle"))
    below = HEIGHT - BOTTOM + (16 if len(ticks) == 2 else 30)
    canvas.add(Label((LEFT + WIDTH - RIGHT) / 2, below, axis, "muted", "middle"))
