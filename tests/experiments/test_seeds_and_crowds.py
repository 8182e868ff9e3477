"""Robustness by seed and by crowd: the recipes run on simulated data without a network, and keep what is trained."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bgs.run.simulation import simulate_into
from experiments import seeds, splits


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("robust")
    simulate_into(root / "triplets", root / "videos", seed=7, quick=True, progress=False)
    return root


def test_one_recipe_under_two_seeds(root, tmp_path, monkeypatch, capsys):
    words = [
        "backbone.name_or_path=caption:tfidf", "lora.r=0", "controls=[]", "training.num_train_epochs=2",
        "evaluation.num_bootstrap=100", "evaluation.num_split_halves=20",
        f"data.triplets_dir={root / 'triplets'}", f"data.videos_dir={root / 'videos'}",
    ]  # fmt: skip
    options = ["--seeds", "3", "5", "--num-bootstrap", "100", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["seeds.py", "demo", *words, *options])
    assert seeds.main() == 0
    printed = capsys.readouterr().out
    assert "agreement with simulated participants of 2 runs of one recipe" in printed
    record = json.loads((tmp_path / "seeds.json").read_text(encoding="utf-8"))
    assert (record["simulated"], record["seeds"]) == (True, [3, 5])
    own = [
        json.loads((tmp_path / f"seed-{seed}" / "results.json").read_text(encoding="utf-8"))
        for seed in (3, 5)
    ]
    r2 = [result["after"]["rsa"]["r2"] for result in own]
    assert record["r2"]["mean"] == pytest.approx(np.mean(r2), abs=1e-6)
    assert record["r2"]["spread"] == pytest.approx(np.std(r2, ddof=1), abs=1e-6)
    monkeypatch.setattr(seeds, "fit", lambda *_, **__: pytest.fail("trained again"))
    assert seeds.main() == 0


def test_half_of_the_participants_again_and_again(root, tmp_path, monkeypatch, capsys):
    homes = ["--triplets-dir", str(root / "triplets"), "--videos-dir", str(root / "videos")]
    arguments = ["demo", *homes, "--over", "participants", "--repeats", "5"]
    monkeypatch.setattr(sys, "argv", ["splits.py", *arguments, "--out", str(tmp_path / "c.json")])
    assert splits.main() == 0
    assert "with simulated participants on 5 sets of" in capsys.readouterr().out
    record = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert record["over"] == "participants"
    assert {len(set(values)) for values in record["spearman"].values()} == {5}
