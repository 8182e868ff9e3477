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
from bgs.reports.panels import Panel
from bgs.reports.scales import Scale, format_tick, nice_ticks

WIDTH, NARROW, LINE_HEIGHT, ROW, APART = 640.0, 370.0, 14.0, 25.0, 9.0
ABOVE = 15.0  # on a narrow canvas names stand above their lines
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
    width: float = WIDTH,
) -> Canvas:
    """One line a row. `keys` explain the points above the rows; `include` are values the axis must reach."""
    stacked = width < WIDTH
    widest = max(measure_text(row.label, bold=row.bold) for row in rows)
    left = 12.0 if stacked else min(max(widest + 14, LABEL_WIDTHS[0]), LABEL_WIDTHS[1])
    right = max(60.0, max(measure_text(row.text, bold=row.bold) for row in rows) + 16)
    lines = _arrange_keys(keys, x=left, width=width)
    top = LINE_HEIGHT * (len(marks) + len(lines)) + 8
    above = ABOVE * stacked
    height = ROW + above + APART * (max(len(row.points) for row in rows) - 1)
    bottom = top + height * len(rows)
    titles = _break_text(axis, width - 8) if stacked else [axis]
    canvas = Canvas(width, bottom + 42 + LINE_HEIGHT * (len(titles) - 1))
    scale = _scale(rows, marks, include, start=left, stop=width - right)
    _draw_keys(canvas, lines)
    _draw_marks(canvas, marks, scale, top=LINE_HEIGHT * len(lines), bottom=bottom)
    for index, row in enumerate(rows):
        y = top + height * (index + 0.5) + above / 2
        _draw_row(canvas, row, scale, y=y, left=left, stacked=stacked)
    draw_axis(canvas, scale, y=bottom + 4, title=titles[0])
    for place, line in enumerate(titles[1:], start=1):
        canvas.add(Label(scale.start, bottom + 36 + LINE_HEIGHT * place, line, "muted"))
    return canvas


def rows_panel(
    title: str,
    description: str,
    rows: Sequence[Row],
    marks: Sequence[Mark] = (),
    *,
    axis: str,
    keys: Sequence[tuple[str, Point]] = (),
    include: Sequence[float] = (0.0,),
) -> Panel:
    """The same rows for a page and for a phone."""
    wide, narrow = (
        draw_rows(rows, marks, axis=axis, keys=keys, include=include, width=width)
        for width in (WIDTH, NARROW)
    )
    return Panel(title, wide, description, narrow=narrow)


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


def _arrange_keys(
    keys: Sequence[tuple[str, Point]], *, x: float, width: float
) -> list[list[tuple[float, str, Point]]]:
    """Keys with their places, in as many lines as it takes."""
    lines: list[list[tuple[float, str, Point]]] = []
    place = width
    for name, point in keys:
        needed = 14 + measure_text(name, size=11)
        if place + needed > width:
            lines.append([])
            place = x
        lines[-1].append((place, name, point))
        place += needed + 18
    return lines


def _draw_keys(canvas: Canvas, lines: Sequence[Sequence[tuple[float, str, Point]]]) -> None:
    for level, line in enumerate(lines):
        for x, name, point in line:
            _draw_point(canvas, point, x=x + 5, y=8 + LINE_HEIGHT * level)
            canvas.add(Label(x + 14, 12 + LINE_HEIGHT * level, name, point.role))


def _break_text(text: str, width: float) -> list[str]:
    """Words in lines of the small size; a word longer than a line stays whole."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure_text(longer, size=11) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _draw_marks(
    canvas: Canvas, marks: Sequence[Mark], scale: Scale, *, top: float, bottom: float
) -> None:
    middle = (scale.low + scale.high) / 2
    on_left = all(mark.value > middle for mark in marks) or any(
        scale(mark.value) + 5 + measure_text(mark.label, size=11) > canvas.width for mark in marks
    )
    # Labels stand above each other, the outermost line's on top, so that no line crosses a label.
    for level, mark in enumerate(sorted(marks, key=lambda mark: mark.value, reverse=on_left)):
        x, y = scale(mark.value), top + 12.0 + LINE_HEIGHT * level
        canvas.add(Line(((x, y - 9), (x, bottom + 4)), "ink", 1.0, dash=(4.0, 3.0)))
        if on_left and x - 5 >= measure_text(mark.label, size=11):
            canvas.add(Label(x - 5, y, mark.label, "ink", "end"))
        else:  # there, or where nothing is left of it
            canvas.add(Label(x + 5, y, mark.label, "ink", "start"))


def _draw_row(
    canvas: Canvas, row: Row, scale: Scale, *, y: float, left: float, stacked: bool
) -> None:
    if stacked:
        label = cut_text(row.label, canvas.width - left, bold=row.bold)
        start = y - APART * (len(row.points) - 1) / 2 - ABOVE + 4
        canvas.add(Label(left, start, label, row.role, "start", 12, row.bold))
    else:
        label = cut_text(row.label, left - 12, bold=row.bold)
        canvas.add(Label(left - 12, y + 4, label, row.role, "end", 12, row.bold))
    first = y - APART * (len(row.points) - 1) / 2
    canvas.add(Line(((scale.start, y), (scale.stop, y)), "rule", 0.5))
    for place, point in enumerate(row.points):
        level = first + APART * place
        if point.ci is not None:
            canvas.add(polyline(map(scale, point.ci), (level, level), role=point.role, width=2.0))
        _draw_point(canvas, point, x=scale(point.value), y=level)
    canvas.add(Label(canvas.width - 4, y + 4, row.text, row.role, "end", 12, row.bold))


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
