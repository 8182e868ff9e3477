"""The two lenses as a page: what a line reads off each layer, who is ahead, and whether tasks pull together.

It reads plain values, as `bgs fusion diagnose` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bgs.reports.document import Document
from bgs.reports.dotplot import Mark, Point, Row, rows_panel
from bgs.reports.fusion_diagnosis_drawing import draw_layers, draw_matrices, draw_moments
from bgs.reports.fusion_diagnosis_tables import (
    tabulate_gaps,
    tabulate_pairs,
    tabulate_parts,
    tabulate_probes,
)
from bgs.reports.numbers import format_percent, format_points, format_share
from bgs.reports.panels import Figure
from bgs.reports.section_page import write_section_page
from bgs.reports.sections import (
    Section,
    join_names,
    list_facts,
)

OVERALL = "overall"
TITLE = "Two lenses on visual encoders"
SIMULATED = "A program drew these pictures. Nothing here is a finding about pictures of people."
CAUTION = {
    "layers": "A line that finds nothing does not show that nothing is there, only that it is not laid out for a line.",
    "gaps": "An interval that includes 0 does not show that two encoders are equal, only that these examples do not "
    "tell them apart. The interval includes that another validation part might have chosen other layers; the p is of "
    "the layers that were chosen.",
    "compatibility": "Gradients are those of one brief training; intervals are over batches, not over trainings. A low "
    "cosine between two tasks that hardly agree with themselves is noise, not conflict.",
}


def write_page(results: Mapping[str, Any], out: Path) -> Path:
    """The whole diagnosis on one page."""
    document = Document(results)
    sections = view_diagnosis(document)
    watched = [row.text("encoder") for row in document.rows("compatibility", needed=False)]
    named = [row.text("name") for row in document.rows("encoders", needed=False)]
    names = list(dict.fromkeys([*named, *watched]))
    tasks = [row.text("task") for row in document.rows("tasks")]
    return write_section_page(
        sections,
        out,
        title=TITLE,
        summary=f"{join_names(names)}, frozen, on {join_names(tasks)}. {_headline(sections)}",
        simulated=SIMULATED if document.flag("simulated") else "",
    )


def _headline(sections: Sequence[Section]) -> str:
    """Who is ahead, where that was asked; otherwise the first lens that was looked through."""
    return next((part for part in sections if part.kind == "gaps"), sections[0]).says


def view_diagnosis(document: Document) -> tuple[Section, ...]:
    """A section for each lens that was looked through."""
    sections = []
    if document.rows("probes", needed=False):
        sections.append(view_layers(document))
    if document.rows("gaps", needed=False):
        sections.append(view_gaps(document))
    if document.rows("compatibility", needed=False):
        sections.append(view_compatibility(document))
    return tuple(sections)


def view_layers(document: Document) -> Section:
    """What a line reads off every layer."""
    probes, kinds = document.rows("probes"), _kinds(document)
    tasks = list(dict.fromkeys(probe.text("task") for probe in probes))
    panels = tuple(
        draw_layers(task, [p for p in probes if p.text("task") == task], kinds[task])
        for task in tasks
    )
    table = pd.DataFrame(
        [
            {"encoder": p.text("encoder"), "task": p.text("task"), **row.data}
            for p in probes
            for row in p.rows("layers")
        ]
    )
    return Section(
        kind="layers",
        title="What a line reads off",
        about="One linear probe a task and layer on the frozen encoder. Lines: test examples, layer by layer. The dot "
        "with its whisker is the layer that did best on validation examples, with a 95 % interval over groups of test "
        "examples; dashed is what who does not look would score. Labels count alike, however rare.",
        says=_say_layers(probes),
        says_not=CAUTION["layers"],
        simulated=document.flag("simulated"),
        figures=(Figure("diagnosis_layers", panels, table),),
        tables=(tabulate_probes(probes, kinds),),
        facts=_facts(document, "features", "score", "chosen_on", "max_examples"),
    )


def view_gaps(document: Document) -> Section:
    """Each encoder against the first."""
    gaps, kinds = document.rows("gaps"), _kinds(document)
    first = document.rows("encoders")[0].text("name")
    rows, told = [], []
    for gap in gaps:
        value, interval = gap.number("difference"), gap.interval()
        name = f"{gap.text('task')}: {gap.text('encoder')}"
        point = Point(100 * value, None if interval is None else _hundred(interval))
        rows.append(Row(name, (point,), format_points(value)))
        told.append(f"{name} {format_points(value)}")
    axis = f"score minus that of {first}, in points of accuracy"
    if "point" in kinds.values():
        axis += " (places: hundredths of the picture)"
    words = f"Differences from {first} with 95 percent intervals: {'; '.join(told)}."
    panel = rows_panel("", words, rows, [Mark(first, 0.0)], axis=axis)
    return Section(
        kind="gaps",
        title="Who is ahead",
        about="The chosen layer of each encoder against that of the first, on the same test examples; whiskers "
        "are 95 % intervals over their groups.",
        says=_say_gaps(gaps, first),
        says_not=CAUTION["gaps"],
        simulated=document.flag("simulated"),
        figures=(
            Figure(
                "diagnosis_gaps",
                (panel,),
                pd.DataFrame([dict(gap.data) for gap in gaps]),
            ),
        ),
        tables=(tabulate_gaps(gaps),),
        facts=_facts(document, "gaps"),
    )


def view_compatibility(document: Document) -> Section:
    """How the gradients of tasks lie to each other, at the end and on the way."""
    watched = document.rows("compatibility")
    last = [(row.text("encoder"), row.rows("moments")[-1]) for row in watched]
    step = last[0][1].count("step")
    matrices = draw_matrices(last)
    table = pd.DataFrame(
        [
            {"encoder": row.text("encoder"), "step": moment.count("step"), **pair.data}
            for row in watched
            for moment in row.rows("moments")
            for pair in moment.rows("pairs")
        ]
    )
    figures = [Figure("diagnosis_cosines", matrices, table)]
    if len(watched[0].rows("moments")) > 1:
        figures.append(Figure("diagnosis_moments", draw_moments(watched), table))
    return Section(
        kind="compatibility",
        title="Whether tasks pull together",
        about=f"Cosines between the gradients of tasks on the shared connector and language model after {step} "
        "steps. Filled blue: the same way; hollow red: against each other. Grey, on the diagonal: how far a "
        "task agrees with itself (its halves, stepped up), without which a cosine means nothing.",
        says=_say_compatibility(last),
        says_not=CAUTION["compatibility"],
        simulated=document.flag("simulated"),
        figures=tuple(figures),
        tables=(tabulate_pairs(last), tabulate_parts(last)),
        facts=_facts(document, "gradients", "language"),
    )


def _say_layers(probes: Sequence[Document]) -> str:
    above: dict[str, list[str]] = {}
    for probe in probes:
        best = probe.part("chosen")
        interval = best.interval()
        read = above.setdefault(probe.text("encoder"), [])
        if interval is not None and interval[0] > best.number("chance"):
            read.append(probe.text("task"))
    parts = [
        f"{join_names(tasks)} off {encoder}" if tasks else f"nothing off {encoder}"
        for encoder, tasks in above.items()
    ]
    return f"Better than who does not look, a line reads {'; '.join(parts)}."


def _say_gaps(gaps: Sequence[Document], first: str) -> str:
    ahead: dict[str, list[str]] = {"better": [], "worse": []}
    for gap in gaps:
        if gap.number("p_holm") < 0.05:
            side = "better" if gap.number("difference") > 0 else "worse"
            ahead[side].append(f"{gap.text('encoder')} on {gap.text('task')}")
    parts = [f"{side} than {first}: {join_names(found)}" for side, found in ahead.items() if found]
    if not parts:
        return f"After correction for {len(gaps)} comparisons no encoder differs from {first}."
    text = "; ".join(parts)
    return (
        f"{text[0].upper()}{text[1:]} (p below .05 after correction for {len(gaps)} comparisons)."
    )


def _say_compatibility(last: Sequence[tuple[str, Document]]) -> str:
    said = []
    for encoder, moment in last:
        overall, pairs = moment.part("parts").part(OVERALL), moment.rows("pairs")
        apart = [pair for pair in pairs if (ci := pair.interval()) is not None and ci[1] < 0]
        text = (
            f"behind {encoder}, {len(apart)} of {len(pairs)} pairs of tasks pull against each other, "
            f"the mean cosine is {format_share(overall.number('cosine'))}, and "
            f"{format_percent(overall.number('conflict'))} % of batches of two tasks conflict "
            f"({format_percent(overall.number('conflict_within'))} % of two batches of one)"
        )
        if apart:
            worst = min(apart, key=lambda pair: pair.number("cosine"))
            names = f"{worst.text('first')} and {worst.text('second')}"
            text += f", most of all {names} ({format_share(worst.number('cosine'))})"
        said.append(text)
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _kinds(document: Document) -> dict[str, str]:
    return {row.text("task"): row.text("kind") for row in document.rows("tasks")}


def _hundred(interval: tuple[float, float]) -> tuple[float, float]:
    return 100 * interval[0], 100 * interval[1]


def _facts(document: Document, *names: str) -> tuple[tuple[str, str], ...]:
    told = document.part("protocol").data
    facts = {name.replace("_", " "): told.get(name) for name in names}
    return list_facts({**facts, "seed": document.data.get("seed")})
