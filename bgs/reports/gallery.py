"""Where a model looks, before tuning and after: overlays, how far maps moved, and what lies in each region."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bgs.errors import DataError
from bgs.reports.canvas import Canvas
from bgs.reports.document import RERUN, Document
from bgs.reports.dotplot import draw_axis
from bgs.reports.marks import Dot, Label, Line, Picture
from bgs.reports.numbers import (
    format_interval,
    format_percent,
    format_share,
)
from bgs.reports.panels import Figure, Panel
from bgs.reports.regions import Share, draw_shares, read_share, say_shares, tabulate_shares
from bgs.reports.scales import Scale, nice_ticks
from bgs.reports.sections import (
    Exhibit,
    Section,
    join_names,
    list_facts,
)
from bgs.reports.thumbnails import check_png

NAMES = {"num_bootstrap": "resamples", "num_permutations": "permutations"}
WIDTH, DOT = 640.0, 7.0  # of the strip of clips; a dot and the gap to the next
SAYS_NOT = (
    "Attention says where features are gathered from, not what a judgment rests on: that maps moved does not show "
    "that agreement with the judges moved because of it."
)


def view_attention(document: Document) -> Section:
    """What `bgs attend` found; pictures lie beside the file."""
    method, clips = document.text("method"), document.count("n_clips")
    shares = [read_share(row) for row in document.part("regions").rows("shares", needed=False)]
    moved = document.part("divergence")
    exhibits = _exhibits(document)
    permutations = document.part("protocol").maybe_number("num_permutations")
    figures = [
        figure for figure in (_draw_divergence(document), draw_shares(shares)) if figure is not None
    ]
    return Section(
        kind="attention",
        title="Where the model looks",
        about=f"Attention maps ({method}) of {clips} clips, laid over their frames; bright is where most of it lies. "
        + (
            "Divergence is 1 − r between a clip's maps before tuning and after; clips that changed most come first. "
            if moved.data
            else ""
        )
        + (
            "Shares are of a clip's attention; 'by area' is what a flat map would give."
            if shares
            else ""
        ),
        says=_say(document, shares),
        says_not=SAYS_NOT,
        simulated=document.flag("simulated"),
        figures=tuple(figures),
        tables=tuple(tabulate_shares(shares, permutations=permutations)),
        exhibits=tuple(exhibits),
        gallery=_stack(exhibits),
        facts=list_facts(
            {
                "model": document.data.get("model"),
                "data": document.data.get("data"),
                "regions": document.part("regions").data.get("file"),
                **{
                    NAMES.get(name, name.replace("_", " ")): value
                    for name, value in document.part("protocol").data.items()
                    if isinstance(value, str | int | float)
                },
                "seed": document.data.get("seed"),
            }
        ),
    )


def _say(document: Document, shares: Sequence[Share]) -> str:
    moved = document.part("divergence")
    if not moved.data:
        listed = [f"{share.region} {format_percent(share.base)} %" for share in shares]
        where = f", which puts {join_names(listed)} of it in these regions" if listed else ""
        return f"Only one model was looked at{where}; nothing is compared."
    said = f"Between untuned and tuned maps the divergence is {format_share(moved.number('mean'))}"
    interval = moved.interval()
    if interval is not None:
        said += f" {format_interval(interval)}"
    said += f" on average over {document.count('n_clips')} clips"
    between = moved.maybe_number("between_clips")
    if between is not None:
        said += f", where maps of two different clips diverge by {format_share(between)}"
    return " ".join(
        filter(None, (f"{said}.", _say_chance(moved.part("shuffled")), say_shares(shares)))
    )


def _say_chance(chance: Document) -> str:
    """What the same tuning on judgments drawn by lot does to the maps, where that was asked for."""
    if not chance.data:
        return ""
    said = f"The same tuning on judgments drawn by lot moves maps by {format_share(chance.number('mean'))}"
    interval = chance.interval("difference_ci95")
    if interval is None:
        return f"{said}; the difference has no interval."
    if interval[0] <= 0 <= interval[1]:
        return f"{said}: what the judgments add is not shown to differ from 0, {format_interval(interval)}."
    size = f"{format_share(abs(chance.number('difference')))}, interval {format_interval(interval)}"
    return f"{said}: the judgments move them {'more' if interval[0] > 0 else 'less'}, by {size}."


def _draw_divergence(document: Document) -> Figure | None:
    """Every clip as a dot in a stack, with their mean and what two different clips differ by."""
    moved = document.part("divergence")
    rows = document.rows("clips", needed=False) if moved.data else []
    if not rows:
        return None
    table = pd.DataFrame(
        {
            "clip": [row.text("clip") for row in rows],
            "divergence": [row.number("divergence") for row in rows],
        }
    )
    marks = [("mean", moved.number("mean"))]
    between = moved.maybe_number("between_clips")
    if between is not None:
        marks.append(("two different clips", between))
    chance = moved.part("shuffled").maybe_number("mean")
    if chance is not None:
        marks.append(("judgments drawn by lot", chance))
    ticks = nice_ticks(0.0, max(table["divergence"].max(), *(v for _, v in marks), 0.01))
    scale = Scale(ticks[0], ticks[-1], 14, WIDTH - 60)
    stacks = ((scale.many(table["divergence"]) - scale.start) // DOT).astype(int)
    highest = int(pd.Series(stacks).value_counts().max())
    bottom = 14 * len(marks) + 10 + DOT * highest
    canvas = Canvas(WIDTH, bottom + 42)
    for level, (name, value) in enumerate(sorted(marks, key=lambda mark: -mark[1])):
        x, y = scale(value), 12.0 + 14 * level
        canvas.add(Line(((x, y - 9), (x, bottom + 4)), "ink", 1.0, dash=(4.0, 3.0)))
        flush_right = x > WIDTH / 2
        anchored = (x - 5, "end") if flush_right else (x + 5, "start")
        label = f"{name} {format_share(value)}"
        canvas.add(Label(anchored[0], y, label, "ink", "end" if flush_right else "start"))
    for stack in set(stacks):
        for place in range(int((stacks == stack).sum())):
            x = scale.start + DOT * (stack + 0.5)
            canvas.add(Dot(x, bottom - DOT * (place + 0.5), 3.2, "accent"))
    draw_axis(
        canvas, scale, y=bottom + 4, title="divergence of a clip's maps, 1 − r; one dot a clip"
    )
    words = (
        f"Divergence of attention maps of {len(table)} clips, from {format_share(moved.number('least'))} to "
        f"{format_share(moved.number('most'))}, mean {format_share(moved.number('mean'))}."
    )
    return Figure("attention_divergence", (Panel("", canvas, words),), table)


def _exhibits(document: Document) -> list[Exhibit]:
    """Overlays that are there, as the file lists them: those that changed most first."""
    found = []
    for row in document.rows("shown", needed=False):
        clip, divergence = row.text("clip"), row.maybe_number("divergence")
        caption = str(row.data.get("caption") or "")
        png = _read_picture(document, row)
        if png is None:
            continue
        words = f"Attention over frames of {clip}"
        if divergence is not None:
            words += f", before tuning and after; divergence {format_share(divergence)}"
        found.append(Exhibit(clip, png, f"{words}. {caption}".strip(), caption))
    return found


def _stack(exhibits: Sequence[Exhibit]) -> Figure | None:
    """All pictures under each other, for a file."""
    if not exhibits:
        return None
    heights = [WIDTH * exhibit.height / exhibit.width for exhibit in exhibits]
    canvas = Canvas(WIDTH, sum(heights))
    y = 0.0
    for exhibit, height in zip(exhibits, heights, strict=True):
        canvas.add(Picture(0, y, WIDTH, height, exhibit.png))
        y += height
    table = pd.DataFrame(
        [(exhibit.name, exhibit.words) for exhibit in exhibits], columns=["clip", "words"]
    )
    words = " ".join(exhibit.words for exhibit in exhibits)
    return Figure("attention_gallery", (Panel("", canvas, words),), table)


def _read_picture(document: Document, row: Document) -> bytes | None:
    if document.file is None or not row.has("png"):
        return None
    named = Path(row.text("png"))
    if named.is_absolute() or ".." in named.parts:
        raise DataError(
            f"{row.place}png is {str(named)!r}, outside the folder of analyses",
            remedy=RERUN,
            file=document.file,
        )
    file = document.file.parent / named
    if not file.is_file():
        return None
    if not file.resolve().is_relative_to(document.file.parent.resolve()):
        raise DataError("a link out of the folder of analyses", remedy=RERUN, file=file)
    return check_png(file)
