"""Analyses are filed in the run they are about, whole, one of a kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bgs.errors import BgsError
from bgs.run.filing import analysis_folder, check_run, file_analysis
from bgs.run.folder import clear_run


def test_the_newest_analysis_of_a_kind_stands(tmp_path: Path) -> None:
    file_analysis(tmp_path, "variance", {"total": 0.1})
    path = file_analysis(tmp_path, "variance", {"total": 0.2, "model": "vidéo"})
    assert path == tmp_path / "analyses" / "variance.json"
    assert json.loads(path.read_text(encoding="utf-8")) == {"total": 0.2, "model": "vidéo"}
    assert [file.name for file in path.parent.iterdir()] == ["variance.json"]


def test_values_no_json_can_hold_leave_the_earlier_file(tmp_path: Path) -> None:
    path = file_analysis(tmp_path, "probes", {"r2": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        file_analysis(tmp_path, "probes", {"r2": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"r2": 0.5}


def test_a_folder_without_results_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BgsError, match=r"is not a finished run: it has no results\.json"):
        check_run(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "results.json").write_text("{}", encoding="utf-8")
    assert check_run(tmp_path) == tmp_path


def test_analyses_go_with_the_run_they_are_about(tmp_path: Path) -> None:
    (analysis_folder(tmp_path, "attention") / "a.png").write_bytes(b"x")
    clear_run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'weather' is not a kind of analysis"):
        file_analysis(tmp_path, "weather", {})
