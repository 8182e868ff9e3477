"""Who helps whom, as a matrix: a row gives, a column receives.

A dot's area is the size of the gain, its colour the direction; it is filled where the interval leaves zero out, so
that what may be chance looks different from what is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bgs.reports.canvas import Canvas
from bgs.reports.marks import Dot, Label, Line
from bgs.reports.panels import Figure, Panel

CELL_WIDTH, CELL_HEIGHT, LEFT, TOP = 92.0, 58.0, 112.0, 34.0
NARROWEST = 560.0  # the title wants as much
LARGEST = 13.0  # radius of the largest gain
HELPS, HURTS = "second", "accent"


@dataclass(frozen=True)
class Gain:
    """What one row adds to one column."""

    value: float
    ci95: tuple[float, float] | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.ci95 is not None and (self.ci95[0] > 0 or self.ci95[1] < 0)


def draw_gains(
    gains: Mapping[tuple[str, str], Gain],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    name: str = "who-helps-whom",
    simulated: bool = False,
) -> Figure:
    """The matrix of `(row, column) -> gain`; a cell without one is left empty."""
    width = max(LEFT + CELL_WIDTH * len(columns) + 8, NARROWEST)
    canvas = Canvas(width, TOP + CELL_HEIGHT * len(rows) + 40)
    largest = max((abs(gain.value) for gain in gains.values()), default=0.0) or 1.0
    for place, column in enumerate(columns):
        middle = LEFT + CELL_WIDTH * (place + 0.5)
        canvas.add(Label(middle, TOP - 14, column, anchor="middle", bold=True))
    for down, row in enumerate(rows):
        top = TOP + CELL_HEIGHT * down
        canvas.add(Line(((0, top), (canvas.width, top)), "rule"))
        canvas.add(Label(LEFT - 14, top + CELL_HEIGHT / 2 + 4, row, anchor="end"))
        for across, column in enumerate(columns):
            gain = gains.get((row, column))
            if gain is not None:
                _draw_cell(canvas, gain, LEFT + CELL_WIDTH * across, top, largest)
    _draw_key(canvas, TOP + CELL_HEIGHT * len(rows), simulated=simulated)
    sure = sum(gain.is_sure for gain in gains.values())
    title = "Gain in the column's metric from training with the row's tasks"
    description = f"{title}: {len(gains)} cells, of {sure} the interval leaves out zero."
    return Figure(name, (Panel(title, canvas, description),), _table(gains))


def _draw_cell(canvas: Canvas, gain: Gain, left: float, top: float, largest: float) -> None:
    middle = left + CELL_WIDTH / 2
    radius = max(LARGEST * math.sqrt(abs(gain.value) / largest), 1.5)
    role = HELPS if gain.value >= 0 else HURTS
    canvas.add(Dot(middle, top + 18, radius, role, filled=gain.is_sure))
    canvas.add(Label(middle, top + 42, f"{gain.value:+.3f}", anchor="middle", size=10))
    if gain.ci95 is not None:
        low, high = gain.ci95
        words = f"[{low:+.2f}, {high:+.2f}]"
        canvas.add(Label(middle, top + 53, words, "muted", anchor="middle", size=8.5))


def _draw_key(canvas: Canvas, top: float, *, simulated: bool) -> None:
    y = top + 22
    canvas.add(Line(((0, top), (canvas.width, top)), "rule"))
    x = 8.0
    for role, filled, words in (
        (HELPS, True, "helps"),
        (HURTS, True, "hurts"),
        ("muted", False, "hollow: the 95 % interval holds 0"),
    ):
        canvas.add(Dot(x, y, 5, role, filled=filled))
        canvas.add(Label(x + 10, y + 4, words, "muted", size=10))
        x += 30 + 5.6 * len(words)
    if simulated:
        canvas.add(Label(canvas.width - 6, y + 4, "simulated data", "muted", anchor="end", size=10))


def _table(gains: Mapping[tuple[str, str], Gain]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "row": row,
                "column": column,
                "gain": gain.value,
                "ci95_low": None if gain.ci95 is None else gain.ci95[0],
                "ci95_high": None if gain.ci95 is None else gain.ci95[1],
            }
            for (row, column), gain in gains.items()
        ]
    )
