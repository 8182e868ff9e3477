"""The pictures of the page "Reading the numbers", drawn from a finished demo run with the package's own marks.

Command: python docs/draw_figures.py runs/demo         (after `bgs demo --out runs/demo`)
Cost:    a few seconds
Expect:  docs/pages/figures/{triad,ways,ranks,scores}.svg; everything in them is simulated
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bgs.rdm import RDM
from bgs.reports.canvas import Canvas, side_by_side
from bgs.reports.marks import Box, Dot, Label, Line, Picture
from bgs.reports.record import RunRecord, load_record
from bgs.reports.rows import ceilings, score_rows, whose
from bgs.reports.scores import draw_scores

FIGURES = Path(__file__).with_name("pages") / "figures"
SIDE = 120.0  # of a thumbnail, in points
FEWEST_PAIRS = 15  # with the same judged dissimilarity, for quartiles that mean something


def main() -> None:
    """Draw the figures of the run that is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a finished `bgs demo`")
    parser.add_argument("--out", type=Path, default=FIGURES)
    options = parser.parse_args()
    for file in draw_all(load_record(options.run), options.out):
        print(file)


def draw_all(record: RunRecord, out: Path) -> list[Path]:
    """Every figure as an SVG file of its own."""
    scores = draw_scores(
        score_rows(record.results), ceilings(record.results), whose=whose(record.results)
    )
    assert scores is not None, "a demo run has scores"
    drawn = {
        "triad": (draw_triad(record), "Three clips of which one was picked as the odd one out"),
        "ways": (draw_ways(), "Three distances, compared three-way and two-way"),
        "ranks": (draw_ranks(record), "Model distances against judged dissimilarities"),
        "scores": (scores.panels[0].canvas, scores.panels[0].description),
    }
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for name, (canvas, description) in drawn.items():
        files.append(out / f"{name}.svg")
        framed = Canvas(canvas.width + 16, canvas.height + 16)
        framed.add(Box(0, 0, framed.width, framed.height, "paper"))
        framed.place(canvas, x=8, y=8)
        files[-1].write_text(framed.paper_svg(description=description), encoding="utf-8")
    return files


def draw_triad(record: RunRecord) -> Canvas:
    """The first judgment about three clips that have pictures."""
    human, triads = record.human, record.triads
    assert human is not None, "a demo run has judgments"
    assert triads is not None, "a demo run has judgments"
    names = [human.ids[position] for position in triads[0]]
    canvas = Canvas(3 * SIDE + 2 * 24, SIDE + 46)
    for column, name in enumerate(names):
        x = column * (SIDE + 24)
        odd = column == 2
        if odd:
            canvas.add(Box(x - 5, 1, SIDE + 10, SIDE + 10, "accent"))
        canvas.add(Picture(x, 6, SIDE, SIDE, record.thumbnails[name]))
        text = "the odd one out" if odd else "left together"
        canvas.add(
            Label(x + SIDE / 2, SIDE + 28, text, "accent" if odd else "second", "middle", 12, odd)
        )
    return canvas


def draw_ways() -> Canvas:
    """One triad as a model sees it, and what each kind of accuracy asks of its distances."""
    three = _triangle(
        "three-way", "is A–P the shortest side?", sides=(("AP", "accent"), ("AN", "second"), ("PN", "second"))
    )  # fmt: skip
    two = _triangle(
        "two-way", "is A–P shorter than A–N?", sides=(("AP", "accent"), ("AN", "second"), ("PN", "rule"))
    )  # fmt: skip
    return side_by_side([three, two], gap=60)


def _triangle(title: str, question: str, *, sides: tuple[tuple[str, str], ...]) -> Canvas:
    canvas = Canvas(230, 190)
    corner = {"A": (40.0, 140.0), "P": (95.0, 60.0), "N": (200.0, 120.0)}
    for (start, end), role in sides:
        canvas.add(Line((corner[start], corner[end]), role, 2.5 if role == "accent" else 1.5))
    for name, (x, y) in corner.items():
        odd = name == "N"
        canvas.add(Dot(x, y, 13, "accent" if odd else "second"))
        canvas.add(Label(x, y + 4, name, "paper", "middle", 12, True))
    canvas.add(Label(0, 16, title, "ink", "start", 13, True))
    canvas.add(Label(0, 34, question, "muted", "start", 11))
    canvas.add(Label(0, 182, "A, P were left together; N was odd", "muted", "start", 10))
    return canvas


def draw_ranks(record: RunRecord) -> Canvas:
    """Ranks against ranks before and after tuning; R² is the squared correlation of exactly these."""
    assert record.human is not None, "a demo run has judgments"
    panels = []
    for name, role in (("before", "second"), ("after", "accent")):
        rdm = getattr(record, name)
        r2 = record.results[name]["rsa"]["r2"]
        panels.append(
            _rank_panel(record.human, rdm, title=f"{name} tuning, R² {r2:.2f}", role=role)
        )
    return side_by_side(panels, gap=36)


def _rank_panel(human: RDM, model: RDM, *, title: str, role: str) -> Canvas:
    """A bar a judged value: the middle half of the model's ranks, and a dot at their median."""
    canvas, size, (left, top) = Canvas(250, 280), 210.0, (10.0, 42.0)
    bottom = top + size
    seen = np.isfinite(human.dissimilarities)
    across, up = (_shares(rdm.dissimilarities[seen]) for rdm in (human, model))
    canvas.add(Line(((left, top), (left, bottom), (left + size, bottom)), "muted", 0.8))
    for value in np.unique(across):
        ranks = up[across == value]
        if len(ranks) < FEWEST_PAIRS:
            continue
        low, middle, high = np.quantile(ranks, [0.25, 0.5, 0.75])
        x = left + size * value
        canvas.add(Line(((x, bottom - size * low), (x, bottom - size * high)), role, 3.0))
        canvas.add(Dot(x, bottom - size * middle, 5.0, role))
    canvas.add(Label(left, 12, title, "ink", "start", 12, True))
    canvas.add(Label(left, 32, "↑ rank of the model's distance", "muted", "start", 11))
    canvas.add(Label(left, bottom + 18, "rank of the judged dissimilarity →", "muted", "start", 11))
    return canvas


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0 to 1, ties shared."""
    return (rankdata(values) - 1) / (len(values) - 1)


if __name__ == "__main__":
    main()
