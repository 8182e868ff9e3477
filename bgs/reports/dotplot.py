"""Rows of dots with whiskers over one axis: the shape of every comparison of models on the page.

random init   o
untuned          |--o--|        :        what is compared with stands as a dashed line
tuned                    |--*--|:
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bgs.reports.canvas import Canvas
from bgs.reports.lettering import cut_text, measure_text
from bgs.reports.marks import Dot, Label, Line, polyline
from bgs.reports.numbers import Interval
from bgs.reports.scales import Scale, format_tick, nice_ticks

WIDTH, LINE_HEIGHT, ROW, APART = 640.0, 14.0, 25.0, 9.0
LABEL_WIDTHS = (90.0, 250.0)


@dataclass(frozen=True)
class Point:
    """A value with its interval; hollow, or but a stroke, where it is there to be compared with."""

    value: float
    ci: Interval | None = None
    role: str = "ink"
    filled: bool = True
    is_stroke: bool = False


@dataclass(frozen=True)
class Row:
    """A name, its points from top to bottom, and what is printed at the end of the line."""

    label: str
    points: tuple[Point, ...]
    text: str
    role: str = "ink"
    bold: bool = False


@dataclass(frozen=True)
class Mark:
    """A value that all rows are compared with."""

    label: str
    value: float


def draw_rows(
    rows: Sequence[Row],
    marks: Sequence[Mark] = (),
    *,
    axis: str,
    keys: Sequence[tuple[str, Point]] = (),
    include: Sequence[float] = (0.0,),
) -> Canvas:
    """One line a row. `keys` explain the points above the rows; `include` are values the axis must reach."""
    widest = max(measure_text(row.label, bold=row.bold) for row in rows)
    left = min(max(widest + 14, LABEL_WIDTHS[0]), LABEL_WIDTHS[1])
    right = max(60.0, max(measure_text(row.text, bold=row.bold) for row in rows) + 16)
    top = LINE_HEIGHT * (len(marks) + bool(keys)) + 8
    height = ROW + APART * (max(len(row.points) for row in rows) - 1)
    bottom = top + height * len(rows)
    canvas = Canvas(WIDTH, bottom + 42)
    scale = _scale(rows, marks, include, start=left, stop=WIDTH - right)
    _draw_keys(canvas, keys, x=left)
    _draw_marks(canvas, marks, scale, top=LINE_HEIGHT * bool(keys), bottom=bottom)
    for index, row in enumerate(rows):
        _draw_row(canvas, row, scale, y=top + height * (index + 0.5), left=left)
    draw_axis(canvas, scale, y=bottom + 4, title=axis)
    return canvas


def _scale(
    rows: Sequence[Row],
    marks: Sequence[Mark],
    include: Sequence[float],
    *,
    start: float,
    stop: float,
) -> Scale:
    points = [point for row in rows for point in row.points]
    ends = [point.value for point in points] + [end for point in points for end in point.ci or ()]
    ends += [*include, *(mark.value for mark in marks)]
    low, high = min(ends), max(ends)
    ticks = nice_ticks(low, high if high > low else low + 0.01, count=6)
    return Scale(ticks[0], ticks[-1], start, stop)


def _draw_keys(canvas: Canvas, keys: Sequence[tuple[str, Point]], *, x: float) -> None:
    for name, point in keys:
        _draw_point(canvas, point, x=x + 5, y=8)
        canvas.add(Label(x + 14, 12, name, point.role))
        x += 14 + measure_text(name, size=11) + 18


def _draw_marks(
    canvas: Canvas, marks: Sequence[Mark], scale: Scale, *, top: float, bottom: float
) -> None:
    middle = (scale.low + scale.high) / 2
    on_left = all(mark.value > middle for mark in marks) or any(
        scale(mark.value) + 5 + measure_text(mark.label, size=11) > WIDTH for mark in marks
    )
    # Labels stand above each other, the outermost line's on top, so that no line crosses a label.
    for level, mark in enumerate(sorted(marks, key=lambda mark: mark.value, reverse=on_left)):
        x, y = scale(mark.value), top + 12.0 + LINE_HEIGHT * level
        canvas.add(Line(((x, y - 9), (x, bottom + 4)), "ink", 1.0, dash=(4.0, 3.0)))
        place, anchor = (x - 5, "end") if on_left else (x + 5, "start")
        canvas.add(Label(place, y, mark.label, "ink", "end" if anchor == "end" else "start"))


def _draw_row(canvas: Canvas, row: Row, scale: Scale, *, y: float, left: float) -> None:
    label = cut_text(row.label, left - 12, bold=row.bold)
    canvas.add(Label(left - 12, y + 4, label, row.role, "end", 12, row.bold))
    first = y - APART * (len(row.points) - 1) / 2
    canvas.add(Line(((scale.start, y), (scale.stop, y)), "rule", 0.5))
    for place, point in enumerate(row.points):
        level = first + APART * place
        if point.ci is not None:
            canvas.add(polyline(map(scale, point.ci), (level, level), role=point.role, width=2.0))
        _draw_point(canvas, point, x=scale(point.value), y=level)
    canvas.add(Label(WIDTH - 4, y + 4, row.text, row.role, "end", 12, row.bold))


def _draw_point(canvas: Canvas, point: Point, *, x: float, y: float) -> None:
    if point.is_stroke:
        canvas.add(Line(((x, y - 5), (x, y + 5)), point.role, 2.5))
    else:
        canvas.add(Dot(x, y, 4.5, point.role, filled=point.filled))


def draw_axis(canvas: Canvas, scale: Scale, *, y: float, title: str) -> None:
    """Round values below the rows, and what they are."""
    ticks = nice_ticks(scale.low, scale.high, count=6)
    canvas.add(Line(((scale(ticks[0]), y), (scale(ticks[-1]), y)), "muted", 0.8))
    for tick in ticks:
        canvas.add(Line(((scale(tick), y), (scale(tick), y + 4)), "muted", 0.8))
        canvas.add(Label(scale(tick), y + 16, format_tick(tick, ticks), "muted", "middle"))
    canvas.add(Label(scale.start, y + 32, title, "muted"))
