"""The record of mended against plain training: differences of known values, and finished runs are kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import fusion_mending
from experiments.fusion_mending import describe, summarise


def results(accuracy: float, score: float) -> dict[str, Any]:
    return {
        "simulated": True,
        "backbone": "bgs-tiny",
        "tasks": {"lam": {"metrics": {"map": {"value": accuracy}, "accuracy": {"value": 0.0}}}},
        "training": {"validation_score": score},
        "versions": {},
    }


def test_the_difference_is_mended_minus_plain():
    found = {
        seed: {"plain": results(0.5, 0.1), "mended": results(0.5 + gain, 0.2)}
        for seed, gain in ((0, 0.1), (1, 0.3))
    }
    record = summarise(found, steps=3)
    assert record["metrics"] == {"lam": "map"}
    assert record["test"]["mended"]["lam"] == pytest.approx([0.6, 0.8])
    low, high = record["difference"]["lam"]["ci95"]
    assert record["difference"]["lam"]["change"] == pytest.approx(0.2)
    # Two values: half a width is the spread's standard error, 0.1, times t(0.975, 1) = 12.706.
    assert (low, high) == pytest.approx((0.2 - 1.2706, 0.2 + 1.2706), abs=1e-3)
    assert record["difference"]["validation_score"] == {"change": 0.1, "ci95": [0.1, 0.1]}


def test_one_seed_has_no_interval():
    assert describe(np.array([0.25])) == {"change": 0.25, "ci95": None}


def test_both_ways_ask_as_much_and_what_is_finished_is_kept(tmp_path: Path, monkeypatch):
    trained = []

    def train(config, *, overwrite: bool, progress: bool) -> dict[str, Any]:
        trained.append(config)
        config.output_dir.mkdir(parents=True)
        found = results(0.5, 0.5)
        (config.output_dir / "results.json").write_text(json.dumps(found))
        return found

    monkeypatch.setattr(fusion_mending, "train_fusion", train)
    monkeypatch.setattr(
        sys, "argv",
        ["x", "--seeds", "4", "--out", str(tmp_path / "out"), "--record", str(tmp_path / "r.json")],
    )  # fmt: skip
    assert fusion_mending.main() == fusion_mending.main() == 0
    plain, mended = trained
    assert (plain.mend_conflicts, mended.mend_conflicts) == (False, True)
    assert plain.training.per_device_train_batch_size == 40  # of five tasks together
    assert mended.training.per_device_train_batch_size == 8  # of each
    assert plain.sampling == mended.sampling
    assert json.loads((tmp_path / "r.json").read_text())["seeds"] == [4]
