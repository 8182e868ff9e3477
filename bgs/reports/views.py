"""A run as the page shows it: facts, rows, figures, neighbours and flips, ready to be filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bgs.reports.facts import count_rows, say_facts, say_provenance
from bgs.reports.figures import draw_figures
from bgs.reports.geometry import Arrangement, Flip, arrange, find_flips, nearest_clips
from bgs.reports.numbers import Interval, as_interval
from bgs.reports.panels import Figure
from bgs.reports.record import RunRecord
from bgs.reports.rows import (
    REHEARSAL,
    CeilingLine,
    ScoreRow,
    ceilings,
    is_rehearsal,
    people,
    score_rows,
    whose,
)
from bgs.reports.sections import Section
from bgs.reports.spaces import name_spaces
from bgs.reports.summary import read_interval, summarise

NUM_QUERIES, NUM_NEIGHBOURS, NUM_FLIPS = 6, 4, 6


@dataclass(frozen=True)
class ClipView:
    """A clip wherever it appears: its picture, if there is one, and its words."""

    key: str
    name: str
    caption: str
    group: int
    has_picture: bool

    @property
    def words(self) -> str:
        """What is read out instead of the picture."""
        return f"{self.name}: {self.caption}" if self.caption else self.name


@dataclass(frozen=True)
class NeighbourRow:
    """One clip and, for each space, the clips nearest to it."""

    query: ClipView
    strips: tuple[tuple[ClipView, ...], ...]


@dataclass(frozen=True)
class FlipView:
    """The three clips of a judgment; `wrong` is the one the mistaken model found odd."""

    clips: tuple[ClipView, ClipView, ClipView]
    wrong: int


@dataclass(frozen=True)
class FlipCount:
    """How many judgments changed sides, and the clearest examples."""

    judgments: int
    mended: int
    broken: int
    examples_mended: tuple[FlipView, ...]
    examples_broken: tuple[FlipView, ...]


@dataclass(frozen=True)
class DifferenceRow:
    """What the tuned model gained over one other."""

    over: str
    r2: float | None
    ci: Interval | None
    reading: str


@dataclass(frozen=True)
class RunView:
    """Everything the template needs about one run."""

    key: str
    name: str
    simulated: bool
    rehearsal: str  # what to say of a run whose numbers mean nothing; empty for others
    people: str
    whose: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    exclusions: tuple[tuple[str, int], ...]
    rows: tuple[ScoreRow, ...]
    ceilings: tuple[CeilingLine, ...]
    differences: tuple[DifferenceRow, ...]
    figures: Mapping[str, Figure]
    spaces: tuple[str, ...]
    neighbours: tuple[NeighbourRow, ...]
    flips: FlipCount | None
    analyses: tuple[Section, ...]
    provenance: tuple[tuple[str, str], ...]
    config: str

    @property
    def contents(self) -> dict[str, str]:
        """The sections that this run has, in the order of the page, by the end of their anchor."""
        titles = {section.kind: section.title for section in self.analyses}
        first = {kind: title for kind, title in titles.items() if kind == "leaderboard"}
        has = {
            "what": ("What was run", self.facts),
            "scores": (f"Agreement with {self.people}", self.rows),
            **{kind: (title, True) for kind, title in first.items()},
            "rdms": ("Distances between clips", "rdms" in self.figures),
            "map": ("A map of the clips", "map" in self.figures),
            "near": ("Nearest neighbours", self.neighbours),
            "flips": ("Judgments that flipped", self.flips),
            **{kind: (title, True) for kind, title in titles.items() if kind not in first},
            "learning": ("Learning curve", "learning_curve" in self.figures),
            "provenance": ("Provenance", self.provenance or self.config),
        }
        return {name: title for name, (title, there) in has.items() if there}

    @property
    def headline(self) -> Mapping[str, Any]:
        """The cells of this run in the comparison of several."""
        by_role = {row.role: row for row in self.rows}
        best = max(self.rows, key=lambda row: -1.0 if row.r2 is None else row.r2, default=None)
        after = by_role.get("after", best)
        return {
            "before": by_role.get("before"),
            "after": after,
            "difference": self.differences[0] if self.differences else None,
            "bound": next((line.r2 for line in self.ceilings if line.key == "max_model"), None),
        }


def view_run(record: RunRecord, *, key: str, keys: Mapping[str, str]) -> RunView:
    """Prepare one run; `keys` gives every clip of the page the name its picture is stored under."""
    results = record.results
    arrangement = None if record.human is None else arrange(record.human)
    clips = _view_clips(record, arrangement, keys)
    return RunView(
        key=key,
        name=record.name,
        simulated=record.simulated,
        rehearsal=REHEARSAL if is_rehearsal(results) else "",
        people=people(results),
        whose=whose(results),
        summary=summarise(results),
        facts=tuple(say_facts(results)),
        exclusions=tuple(count_rows(results)),
        rows=tuple(score_rows(results)),
        ceilings=tuple(ceilings(results)),
        differences=tuple(_differences(results)),
        figures=draw_figures(record, keys=keys),
        spaces=tuple(title for title, _ in name_spaces(record).values()),
        neighbours=tuple(_neighbours(record, arrangement, clips)),
        flips=_flips(record, clips),
        analyses=record.analyses,
        provenance=tuple(say_provenance(results)),
        config=record.config,
    )


def _view_clips(
    record: RunRecord, arrangement: Arrangement | None, keys: Mapping[str, str]
) -> list[ClipView]:
    if record.human is None or arrangement is None:
        return []
    return [
        ClipView(
            key=keys[clip],
            name=clip,
            caption=record.captions.get(clip, ""),
            group=int(arrangement.groups[index]),
            has_picture=clip in record.thumbnails,
        )
        for index, clip in enumerate(record.human.ids)
    ]


def _differences(results: Mapping[str, Any]) -> list[DifferenceRow]:
    found: Sequence[Mapping[str, Any]] = results.get("comparisons") or (
        [results["difference"]] if results.get("difference") else []
    )
    return [
        DifferenceRow(
            str(item.get("from", "before tuning")),
            item.get("r2"),
            interval := as_interval(item.get("ci95")),
            read_interval(interval),
        )
        for item in found
    ]


def _neighbours(
    record: RunRecord, arrangement: Arrangement | None, clips: Sequence[ClipView]
) -> list[NeighbourRow]:
    """A few clips spread evenly over the human order, so that no one picks the flattering ones."""
    if arrangement is None or not record.thumbnails or record.after is None:
        return []
    rdms = [rdm for _, rdm in name_spaces(record).values()]
    nearest = [nearest_clips(rdm, count=min(NUM_NEIGHBOURS, len(clips) - 1)) for rdm in rdms]
    places = np.linspace(0, len(clips) - 1, min(NUM_QUERIES, len(clips))).round().astype(int)
    return [
        NeighbourRow(
            clips[query], tuple(tuple(clips[i] for i in table[query]) for table in nearest)
        )
        for query in arrangement.order[places]
    ]


def _flips(record: RunRecord, clips: Sequence[ClipView]) -> FlipCount | None:
    if record.triads is None or record.before is None or record.after is None:
        return None
    mended, broken = find_flips(record.before, record.after, record.triads)

    def show(flips: Sequence[Flip], *, wrong: str) -> tuple[FlipView, ...]:
        return tuple(
            FlipView((clips[a], clips[b], clips[c]), getattr(flip, wrong))
            for flip in flips[:NUM_FLIPS]
            for a, b, c in [flip.clips]
        )

    return FlipCount(
        judgments=len(record.triads),
        mended=len(mended),
        broken=len(broken),
        examples_mended=show(mended, wrong="before"),
        examples_broken=show(broken, wrong="after"),
    )
