"""What a figure is made of: lines, dots, boxes, labels, pictures.

A mark names its colour by role ("ink", "accent"). The page resolves roles through CSS variables, so one
drawing serves light and dark; paper resolves them to the values here. Coordinates are points from the
upper left corner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Anchor = Literal["start", "middle", "end"]

# Groups are Okabe and Ito's colours: apart from each other under every common colour blindness.
PAPER = {
    "ink": "#1a1a18",
    "muted": "#5c5b55",
    "rule": "#c9c7bd",
    "paper": "#ffffff",
    "accent": "#b5341c",
    "second": "#2d6187",
    "group0": "#0072b2",
    "group1": "#d55e00",
    "group2": "#009e73",
    "group3": "#b6689a",
}


@dataclass(frozen=True)
class Line:
    """A polyline."""

    points: tuple[tuple[float, float], ...]
    role: str = "ink"
    width: float = 1.0
    dash: tuple[float, float] | None = None


@dataclass(frozen=True)
class Dot:
    """A circle; `key` and `name` make it something that can be pointed at and read out on the page."""

    x: float
    y: float
    radius: float
    role: str = "ink"
    filled: bool = True
    key: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Box:
    """A filled rectangle without outline."""

    x: float
    y: float
    width: float
    height: float
    role: str = "ink"


@dataclass(frozen=True)
class Label:
    """A line of text; y is its baseline."""

    x: float
    y: float
    text: str
    role: str = "ink"
    anchor: Anchor = "start"
    size: float = 11.0
    bold: bool = False


@dataclass(frozen=True)
class Picture:
    """A raster whose pixels stay sharp when they are enlarged."""

    x: float
    y: float
    width: float
    height: float
    png: bytes


Mark = Line | Dot | Box | Label | Picture


def polyline(
    xs: Iterable[float], ys: Iterable[float], *, role: str = "ink", width: float = 1.0
) -> Line:
    """A line through these points."""
    return Line(tuple(zip(map(float, xs), map(float, ys), strict=True)), role, width)


def shift(mark: Mark, x: float, y: float) -> Mark:
    """The same mark somewhere else."""
    if isinstance(mark, Line):
        return replace(mark, points=tuple((px + x, py + y) for px, py in mark.points))
    return replace(mark, x=mark.x + x, y=mark.y + y)
