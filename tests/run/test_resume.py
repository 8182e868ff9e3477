"""A run that is killed and resumed ends where an uninterrupted one does, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bgs.run.simulation import simulate_into

EPOCHS = 6


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("homes")
    simulate_into(root / "triplets", root / "videos", seed=4, quick=True, progress=False)
    return root


def fit_command(homes: Path, out: Path, *words: str) -> list[str]:
    return [
        sys.executable, "-m", "bgs", "fit", "demo", f"output_dir={out}", "controls=[]",
        f"data.triplets_dir={homes / 'triplets'}", f"data.videos_dir={homes / 'videos'}",
        f"training.num_train_epochs={EPOCHS}", "training.per_device_train_batch_size=16",
        "evaluation.num_bootstrap=0", "lora.lora_dropout=0.1", "--quiet", *words,
    ]  # fmt: skip


def weights(run: Path) -> dict[str, bytes]:
    names = ("head.safetensors", "adapter/adapter_model.safetensors")
    return {name: (run / name).read_bytes() for name in names}


def kill_after_a_checkpoint(command: list[str], run: Path) -> None:
    """Start the run and kill -9 it as soon as its first checkpoint is complete."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any((run / "checkpoints").glob("*")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"


def test_killed_run_resumes_to_the_same_weights(homes, tmp_path):
    environment = {**os.environ, "BGS_CACHE": str(tmp_path / "cache")}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(
        fit_command(homes, whole), check=True, env=environment, stdout=subprocess.DEVNULL
    )
    kill_after_a_checkpoint(fit_command(homes, broken), broken)
    assert not (broken / "head.safetensors").exists()
    subprocess.run(
        fit_command(homes, broken, "--resume"),
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    assert weights(broken) == weights(whole)


def test_resume_without_a_run_is_refused(homes, tmp_path):
    done = subprocess.run(
        fit_command(homes, tmp_path / "none", "--resume"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: run '{tmp_path / 'none'}' does not exist; start it without --resume\n"
    )
