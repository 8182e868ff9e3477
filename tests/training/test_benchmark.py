"""What the comparison of protocols calls reaching a target, and what it makes of several seeds."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pytest

from experiments.benchmarks import training as benchmark


def history(*scores: float) -> dict[str, list[float]]:
    epochs = range(len(scores))
    return {
        "validation_rsa": list(scores),
        "clip_passes": [10 * epoch for epoch in epochs],
        "seconds": [2.0 * epoch for epoch in epochs],
        "processor_seconds": [1.5 * epoch for epoch in epochs],
    }


def test_a_target_is_reached_in_the_first_epoch_that_is_as_good() -> None:
    found = benchmark._reach({"history": history(0.9, 0.1, 0.5, 0.4, 0.6)}, 0.5)  # not untrained
    assert found == {"epoch": 2, "clip_passes": 20, "seconds": 4.0, "processor_seconds": 3.0}
    assert benchmark._reach({"history": history(0.9, 0.1)}, 0.5) is None


def run_of(published: list[float], clips: list[float], *, held_out: float) -> benchmark.Record:
    curves = {"published": published, "clips": clips}
    run = {
        name: {
            "best_validation_rsa": max(curve[1:]),
            "history": history(*curve),
            "held_out": dict.fromkeys(benchmark.SCORES, held_out if name == "clips" else 0.5),
        }
        for name, curve in curves.items()
    }
    return run | benchmark._compare(run)


def test_a_seed_that_never_gets_there_is_counted_and_not_averaged_away() -> None:
    runs = [
        run_of([0.0, 0.1, 0.2, 0.6], [0.0, 0.7], held_out=0.6),
        run_of([0.0, 0.1, 0.4, 0.5], [0.0, 0.4, 0.2], held_out=0.3),
        {"published": {}},  # under way
    ]
    assert runs[1]["to_reach_published"]["clips"] is None
    summary = benchmark._summarise(runs)
    assert (summary["seeds"], summary["reached_published"], summary["reached_common"]) == (2, 1, 2)
    assert summary["published_clip_passes_ratio"] == [3.0, 3.0, 3.0]  # the first alone
    assert summary["common_clip_passes_ratio"] == [2.5, 2.0, 3.0]  # 3 epochs to 1, 2 to 1
    assert summary["clips_three_way"] == [pytest.approx(0.45), 0.3, 0.6]
    assert summary["clips_minus_published_three_way"] == pytest.approx([-0.05, -0.2, 0.1])


def test_the_stopwatch_leaves_validation_out() -> None:
    def busy(seconds: float) -> float:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return 0.5

    watch = benchmark.Stopwatch(lambda _: busy(0.1))
    watch(None)  # type: ignore[arg-type]
    busy(0.02)
    assert watch(None) == 0.5  # type: ignore[arg-type]
    assert watch.used[0] == 0
    assert 0.02 <= watch.used[1] < 0.08


def test_a_result_file_of_another_comparison_is_refused(tmp_path: Path) -> None:
    asked = {
        "study": "demo", "simulate": True, "judgments": 0.2, "published_epochs": 8,
        "published_learning_rates": [1e-3], "clips_learning_rates": [1e-3], "pilot_epochs": 3,
        "set": [],
    }  # fmt: skip
    out = tmp_path / "result.json"
    options = argparse.Namespace(**asked, out=out)
    result = benchmark._open_result(options)
    assert result["runs"] == {}
    result["pilot"]["clips"]["0.001"] = [0.123456789, 0.2]
    benchmark._save(options, result)
    assert "[0.12346, 0.2]" in out.read_text()
    assert json.loads(out.read_text())["settings"] == asked
    assert benchmark._open_result(options)["pilot"]["clips"] == {"0.001": [0.12346, 0.2]}
    options.judgments = 1.0
    with pytest.raises(SystemExit, match="holds other settings"):
        benchmark._open_result(options)
