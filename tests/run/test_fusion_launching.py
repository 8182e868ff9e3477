"""Two processes that train one SocialFusion model end where one process does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bgs.run.fusion import train_fusion
from bgs.run.fusion_config import resolve_fusion

TASKS = ("lam", "pisc-coarse")
WEIGHTS = ("connector.safetensors", "language/model.safetensors")


def words(root: Path, name: str, *, batch_size: int) -> list[str]:
    return [
        f"output_dir={root / name}", f"home={root / 'nothing'}", f"cache_dir={root / 'cache'}",
        f"train_on=[{', '.join(TASKS)}]", "use_heatmap=false", "num_bootstrap=0",
        f"twins={{train: 24, val: 8, test: 8, home: {root / 'twins'}}}",
        "sampling={steps_per_epoch: 4}", "training.num_train_epochs=2",
        f"training.per_device_train_batch_size={batch_size}",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="needs gloo")
def test_two_processes_end_as_one_does(tmp_path: Path) -> None:
    alone = resolve_fusion("fusion-twins", overrides=words(tmp_path, "one", batch_size=16))
    expected = train_fusion(alone, progress=False)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, "-m", "bgs", "fusion", "train", "fusion-twins",
         *words(tmp_path, "two", batch_size=8), "--quiet"],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("simulated data:") == 1  # one of the two speaks
    steps = (tmp_path / "two" / "metrics.jsonl").read_text().count('"event": "step"')
    assert steps == 8
    for file in WEIGHTS:
        one, two = (load_file(tmp_path / name / file) for name in ("one", "two"))
        assert one.keys() == two.keys()
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, atol=1e-4, rtol=0)
    written = json.loads((tmp_path / "two" / "results.json").read_text())
    assert written["training"]["questions"] == expected["training"]["questions"]
    for task in TASKS:
        first, second = (found["tasks"][task]["metrics"]["map"] for found in (expected, written))
        assert second["value"] == pytest.approx(first["value"], abs=1e-3)
