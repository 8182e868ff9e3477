"""What is asked about a picture: whom it is about, and what the answer is.

Everything spatial is a share of the picture's width and height, (0, 0) at its top left, so that an example
does not change when the picture is resized.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from bgs.errors import DataError

SPLITS = ("train", "val", "test")
Split = Literal["train", "val", "test"]
Kind = Literal["label", "point"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle in shares of the picture: 0 <= x0 < x1 <= 1, the same for y."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            ends = ", ".join(f"{value:g}" for value in (self.x0, self.y0, self.x1, self.y1))
            raise DataError(
                f"box ({ends}) is not a rectangle inside the picture",
                remedy="give x0 < x1 and y0 < y1 as shares of width and height, from 0 to 1",
            )

    @classmethod
    def clipped(cls, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The part of a rectangle that lies in the picture; boxes drawn by hand often stick out."""
        return cls(max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0))

    @property
    def centre(self) -> Point:
        """Its middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


@dataclass(frozen=True)
class Example:
    """One question with its answer.

    `pictures` is one file, or the frames of a track in order; `boxes` says who is meant: one box, two for a
    pair, one a frame for a track. An answer is a `label`, `points` (several raters give several) or `values`.
    `group` is what must not be on both sides of a split: a person, a picture, a recording.
    """

    id: str
    pictures: tuple[Path, ...]
    boxes: tuple[Box, ...]
    group: str
    label: str | None = None
    points: tuple[Point, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    inside: bool = True  # whether the point looked at is in the picture

    def __post_init__(self) -> None:
        if not self.pictures:
            raise DataError(f"example {self.id!r} has no picture", remedy="name its file")
        if self.label is None and not self.points and not self.values and self.inside:
            raise DataError(f"example {self.id!r} has no answer", remedy="leave it out")
        for x, y in self.points:
            if not (math.isfinite(x) and math.isfinite(y)):
                raise DataError(
                    f"example {self.id!r} has the point ({x:g}, {y:g})",
                    remedy="give points as shares of width and height",
                )
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


@dataclass(frozen=True)
class Task:
    """A question that is asked of every example of a data set, and how answers are scored."""

    name: str
    title: str
    kind: Kind
    question: str
    labels: tuple[str, ...] = ()
    values: tuple[str, ...] = ()  # numbers asked beside the label
    metrics: tuple[str, ...] = ()  # the first is the headline

    def __post_init__(self) -> None:
        if (self.kind == "label") != bool(self.labels):
            raise ValueError(f"task {self.name!r} of kind {self.kind!r} has labels {self.labels}")

    @property
    def chance(self) -> float | None:
        """The accuracy of guessing among the labels; None where the answer is a point."""
        return 1 / len(self.labels) if self.labels else None


@dataclass(frozen=True, repr=False)
class TaskData:
    """The examples of a task by split, what was left out and why, and whether it is simulated."""

    task: Task
    splits: Mapping[Split, tuple[Example, ...]]
    left_out: Mapping[str, int] = field(default_factory=dict)  # reason -> examples
    notes: tuple[str, ...] = ()  # how splits were made, what else a reader should know
    simulated: bool = False

    def __post_init__(self) -> None:
        for split, examples in self.splits.items():
            if split not in SPLITS:
                raise ValueError(f"{split!r} is not a split; the splits are {', '.join(SPLITS)}")
            for example in examples:
                if example.label is not None and example.label not in self.task.labels:
                    raise DataError(
                        f"example {example.id!r} has label {example.label!r}, which task "
                        f"{self.task.name!r} does not know",
                        remedy=f"the labels are {', '.join(self.task.labels)}",
                    )
        object.__setattr__(self, "splits", MappingProxyType(dict(self.splits)))

    def __getitem__(self, split: Split) -> tuple[Example, ...]:
        return self.splits.get(split, ())

    def counts(self) -> dict[str, dict[str, int]]:
        """Examples of each label by split; for points, those with and without a target in the picture."""
        table: dict[str, dict[str, int]] = {}
        for split, examples in self.splits.items():
            row = dict.fromkeys(self.task.labels or ("inside", "outside"), 0)
            for example in examples:
                row[example.label or ("inside" if example.inside else "outside")] += 1
            table[split] = row
        return table

    def shared_groups(self) -> dict[str, int]:
        """How many groups are on both sides of each pair of splits: persons a model may know by sight."""
        groups = {split: {e.group for e in examples} for split, examples in self.splits.items()}
        names = list(groups)
        return {
            f"{a} and {b}": len(groups[a] & groups[b])
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        }

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {len(examples)}" for split, examples in self.splits.items())
        made = ", simulated" if self.simulated else ""
        return (
            f"TaskData({self.task.name!r}, {sizes}, left out {sum(self.left_out.values())}{made})"
        )
