"""From values to positions, and which values deserve a tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isclose, log10

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Scale:
    """A linear map from [low, high] to [start, stop] points."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The position of one value."""
        if self.high == self.low:
            return (self.start + self.stop) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def many(self, values: ArrayLike) -> NDArray[np.float64]:
        """The positions of several values."""
        return np.array([self(float(value)) for value in np.asarray(values).ravel()])


def nice_ticks(low: float, high: float, *, count: int = 5) -> list[float]:
    """About `count` round values that cover [low, high]: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / max(count - 1, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [0.0 if isclose(index, 0) else index * step for index in range(first, last + 1)]


def format_tick(value: float, ticks: Sequence[float]) -> str:
    """A tick with the digits its neighbours need, without a leading zero."""
    if value == 0:
        return "0"
    if len(ticks) == 1:  # all values are the same
        text = f"{abs(value):.3g}"
    else:
        step = min(b - a for a, b in pairwise(ticks))
        text = f"{abs(value):.{max(0, -floor(log10(step) + 1e-9))}f}"
    return ("−" if value < 0 else "") + (text[1:] if text.startswith("0.") else text)


def spread_apart(positions: Sequence[float], *, gap: float) -> list[float]:
    """The same positions moved as little as needed to lie at least `gap` apart, order kept."""
    order = np.argsort(positions, kind="stable")
    moved = np.array(positions, dtype=np.float64)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + gap)
    # Pushing only one way drifts: recentre on where the labels wanted to be.
    return list(moved - (moved.mean() - np.mean(positions)) if len(moved) else moved)
