"""What a section about an analysis is made of: a sentence, what it does not say, figures, tables, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bgs.reports.numbers import (
    DASH,
    Interval,
    format_count,
    format_interval,
    format_percent,
    format_percents,
    format_points,
    format_share,
)
from bgs.reports.panels import Figure


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number it is sorted by."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Column:
    """A heading; columns of numbers stand flush right and sort by value."""

    name: str
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell names its row. A folded table is opened by the reader."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class Exhibit:
    """A picture that belongs to an analysis: what is said instead of it, and what stands under it."""

    name: str
    png: bytes
    words: str
    caption: str

    @property
    def width(self) -> int:
        """In pixels, as the header of a PNG has it."""
        return int.from_bytes(self.png[16:20])

    @property
    def height(self) -> int:
        """In pixels."""
        return int.from_bytes(self.png[20:24])


@dataclass(frozen=True, kw_only=True)
class Section:
    """One analysis as the page shows it."""

    kind: str
    title: str
    about: str  # how to read it, for the margin
    says: str  # one sentence that holds whichever way the result went
    says_not: str
    simulated: bool
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    gallery: Figure | None = None  # the exhibits as a file for a paper
    facts: tuple[tuple[str, str], ...] = ()


def share_cell(value: float | None) -> Cell:
    """A number that cannot pass 1."""
    return Cell(format_share(value), value)


def percent_cell(value: float | None) -> Cell:
    """A share as a percentage."""
    return Cell(format_percent(value), value)


def points_cell(value: float | None) -> Cell:
    """A difference between shares in percentage points."""
    return Cell(format_points(value), value)


def points_interval_cell(interval: Interval | None) -> Cell:
    """Both ends of a difference between shares, sorted by the lower."""
    if interval is None:
        return Cell(DASH)
    return Cell(f"[{', '.join(map(format_points, interval))}]", interval[0])


def count_cell(value: int | None) -> Cell:
    """A whole number."""
    return Cell(DASH) if value is None else Cell(format_count(value), value)


def interval_cell(interval: Interval | None) -> Cell:
    """Both ends, sorted by the lower."""
    return Cell(format_interval(interval), None if interval is None else interval[0])


def percents_cell(interval: Interval | None) -> Cell:
    """Both ends as percentages, sorted by the lower."""
    return Cell(format_percents(interval), None if interval is None else interval[0])


def join_names(names: Sequence[str], *, last: str = "and") -> str:
    """a, b and c."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def list_facts(facts: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Names and values as texts, without what is not known."""
    return tuple((name, str(value)) for name, value in facts.items() if value is not None)
