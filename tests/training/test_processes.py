"""Two processes train the weights that one does."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bgs.errors import TrainingError
from bgs.training.processes import Processes

SCRIPT = Path(__file__).with_name("two_processes.py")


def start_two(folder: Path, *, batch_size: int) -> None:
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    result = subprocess.run(
        [*launch, str(SCRIPT), str(folder), str(batch_size)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]


def saved(folder: Path, name: str, process: int) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / name / f"process{process}.pt", weights_only=True)
    return state


@pytest.mark.skipif(sys.platform == "win32", reason="needs gloo")
def test_two_processes_give_the_weights_of_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)  # as for a script that is started
    runpy.run_path(str(SCRIPT))["main"](tmp_path / "one", 8)
    start_two(tmp_path / "two", batch_size=4)  # 4 a device: the same 8 clips a batch
    for name in ("clips", "large_batch", "triplets"):
        alone = saved(tmp_path / "one", name, 0)
        first, second = (saved(tmp_path / "two", name, process) for process in range(2))
        assert alone["steps"] == first["steps"] == second["steps"]
        for parameter, expected in alone["weights"].items():
            assert torch.equal(first["weights"][parameter], second["weights"][parameter])
            difference = (first["weights"][parameter] - expected).abs().max()
            assert float(difference) < 1e-4, (name, parameter)
        assert first["score"] == second["score"] == pytest.approx(alone["score"], abs=1e-3)
        lines = (tmp_path / "two" / name / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == 1 + 3 + alone["steps"]  # one process writes


def test_alone_every_operation_is_the_identity() -> None:
    processes = Processes()
    assert (processes.index, processes.count, processes.is_main) == (0, 1, True)
    clips = np.arange(5)
    assert np.array_equal(processes.share(clips), clips)
    rows = torch.rand(5, 2)
    assert torch.equal(processes.gather_rows(rows, total=5), rows)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    processes.add_up_gradients([parameter])
    assert parameter.grad.tolist() == [1.0, 2.0]
    assert processes.anywhere(True)
    assert not processes.anywhere(False)
    assert processes.from_main("x") == "x"
    assert processes.collect("x") == ["x"]


def test_processes_that_do_not_find_each_other_are_an_error(monkeypatch) -> None:
    Processes()  # alone from now on
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError) as caught:
        Processes()
    assert str(caught.value) == (
        "2 processes were launched, but they do not find each other on cpu; "
        "launch one process, or set ACCELERATE_USE_CPU=true"
    )


def test_an_accelerate_launch_that_starts_one_process_of_several_is_refused(monkeypatch) -> None:
    """What `accelerate launch --cpu --num_processes 2` sets, and no more."""
    Processes()
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("ACCELERATE_DYNAMO_MODE", "default")
    Processes()  # one was asked for
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(TrainingError) as caught:
        Processes()
    assert str(caught.value) == (
        "accelerate launch was asked for several processes and started one; on CPUs write "
        "`ACCELERATE_USE_CPU=true accelerate launch --multi_gpu ...`, or use torchrun"
    )


class OneOfTwo(Processes):
    """The second of two processes, whose peer's messages are known."""

    def __init__(self) -> None:
        super().__init__()
        self.index, self.count = 1, 2


@pytest.mark.parametrize("total", [4, 5, 7])
def test_gathered_rows_are_in_the_order_before_they_were_shared(monkeypatch, total: int) -> None:
    processes = OneOfTwo()
    rows = torch.arange(2.0 * total).reshape(total, 2)
    mine = rows[torch.from_numpy(processes.share(np.arange(total)))]
    most = -(-total // 2)

    def gather(padded: torch.Tensor) -> torch.Tensor:
        assert padded.shape == (most, 2)
        return torch.cat([rows[::2], padded])

    monkeypatch.setattr("bgs.training.processes.gather", gather)
    assert torch.equal(processes.gather_rows(mine, total=total), rows)


def test_gradients_are_summed_and_a_missing_one_counts_as_zero(monkeypatch) -> None:
    def reduce(tensor: torch.Tensor, *, reduction: str) -> torch.Tensor:
        assert reduction == "sum"
        return tensor + torch.tensor([10.0, 20.0, 30.0])

    monkeypatch.setattr("bgs.training.processes.reduce", reduce)
    first, second = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))
    first.grad = torch.tensor([1.0, 2.0])
    OneOfTwo().add_up_gradients([first, second])
    assert first.grad.tolist() == [11.0, 22.0]
    assert second.grad is not None
    assert second.grad.tolist() == [30.0]
