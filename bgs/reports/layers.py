"""Agreement with people over the layers of a model; the chosen layer was chosen on validation clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bgs.reports.canvas import Canvas
from bgs.reports.curves import Course, draw_curves
from bgs.reports.document import Document
from bgs.reports.numbers import format_interval, format_share
from bgs.reports.panels import Figure, Panel
from bgs.reports.rows import people
from bgs.reports.sections import Cell, Column, Section, Table, list_facts, share_cell

MOST_TICKS = 13  # names of layers that fit beside each other
SAYS_NOT = (
    "Held-out scores of other layers are shown, not chosen by, and have no intervals here: "
    "the order of neighbouring layers may be chance."
)


@dataclass(frozen=True)
class Layer:
    """One layer: its Spearman correlations, and R² of the ratings read off it where that was asked for."""

    name: str
    validation: float
    test: float
    chosen: bool
    ratings: Mapping[str, float | None]


def view_layers(document: Document) -> Section:
    """What `bgs layers` found."""
    layers = _read(document)
    names = dict.fromkeys(name for layer in layers for name in layer.ratings)
    ratings = [
        name for name in names if any(layer.ratings.get(name) is not None for layer in layers)
    ]
    judges = people(document.data)
    return Section(
        kind="layers",
        title="Layers",
        about=f"Spearman correlation of each layer's distances with {judges}. The dotted line marks the layer that "
        "agrees best on validation clips; held-out clips had no part in the choice."
        + (" Ratings are read off validation clips by a ridge regression." if ratings else ""),
        says=_say(document, judges),
        says_not=SAYS_NOT,
        simulated=document.flag("simulated"),
        figures=(_draw(layers, ratings),),
        tables=(_tabulate(layers, ratings),),
        facts=list_facts(
            {
                "model": document.data.get("model"),
                "data": document.data.get("data"),
                "chosen on": document.part("protocol").data.get("chosen_on"),
                "seed": document.data.get("seed"),
            }
        ),
    )


def _read(document: Document) -> list[Layer]:
    probes = {row.text("layer"): row for row in document.rows("probes", needed=False)}
    layers = []
    for row in document.rows("layers"):
        name = row.text("layer")
        probe = probes.get(name)
        keys = [] if probe is None else [key for key in probe.data if key != "layer"]
        ratings = {} if probe is None else {key: probe.maybe_number(key) for key in keys}
        scores = row.number("validation_spearman"), row.number("test_spearman")
        layers.append(Layer(name, *scores, row.flag("chosen"), ratings))
    return layers


def _say(document: Document, judges: str) -> str:
    chosen = document.part("chosen")
    score = f"R² {format_share(chosen.number('r2'))}"
    interval = chosen.interval()
    if interval is not None:
        score += f" {format_interval(interval)}"
    best = "the head" if chosen.text("layer") == "head" else chosen.text("layer")
    layers = f"{len(document.rows('layers'))} layers of {document.text('model')}"
    return (
        f"Of {layers}, {best} agrees best with {judges} on validation clips; on held-out clips it "
        f"reaches a Spearman correlation of {format_share(chosen.number('spearman'))}, {score}."
    )


def _draw(layers: Sequence[Layer], ratings: Sequence[str]) -> Figure:
    courses = [
        Course.of("validation clips", [layer.validation for layer in layers]),
        Course.of("held-out clips", [layer.test for layer in layers]),
    ]
    told = "; ".join(
        f"{layer.name} {format_share(layer.validation)} and {format_share(layer.test)}"
        for layer in layers
    )
    words = f"Spearman correlation on validation and on held-out clips, layer by layer: {told}."
    panels = [Panel("Agreement, Spearman", _curves(courses, layers), words)]
    table = pd.DataFrame(
        {
            "layer": [layer.name for layer in layers],
            "validation_spearman": [layer.validation for layer in layers],
            "test_spearman": [layer.test for layer in layers],
            "chosen": [layer.chosen for layer in layers],
        }
    )
    for name in ratings:
        table[f"rating_{name}"] = [layer.ratings.get(name) for layer in layers]
    if ratings:
        courses = [Course.of(name, table[f"rating_{name}"].astype(float)) for name in ratings]
        ends = ", ".join(
            f"{course.name} from {format_share(course.ends[0])} to {format_share(course.ends[1])}"
            for course in courses
        )
        words = f"R squared of each rating from the first layer to the last: {ends}."
        panels.append(Panel("Ratings read off, R²", _curves(courses, layers), words))
    return Figure("layers", tuple(panels), table)


def _curves(courses: Sequence[Course], layers: Sequence[Layer]) -> Canvas:
    step = -(-len(layers) // MOST_TICKS)
    shown = sorted({*range(0, len(layers), step), len(layers) - 1})
    ticks = [(float(place), layers[place].name.removeprefix("layer ")) for place in shown]
    chosen = [(float(place), "chosen") for place, layer in enumerate(layers) if layer.chosen]
    mark = chosen[0] if chosen else None
    return draw_curves(courses, range(len(layers)), ticks=ticks, axis="layer", mark=mark, dots=True)


def _tabulate(layers: Sequence[Layer], ratings: Sequence[str]) -> Table:
    rows = tuple(
        (
            Cell(layer.name + (" (chosen)" if layer.chosen else "")),
            share_cell(layer.validation),
            share_cell(layer.test),
            *(share_cell(layer.ratings.get(name)) for name in ratings),
        )
        for layer in layers
    )
    heads = ("Validation clips", "Held-out clips", *(f"R² {name}" for name in ratings))
    caption = "Spearman correlation of every layer" + (
        ", and how well ratings are read off it" if ratings else ""
    )
    return Table(caption, (Column("Layer", False), *map(Column, heads)), rows, folded=True)
