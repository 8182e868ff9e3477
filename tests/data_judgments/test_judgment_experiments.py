"""The recipes run on something small and mean what they print."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import held_out_judgments
from experiments.benchmarks import judgments as benchmark


def test_simulated_judgments_are_judgments() -> None:
    triplets = benchmark.simulate(judgments=2_000, clips=5)
    shown = np.bincount(triplets.clips.ravel(), minlength=5) / 6_000
    assert (
        np.abs(shown - 0.2).max() < 0.02
    )  # no clip is favoured; three different ones are checked at birth


def test_the_loop_of_the_benchmark_gives_the_same_numbers() -> None:
    result = benchmark.benchmark_loop(benchmark.simulate(judgments=300, clips=12))
    assert result["same_numbers"] is True
    assert result["times_faster"] > 1  # type: ignore[operator]


def test_held_out_judgments_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "j.csv"
    benchmark.simulate(judgments=400, clips=8).to_frame().to_csv(file, index=False)
    monkeypatch.setattr(sys, "argv", ["held_out_judgments.py", str(file), "--folds", "2"])
    held_out_judgments.main()
    result = json.loads(capsys.readouterr().out)
    assert result["judgments"] == 400
    for name in ("raw", "shrunk", "fitted"):  # the simulated choices are random
        assert result[name]["three_way"] == pytest.approx(1 / 3, abs=0.1)


def test_prediction_follows_the_rdm() -> None:
    triplets = benchmark.simulate(judgments=500, clips=30)
    assert held_out_judgments.predict(triplets.rdm(), triplets) > 0.5  # on what it was counted from
