"""The page of the two lenses, from plain values."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.reports.document import Document
from bgs.reports.fusion_diagnosis import view_diagnosis, write_page
from bgs.reports.picture_sheet import TARGET, Tile, draw_tiles

HOSTILE = "<script>alert(1)</script>"


def pair(first: str, second: str, cosine: float) -> dict[str, Any]:
    return {
        "first": first, "second": second, "part": "overall", "cosine": cosine,
        "ci95": [cosine - 0.1, cosine + 0.1], "reliability": [0.9, 0.8], "without_noise": None,
        "conflict": 0.6, "conflict_within": 0.1, "ratio": 0.5, "num_batches": 8,
    }  # fmt: skip


def results(*, difference: float = -0.2, p_holm: float = 0.01) -> dict[str, Any]:
    def probe(encoder: str, task: str, score: float) -> dict[str, Any]:
        return {
            "encoder": encoder,
            "task": task,
            "layers": [{"layer": k, "validation": 0.1 * k, "test": score} for k in (1, 2)],
            "chosen": {
                "layer": 2, "penalty": 1.0, "score": score, "ci95": [score - 0.05, score + 0.05],
                "chance": 0.5, "n_examples": 9, "n_groups": 9,
            },
        }  # fmt: skip

    moments = [
        {
            "step": step,
            "losses": {"lam": 1.0, HOSTILE: 2.0},
            "parts": {
                part: {
                    "cosine": -0.3,
                    "without_noise": None,
                    "conflict": 0.6,
                    "conflict_within": 0.1,
                    "ratio": 0.5,
                }
                for part in ("connector", "overall")
            },
            "pairs": [pair("lam", HOSTILE, -0.3)],
        }
        for step in (0, 10)
    ]
    return {
        "simulated": True,
        "encoders": [{"name": "base"}, {"name": HOSTILE}],
        "tasks": [{"task": "lam", "kind": "label"}, {"task": HOSTILE, "kind": "label"}],
        "probes": [
            probe(encoder, task, score)
            for encoder, score in (("base", 0.7), (HOSTILE, 0.5))
            for task in ("lam", HOSTILE)
        ],
        "gaps": [
            {
                "encoder": HOSTILE, "task": "lam", "first": 0.7, "second": 0.7 + difference, "difference": difference,
                "ci95": [difference - 0.1, difference + 0.1], "p": 0.01, "p_holm": p_holm,
            }
        ],
        "compatibility": [{"encoder": name, "moments": moments} for name in ("base", HOSTILE)],
        "protocol": {"score": HOSTILE},
        "seed": 0,
    }  # fmt: skip


def test_nothing_of_the_data_is_run_or_loaded(tmp_path: Path):
    page = write_page(results(), tmp_path / "page.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page
    assert "Simulated data." in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def says(found: dict[str, Any]) -> dict[str, str]:
    return {section.kind: section.says for section in view_diagnosis(Document(found))}


def test_the_sentences_hold_whichever_way_it_went():
    told = says(results())
    assert told["layers"].startswith("Better than who does not look, a line reads lam and <script>")
    assert f"nothing off {HOSTILE}" in told["layers"]
    assert told["gaps"] == (
        f"Worse than base: {HOSTILE} on lam (p below .05 after correction for 1 comparisons)."
    )
    assert (
        "behind base, 1 of 1 pairs of tasks pull against each other"
        in told["compatibility"].lower()
    )
    assert says(results(difference=0.2))["gaps"].startswith("Better than base")
    none = says(results(p_holm=0.4))["gaps"]
    assert none == "After correction for 1 comparisons no encoder differs from base."


def test_one_lens_alone_has_its_section_alone():
    found = {**results(), "probes": [], "gaps": []}
    assert list(says(found)) == ["compatibility"]
    found = {**results(), "compatibility": []}
    assert list(says(found)) == ["layers", "gaps"]


def test_figures_hold_the_numbers():
    sections = {section.kind: section for section in view_diagnosis(Document(results()))}
    table = sections["layers"].figures[0].table
    assert set(table.columns) == {"encoder", "task", "layer", "validation", "test"}
    assert len(table) == 8
    assert sections["gaps"].figures[0].table["difference"].tolist() == [-0.2]
    cosines, moments = sections["compatibility"].figures
    assert [panel.title for panel in cosines.panels] == [
        "base",
        HOSTILE,
    ]  # each stands alone where it is narrow
    assert [panel.title for panel in moments.panels] == [
        "Mean cosine, step by step",
        "Share of batches in conflict, step by step",
    ]
    assert "behind base −.300, −.300" in moments.panels[0].description


def test_a_value_that_is_missing_is_named():
    found = deepcopy(results())
    del found["probes"][0]["chosen"]["score"]
    with pytest.raises(DataError, match=r"chosen\.score is not there, where a number is needed"):
        view_diagnosis(Document(json.loads(json.dumps(found))))


def test_a_sheet_shows_pictures_with_boxes_and_points():
    grey = np.full((40, 80, 3), 128, np.uint8)
    tiles = [Tile(grey, "one", "two", boxes=((0.1, 0.1, 0.5, 0.9),), points=((0.75, 0.5),))] * 5
    sheet = draw_tiles(tiles, columns=2, title="A title", subtitle="said", side=80)
    pixels = np.asarray(sheet).reshape(-1, 3)
    for colour in ((0, 114, 178), TARGET):
        assert (pixels == colour).all(axis=1).sum() > 20
    assert sheet.height > 3 * 80
    with pytest.raises(DataError, match="there is no picture to show"):
        draw_tiles([], columns=2, title="none")
