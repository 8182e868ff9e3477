"""`bgs transfer`: a table, JSON, a filed result, and errors of one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bgs.cli import app as application

RESULTS: dict[str, Any] = {}


def _block(value: float) -> dict[str, Any]:
    return {"value": value, "ci95": [value - 0.1, value + 0.1], "p": 0.5, "n_clips": 12}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks for; the answer is made up."""
    seen: dict[str, Any] = {}
    questions = ("rsa", "odd_one_out", "knn", "probe")
    model = {"model": "tuned", "role": "after", "probe_on": {"main": _block(0.6)}}
    model |= {question: _block(0.5) for question in questions}
    change = {"from": "bgs-tiny (untuned)", "from_role": "before", "to": "tuned"}
    change |= {question: {"value": 0.1, "ci95": None} for question in questions}
    answer = {
        "simulated": True,
        "data": "phase",
        "look": "phase",
        "n_clips": 12,
        "n_clear_clips": 10,
        "n_triads": 99,
        "raters_per_clip": [10, 19],
        "models": [model],
        "differences": [change, change | {"from_role": "baseline", "from": "motion"}],
        "chance": {"rsa": 0.0, "odd_one_out": 1 / 3, "majority_label": 0.4},
        "ceiling": {"split_half_spearman": 0.7, "odd_one_out": 0.8, "accuracy": 0.9},
        "protocol": {"probe": "logistic regression", "num_permutations": 100},
    }

    def transfer(models: list[str], **options: Any) -> dict[str, Any]:
        seen.update(models=list(models), **options)
        return answer

    monkeypatch.setattr("bgs.run.transfer.transfer", transfer)
    return seen


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        application.main(["transfer", *arguments])
    return int(stopped.value.code or 0)


def test_a_table(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--phase-dir", "scenes", "--look", "discs", "--train", "a", "--train", "b"]
    assert run("runs/demo", "bgs-tiny", *words, "--seed", "3", "-q") == 0
    assert asked["models"] == ["runs/demo", "bgs-tiny"]
    assert (asked["data"], asked["look"]) == ("phase", "discs")
    assert (asked["train"], asked["main"]) == (["a", "b"], None)
    assert asked["protocol"].seed == 3
    assert asked["progress"] is False
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "simulated data: no people rated these clips"
    assert lines[1] == "12 clips, 10 to 19 ratings each; look: phase"
    assert "Odd one out: 99 triads of 10 clear clips" in lines
    first = lines.index("Geometry: 12 clips")
    assert lines[first + 2].split() == ["tuned", ".500", "[.400,", ".600]", ".500"]
    names = [line.split("  ")[0] for line in lines[first + 3 : first + 6]]
    assert names == ["chance", "half of the raters", ""]
    assert lines[-1] == "probe: logistic regression"


def test_json_and_a_filed_result(
    asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_text("{}", encoding="utf-8")
    assert run("x", "--into", str(tmp_path), "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    filed = json.loads((tmp_path / "analyses" / "transfer.json").read_text(encoding="utf-8"))
    assert printed == filed
    assert printed["n_triads"] == 99


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("bgs-tiny", "--videos-dir", str(tmp_path)) == 2
    assert run("bgs-tiny", "--look", "photo") == 2
    assert run("bgs-tiny", "--into", str(tmp_path)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: the PHASE scenes are not here; name their folder with")
    assert "'photo' is not one of" in lines[1]
    assert "is not a finished run" in lines[2]
    assert len(lines) == 3
