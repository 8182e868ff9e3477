"""A run that was killed anywhere ends with the weights of one that was not."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bgs.errors import TrainingError
from bgs.training import checkpoints

# A child starts as a copy of this process, with everything imported: a kill costs milliseconds.
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")
SETTINGS: dict[str, Any] = {
    "num_train_epochs": 6,
    "save_steps": 2,
    "ema_decay": 0.9,
    "lr_plateau_patience": 0,
    "early_stopping_patience": None,
}


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def in_a_child(work: Callable[[], object]) -> multiprocessing.process.BaseProcess:
    def quietly() -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        work()

    process = multiprocessing.get_context("fork").Process(target=quietly)
    process.start()
    return process


def undisturbed(run, folder: Path, **settings: Any) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    model, result = run(output_dir=folder, **{**SETTINGS, **settings})
    return weights(model), [without_time(record) for record in result.history]


def without_time(record: dict[str, Any]) -> dict[str, Any]:
    timed = ("seconds", "clips_per_second", "data_wait")
    return {name: value for name, value in record.items() if name not in timed}


def test_kill_9_at_random_moments_changes_nothing(run, tmp_path: Path) -> None:
    expected, history = undisturbed(run, tmp_path / "whole")
    folder = tmp_path / "killed"
    rng = random.Random(0)
    for _ in range(8):
        child = in_a_child(lambda: run(output_dir=folder, resume=True, **SETTINGS))
        child.join(timeout=rng.uniform(0.02, 0.25))
        child.kill()
        child.join()
    model, result = run(output_dir=folder, resume=True, **SETTINGS)
    assert torch.equal(weights(model), expected)
    assert [without_time(record) for record in result.history] == history
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "step"] == list(range(1, 19))


@pytest.mark.parametrize("call", range(1, 9))
def test_a_kill_inside_a_checkpoint_write_costs_only_that_checkpoint(
    run, tmp_path: Path, call: int
) -> None:
    """Each write of a checkpoint flushes 4 times and renames once or twice: die at each of them in turn."""
    expected, _ = undisturbed(run, tmp_path / "whole", num_train_epochs=3)
    folder = tmp_path / "killed"

    def die_while_saving() -> None:
        calls = 0

        def or_die(real: Callable[..., Any]) -> Callable[..., Any]:
            def function(*args: Any) -> Any:
                nonlocal calls
                if (
                    len(list(folder.glob("checkpoints/step-*"))) == 2
                ):  # a save that also lets go of one
                    calls += 1
                    if calls == call:
                        os.kill(os.getpid(), signal.SIGKILL)
                return real(*args)

            return function

        checkpoints.os.fsync = or_die(os.fsync)
        checkpoints.Path.rename = or_die(Path.rename)
        run(output_dir=folder, **{**SETTINGS, "num_train_epochs": 3})

    child = in_a_child(die_while_saving)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    for place in folder.glob("checkpoints/step-*"):
        checkpoints._read(place)  # every one of them is whole
    model, _ = run(output_dir=folder, resume=True, **{**SETTINGS, "num_train_epochs": 3})
    assert torch.equal(weights(model), expected)
    assert not list(folder.glob("checkpoints/.partial-*"))


@pytest.mark.parametrize(
    "settings",
    [
        {"batching": "triplets", "per_device_train_batch_size": 80, "save_steps": 2},
        {"large_batch": True, "per_device_train_batch_size": 5},
        {"gradient_accumulation_steps": 2, "save_steps": 1, "lr_scheduler_type": "cosine"},
        {"fp16": True},
    ],
    ids=["published", "large_batch", "accumulation", "fp16"],
)
def test_every_sampler_resumes(run, tmp_path: Path, settings: dict[str, Any]) -> None:
    expected, _ = undisturbed(run, tmp_path / "whole", **settings)
    folder = tmp_path / "stopped"
    passes = {"left": 9}

    def interrupt(model: nn.Module, inputs: Any) -> None:
        passes["left"] -= model.training
        if passes["left"] == 0:
            signal.raise_signal(signal.SIGINT)

    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, inputs: interrupt(module, inputs) if hasattr(module, "dim") else None
    )
    with hook, pytest.raises(KeyboardInterrupt):
        run(output_dir=folder, **{**SETTINGS, **settings})
    model, _ = run(output_dir=folder, resume=True, **{**SETTINGS, **settings})
    assert torch.equal(weights(model), expected)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_saves_and_leaves(run, world, tmp_path: Path, number, raised) -> None:
    calls = 0

    def validate(model: nn.Module) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            signal.raise_signal(number)
        return world.validate(model)

    before = signal.getsignal(number)
    with pytest.raises(raised) as caught:
        run(validate=validate)
    if raised is SystemExit:
        assert caught.value.code == 143
    assert signal.getsignal(number) is before
    newest = checkpoints.Checkpoints(tmp_path / "run" / "checkpoints", keep=2).newest()
    assert newest is not None
    assert newest["run"]["epoch"] == 2  # the epoch that was being validated is not lost


def test_a_second_signal_stops_at_once(run) -> None:
    def validate(_: nn.Module) -> float:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("unreachable")

    with pytest.raises(KeyboardInterrupt):
        run(validate=validate)


def test_training_works_outside_the_main_thread(run) -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(run(num_train_epochs=1)))
    thread.start()
    thread.join()
    assert results[0][1].steps == 3


def test_a_damaged_newest_checkpoint_costs_one_epoch(run, tmp_path: Path) -> None:
    settings = {**SETTINGS, "save_steps": None, "num_train_epochs": 3}
    expected, _ = undisturbed(run, tmp_path / "whole", **settings)
    newest = sorted((tmp_path / "whole" / "checkpoints").glob("step-*"))[-1]
    data = bytearray((newest / "state.pt").read_bytes())
    data[1000] ^= 4
    (newest / "state.pt").write_bytes(data)
    with pytest.warns(UserWarning, match="damaged checkpoint .*its checksum does not match"):
        model, result = run(output_dir=tmp_path / "whole", resume=True, **settings)
    assert result.steps == 9
    assert torch.equal(weights(model), expected)


def test_resuming_a_finished_run_returns_it(run) -> None:
    model, result = run()
    started = time.perf_counter()
    again, resumed = run(resume=True)
    assert time.perf_counter() - started < 1
    assert torch.equal(weights(again), weights(model))
    assert resumed == result


def test_resuming_nothing_starts_afresh(run, tmp_path: Path) -> None:
    expected, _ = run(output_dir=tmp_path / "a")
    model, _ = run(output_dir=tmp_path / "b", resume=True)
    assert torch.equal(weights(model), weights(expected))


def test_a_folder_with_another_run_is_not_overwritten(run, tmp_path: Path) -> None:
    run()
    with pytest.raises(TrainingError) as caught:
        run()
    assert str(caught.value) == (
        f"{tmp_path / 'run' / 'checkpoints'}: there are checkpoints of an earlier run, up to step 12; "
        "resume it, or choose another output_dir"
    )


def test_a_changed_config_says_what_changed_and_is_refused_unless_told(run) -> None:
    run(num_train_epochs=1, config={"backbone": {"name": "a"}})
    changed = {"num_train_epochs": 2, "learning_rate": 0.02, "save_total_limit": 5}
    with pytest.raises(TrainingError) as caught:
        run(resume=True, config={"backbone": {"name": "b"}}, **changed)
    assert str(caught.value) == (
        "the run to resume had other settings: config.backbone.name: a -> b, "
        "training.learning_rate: 0.01 -> 0.02, training.num_train_epochs: 1 -> 2; "
        "resume with the old ones, or allow the changes (--allow-changes)"
    )
    with pytest.raises(TrainingError, match=r"seed: 3 -> 4"):
        run(resume=True, num_train_epochs=1, config={"backbone": {"name": "a"}}, seed=4)
    _, result = run(resume=True, allow_changes=True, **changed)
    assert result.steps == 6


def test_another_model_cannot_take_the_weights(run, tiny_model) -> None:
    run(num_train_epochs=1)
    with pytest.raises(TrainingError) as caught:
        run(tiny_model(dim=4), resume=True, num_train_epochs=1)
    assert str(caught.value) == (
        "saved weight 'head.weight' has shape (8, 16), the model's (4, 16); "
        "resume with the backbone, lora and head settings of the run"
    )
    frozen = tiny_model()
    frozen.backbone.requires_grad_(False)
    with pytest.raises(TrainingError) as caught:
        run(frozen, resume=True, num_train_epochs=1)
    assert str(caught.value) == (
        "the saved weights are not those of this model: 'backbone.0.bias' is only in the checkpoint; "
        "resume with the backbone, lora and head settings of the run"
    )
