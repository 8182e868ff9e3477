"""The recipes run without a network on simulated data, and say that it is simulated."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bgs.evaluation.robustness import SplitScores
from bgs.run.simulation import simulate_into
from experiments import leaderboard, learning_curve, splits


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("recipes")
    simulate_into(root / "triplets", root / "videos", seed=7, quick=True, progress=False)
    return ["--triplets-dir", str(root / "triplets"), "--videos-dir", str(root / "videos")]


def test_leaderboard(homes, tmp_path: Path, monkeypatch, capsys):
    arguments = ["demo", *homes, "--num-bootstrap", "100", "--out", str(tmp_path)]
    arguments += ["--backbones", "bgs-tiny", "no-such"]
    monkeypatch.setattr(sys, "argv", ["leaderboard.py", *arguments])
    assert leaderboard.main() == 0
    printed = capsys.readouterr().out
    assert "simulated participants" in printed
    assert "not at hand: no-such: " in printed
    record = json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))
    assert record["simulated"] is True
    names = {row["model"] for row in record["leaderboard"]}
    low_level = {f"low-level:{kind}" for kind in ("motion", "colour", "pixels")}
    assert names == {"bgs-tiny", "caption:tfidf", "ratings:all"} | low_level
    assert list(record["absent"]) == ["no-such"]
    assert (tmp_path / "tables" / "scores.parquet").is_file()


def test_leaderboard_without_clips_scores_what_needs_none(homes, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Path, "exists", lambda self: self.suffix != ".mp4")
    arguments = ["demo", *homes, "--num-bootstrap", "100", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["leaderboard.py", *arguments])
    assert leaderboard.main() == 0
    assert "not at hand: bgs-tiny: the clips are not here" in capsys.readouterr().out


def test_learning_curve(homes, tmp_path, monkeypatch, capsys):
    arguments = ["demo", *homes, "--models", "ratings:all", "--repeats", "3"]
    arguments += ["--out", str(tmp_path / "curve.json")]
    monkeypatch.setattr(sys, "argv", ["learning_curve.py", *arguments])
    assert learning_curve.main() == 0
    assert "agreement with simulated participants" in capsys.readouterr().out
    record = json.loads((tmp_path / "curve.json").read_text(encoding="utf-8"))
    assert record["simulated"] is True
    judgments = [row for row in record["points"] if row["over"] == "judgments"]
    people = [row for row in record["points"] if row["over"] == "participants"]
    assert judgments[-1]["spearman"] == people[-1]["spearman"]  # both end at all judgments
    assert judgments[-1]["spread"] == 0.0
    assert [row["size"] for row in judgments] == sorted(row["size"] for row in judgments)


def test_splits(homes, tmp_path, monkeypatch, capsys):
    arguments = ["demo", *homes, "--num-test", "20", "--repeats", "5"]
    arguments += ["--out", str(tmp_path / "splits.json")]
    monkeypatch.setattr(sys, "argv", ["splits.py", *arguments])
    assert splits.main() == 0
    assert "with simulated participants on 5 sets of 20 clips" in capsys.readouterr().out
    record = json.loads((tmp_path / "splits.json").read_text(encoding="utf-8"))
    assert {name: len(values) for name, values in record["spearman"].items()} == {
        "caption:tfidf": 5,
        "ratings:all": 5,
    }


def test_models_are_ranked_by_their_mean():
    rows = splits.rank(SplitScores({"low": (0.1, 0.3), "high": (0.2, 0.5)}, num_test=9))
    assert [row["model"] for row in rows] == ["high", "low"]
    assert [row["ahead of next in"] for row in rows] == [1.0, None]
