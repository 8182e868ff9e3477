"""The page of a trained SocialFusion model, from plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bgs.errors import DataError
from bgs.reports.document import Document
from bgs.reports.fusion_run import tabulate_metrics, view_answers, view_learning, write_run_page

HOSTILE = "<script>alert(1)</script>"
HISTORY = [
    {"event": "epoch", "epoch": 0, "validation_score": -0.1},
    {"event": "epoch", "epoch": 1, "loss": 2.0, "lam": 2.0, "validation_score": 0.4},
    {"event": "epoch", "epoch": 2, "loss": 1.0, "lam": 1.0, "validation_score": 0.6},
]


def metric(value: float, *, sure: bool | None, lower: bool = False) -> dict[str, Any]:
    return {
        "value": value, "ci95": None if sure is None else [value - 0.1, value + 0.1],
        "chance": 0.5, "above_chance": sure, "lower_is_better": lower,
    }  # fmt: skip


def results(**sure: bool | None) -> dict[str, Any]:
    task = {"n": 30, "n_groups": 12, "trained": True}
    return {
        "simulated": True,
        "backbone": HOSTILE,
        "language": "tiny",
        "train_on": list(sure),
        "tasks": {
            name: {
                **task,
                "metrics": {
                    "map": metric(0.8, sure=known),
                    "mean_distance": metric(0.2, sure=known, lower=True),
                },
            }
            for name, known in sure.items()
        },
        "training": {"best_epoch": 2, "epochs": 2, "validation_score": 0.6, "chosen_by": "mean"},
        "parameters": {"encoder": 900, "connector": 90, "connector_share": 0.09, "trained": 90},
    }


@pytest.mark.parametrize(
    ("sure", "sentence"),
    [
        (
            {"lam": True, "pisc": True},
            "All of lam and pisc are answered better than by not looking.",
        ),
        (
            {"lam": True, "pisc": False},
            "lam is answered better than by not looking; of pisc that is not shown.",
        ),
        (
            {"lam": None, "pisc": False},
            "Of lam and pisc, none is shown to be answered better than by not looking.",
        ),
    ],
)
def test_the_sentence_holds_whichever_way_it_went(sure, sentence):
    assert view_answers(Document(results(**sure))).says == sentence


def test_what_is_better_lower_is_marked():
    table = tabulate_metrics(Document(results(lam=True)).part("tasks"))
    assert [row[1].text for row in table.rows] == ["mAP", "mean distance ↓"]
    assert [cell.text for cell in table.rows[0][2:]] == [".800", "[.700, .900]", ".500", "30", "12"]


def test_the_last_epoch_is_said_to_be_the_last():
    found = results(lam=True)
    assert "It was the last: more epochs may help." in view_learning(Document(found), HISTORY).says
    found["training"]["epochs"] = 3
    assert "the last" not in view_learning(Document(found), HISTORY).says


def test_the_page_escapes_and_says_simulated(tmp_path: Path):
    page = write_run_page(results(lam=True), HISTORY, tmp_path / "report.html").read_text("utf-8")
    assert HOSTILE not in page
    assert "Simulated data." in page
    assert "How it was learnt" in page
    page = write_run_page(results(lam=True), HISTORY[:1], tmp_path / "report.html").read_text(
        "utf-8"
    )
    assert "How it was learnt" not in page


def test_what_is_missing_is_named(tmp_path: Path):
    found = results(lam=True)
    del found["tasks"]["lam"]["metrics"]["map"]["value"]
    with pytest.raises(DataError, match=r"tasks\.lam\.metrics\.map\.value is not there"):
        write_run_page(found, HISTORY, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
