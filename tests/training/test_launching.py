"""Commands that start a run on several processes or machines: they run, or the parser at least takes them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from safetensors.torch import load_file

from bgs.cli.app import app
from bgs.run.configs import resolve_config
from bgs.run.fit import fit
from bgs.run.simulation import simulate_into

SLURM = Path(__file__).parents[2] / "experiments" / "slurm"
WEIGHTS = ("head.safetensors", "adapter/adapter_model.safetensors")


def words(root: Path, name: str, *, batch_size: int) -> list[str]:
    return [
        f"output_dir={root / name}", f"data.triplets_dir={root / 'triplets'}",
        f"data.videos_dir={root / 'videos'}", f"data.cache_dir={root / 'cache'}", "controls=[]",
        "training.num_train_epochs=2", "training.warmup_ratio=0",
        f"training.per_device_train_batch_size={batch_size}",
        "evaluation.num_bootstrap=0", "evaluation.num_split_halves=2",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="needs gloo")
def test_accelerate_launches_a_fit_that_ends_as_one_process_does(tmp_path: Path) -> None:
    simulate_into(tmp_path / "triplets", tmp_path / "videos", seed=4, quick=True, progress=False)
    alone = resolve_config("demo", overrides=words(tmp_path, "one", batch_size=32))
    expected = fit(alone, progress=False)
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    done = subprocess.run(
        [*launch, "--num_processes", "2", "--main_process_port", "0", "-m", "bgs", "fit", "demo",
         *words(tmp_path, "two", batch_size=16), "--quiet"],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("(tuned)") == 1  # one of the two speaks
    steps = (tmp_path / "two" / "metrics.jsonl").read_text().count('"event": "step"')
    assert steps == 4  # 48 clips in batches of 16 on each of two: they found each other
    for file in WEIGHTS:
        one, two = (load_file(tmp_path / name / file) for name in ("one", "two"))
        assert one.keys() == two.keys()
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, atol=1e-4, rtol=0)
    written = json.loads((tmp_path / "two" / "results.json").read_text())
    assert written["after"]["rsa"]["r2"] == pytest.approx(expected["after"]["rsa"]["r2"], abs=1e-3)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT for a child")
def test_ctrl_c_saves_a_checkpoint_and_exits_130(tmp_path: Path) -> None:
    simulate_into(tmp_path / "triplets", tmp_path / "videos", seed=4, quick=True, progress=False)
    ids = [f"demo_{number:04d}" for number in range(90)]
    features = np.random.default_rng(0).normal(size=(90, 16)).astype(np.float32)
    np.savez(tmp_path / "features.npz", ids=np.array(ids), embeddings=features)
    process = subprocess.Popen(
        [sys.executable, "-m", "bgs", "fit", "demo", *words(tmp_path, "run", batch_size=32),
         f"backbone.name_or_path=features:{tmp_path / 'features.npz'}", "lora.r=0",
         "training.num_train_epochs=1000000", "training.save_interval_seconds=1e6", "--quiet"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    saved = tmp_path / "run" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(saved.glob("step-*")) and time.monotonic() < deadline:  # the first epoch's
        time.sleep(0.05)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
    first = {path.name for path in saved.glob("step-*")}
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "stopped; a run that was training goes on with the same `bgs fit` and --resume\n"
    later = sorted(path.name for path in saved.glob("step-*") if path.name not in first)
    assert later  # what was done since is saved too
    metrics = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert int(later[-1].removeprefix("step-")) == json.loads(metrics[-1])["step"]


def commands(script: Path) -> list[list[str]]:
    """Every `bgs` command of a batch script, commented ones too, with its variables filled in."""
    values = {"config": "demo", "seed": "3", "run": "runs/demo/seed3", "@": "lora.r=4"}
    text = re.sub(
        r"\$\{?(\w+|@)\}?", lambda m: values.get(m[1], "1"), script.read_text().replace("\\\n", " ")
    )
    found = re.findall(r"\bbgs (fit\b.*)", text)
    return [shlex.split(re.split(r"\|\||&&|;", line)[0]) for line in found]


def parse(name: str, arguments: list[str]) -> dict[str, object]:
    """What the command line makes of these arguments; nothing is run."""
    group: Any = typer.main.get_command(app)
    parsed: dict[str, object] = group.commands[name].make_context(name, list(arguments)).params
    return parsed


def scripts() -> list[Path]:
    return sorted(SLURM.glob("*.sbatch"))


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.stem)
def test_batch_scripts_are_valid_and_their_commands_are_ours(script: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    checked = subprocess.run([bash, "-n", str(script)], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    lines = commands(script)
    assert lines
    for name, *arguments in lines:
        assert parse(name, arguments)["resume"] is True
        words_given = [word for word in arguments if "=" in word]
        assert "lora.r=4" in words_given
        resolve_config("demo", overrides=words_given)  # each of them is a setting


def test_a_flag_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(typer.TyperException, match="No such option: --resum"):
        parse("fit", ["demo", "--resum"])
