"""Two views of the same distances: heat maps in one order, and maps with one dot a clip."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.rdm import RDM
from bgs.reports.canvas import Canvas
from bgs.reports.geometry import Arrangement, map_clips, rank_distances
from bgs.reports.marks import Box, Dot, Label, Picture
from bgs.reports.numbers import format_share
from bgs.reports.panels import Figure, Panel
from bgs.reports.record import RunRecord
from bgs.reports.rows import people, whose
from bgs.reports.scales import Scale

SIDE, STRIP, COLOURMAP = 300.0, 5.0, "cividis"


def name_spaces(record: RunRecord) -> dict[str, tuple[str, RDM]]:
    """The RDMs a run has, each with the title readers see."""
    titles = {
        "human": people(record.results).capitalize(),
        "before": "Before tuning",
        "after": "After tuning",
    }
    rdms = {name: getattr(record, name) for name in titles}
    return {name: (titles[name], rdm) for name, rdm in rdms.items() if rdm is not None}


def draw_rdms(record: RunRecord, arrangement: Arrangement) -> Figure:
    """Heat maps of ranked distances; rows and columns in the order of the human dendrogram everywhere."""
    panels = []
    for name, (title, rdm) in name_spaces(record).items():
        ranks = rank_distances(rdm)[np.ix_(arrangement.order, arrangement.order)]
        canvas = Canvas(SIDE, SIDE)
        inner = SIDE - STRIP - 3
        canvas.add(Picture(SIDE - inner, SIDE - inner, inner, inner, _paint(ranks)))
        _draw_strips(canvas, arrangement.groups[arrangement.order], inner=inner)
        panels.append(Panel(title, canvas, _describe_rdm(record, name, title, rdm)))
    return Figure("rdms", tuple(panels), _pair_table(record), legend=_legend())


def _draw_strips(canvas: Canvas, groups: NDArray[np.int64], *, inner: float) -> None:
    """Group colours along the two edges: the same as the dots of the map."""
    cell = inner / len(groups)
    ends = [*(np.flatnonzero(np.diff(groups)) + 1), len(groups)]
    start = 0
    for end in ends:
        role = f"group{groups[start]}"
        offset, length = SIDE - inner + cell * start, cell * (end - start)
        canvas.add(Box(offset, 0, length, STRIP, role), Box(0, offset, STRIP, length, role))
        start = end


def _paint(values: NDArray[np.float64]) -> bytes:
    """Values from 0 to 1 as pixels; NaN stays transparent, so the page shows through."""
    from matplotlib import colormaps
    from PIL import Image

    pixels = colormaps[COLOURMAP](np.nan_to_num(values), bytes=True)  # (rows, columns, 4)
    pixels[np.isnan(values)] = 0
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _legend() -> Panel:
    canvas = Canvas(SIDE, 26)
    canvas.add(Picture(0, 0, 150, 8, _paint(np.linspace(0, 1, 150)[None, :])))
    canvas.add(Label(0, 21, "closest pairs", "muted"), Label(150, 21, "furthest", "muted", "end"))
    return Panel(
        "",
        canvas,
        "Colour scale: dark blue for the closest pairs of clips, yellow for the furthest.",
    )


def _describe_rdm(record: RunRecord, name: str, title: str, rdm: RDM) -> str:
    block = record.results.get(name) or {}
    spearman = (block.get("rsa") or {}).get("spearman")
    agreement = (
        ""
        if spearman is None
        else f", Spearman correlation with {whose(record.results)} distances {format_share(spearman)}"
    )
    return (
        f"{title}: heat map of ranked distances between {len(rdm)} clips, "
        f"{rdm.num_pairs} of {len(rdm.dissimilarities)} pairs{agreement}."
    )


def _pair_table(record: RunRecord) -> pd.DataFrame:
    spaces = name_spaces(record)
    ids = np.array(spaces["human"][1].ids)
    rows, columns = np.triu_indices(len(ids), k=1)
    table = {"clip_1": ids[rows], "clip_2": ids[columns]}
    return pd.DataFrame(table | {name: rdm.dissimilarities for name, (_, rdm) in spaces.items()})


def draw_map(
    record: RunRecord, arrangement: Arrangement, *, keys: Mapping[str, str] | None = None
) -> Figure:
    """One dot a clip, coloured by its human group; `keys` link the dots of a page to its pictures."""
    spaces = name_spaces(record)
    towards, _ = map_clips(spaces["human"][1])
    panels, tables = [], []
    for name, (title, rdm) in spaces.items():
        points, shown = map_clips(rdm, towards=None if name == "human" else towards)
        canvas = _draw_dots(rdm.ids, points, arrangement, captions=record.captions, keys=keys or {})
        description = f"{title}: map of {len(rdm)} clips, {100 * shown:.0f} percent of the variance in two dimensions."
        panels.append(Panel(title, canvas, description, interactive=bool(keys)))
        columns = {"space": name, "clip": rdm.ids, "group": arrangement.groups + 1}
        tables.append(pd.DataFrame(columns | {"x": points[:, 0], "y": points[:, 1]}))
    return Figure("map", tuple(panels), pd.concat(tables, ignore_index=True))


def _draw_dots(
    ids: tuple[str, ...],
    points: NDArray[np.float64],
    arrangement: Arrangement,
    *,
    captions: Mapping[str, str],
    keys: Mapping[str, str],
) -> Canvas:
    canvas = Canvas(SIDE, SIDE)
    centre = (points.max(axis=0) + points.min(axis=0)) / 2
    reach = (
        float(np.ptp(points, axis=0).max()) / 2 or 1.0
    )  # one scale for both axes: distances mean something
    across, down = (Scale(c - reach, c + reach, 10, SIDE - 10) for c in centre)
    for (
        index
    ) in arrangement.order:  # in dendrogram order, which is also the order of the arrow keys
        clip = ids[index]
        caption = captions.get(clip, "")
        canvas.add(
            Dot(
                across(points[index, 0]),
                SIDE - down(points[index, 1]),
                5,
                f"group{arrangement.groups[index]}",
                key=keys.get(clip),
                name=f"{clip}: {caption}" if caption else clip,
            )
        )
    return canvas
