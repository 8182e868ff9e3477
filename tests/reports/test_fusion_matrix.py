"""The matrix of who helps whom: what is sure is filled, what is not is hollow, and the numbers are beside it."""

from __future__ import annotations

import pandas as pd
import pytest

from bgs.reports.fusion_matrix import Gain, draw_gains
from bgs.reports.marks import Dot, Label

GAINS = {
    ("all others", "faces"): Gain(0.08, (0.02, 0.14)),
    ("all others", "hands"): Gain(-0.04, (-0.07, -0.01)),
    ("faces", "hands"): Gain(0.01, (-0.03, 0.05)),
    ("hands", "faces"): Gain(0.02, None),
}


def draw(**options):
    rows, columns = ("all others", "faces", "hands"), ("faces", "hands")
    return draw_gains(GAINS, rows=rows, columns=columns, **options)


def test_dots_say_direction_size_and_whether_it_may_be_chance():
    (panel,) = draw().panels
    dots = [mark for mark in panel.canvas.marks if isinstance(mark, Dot)][: len(GAINS)]
    assert [dot.filled for dot in dots] == [True, True, False, False]
    assert [dot.role for dot in dots] == ["second", "accent", "second", "second"]
    areas = [dot.radius**2 for dot in dots]
    assert areas[0] / areas[1] == pytest.approx(2.0)  # area, not radius
    assert "of 2 the interval leaves out zero" in panel.description


def test_the_diagonal_is_empty_and_simulation_is_said():
    texts = [mark.text for mark in draw(simulated=True).panels[0].canvas.marks if isinstance(mark, Label)]  # fmt: skip
    assert "simulated data" in texts
    assert sum(text.startswith(("+", "-")) for text in texts) == len(GAINS)
    assert "simulated data" not in [
        mark.text for mark in draw().panels[0].canvas.marks if isinstance(mark, Label)
    ]


def test_the_numbers_are_written_beside_it(tmp_path):
    files = draw().write(tmp_path)
    assert [file.name for file in files] == [f"who-helps-whom.{kind}" for kind in ("svg", "pdf", "csv")]  # fmt: skip
    table = pd.read_csv(files[-1])
    assert table["gain"].tolist() == [gain.value for gain in GAINS.values()]
    assert pd.isna(table["ci95_low"].iloc[-1])
