"""Trackers, asked for and closed properly; with stand-ins, and with the packages where installed."""

from __future__ import annotations

import json
import socket
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bgs.errors import TrainingError
from bgs.training.logs import MetricsFile


class Recorder:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs
        self.logged: list[tuple[Any, ...]] = []
        self.closed = False

    def log(self, numbers: dict[str, float], *, step: int) -> None:
        self.logged.append((numbers, step))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.logged.append((name, value, step))

    def add_text(self, name: str, text: str) -> None:
        self.text = (name, text)

    def finish(self) -> None:
        self.closed = True

    close = finish


@pytest.fixture
def wandb_run(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()

    def init(**kwargs: Any) -> Recorder:
        recorder.kwargs = kwargs
        return recorder

    module = types.ModuleType("wandb")
    module.init = init  # type: ignore[attr-defined]
    module.Error = Exception  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    return recorder


def test_wandb_gets_every_record_and_ends(run, tmp_path: Path, wandb_run: Recorder) -> None:
    _, result = run(report_to="wandb", num_train_epochs=2, config={"backbone": {"name": "a"}})
    assert wandb_run.closed
    assert wandb_run.kwargs["dir"] == str(tmp_path / "run")
    assert wandb_run.kwargs["config"]["config"] == {"backbone": {"name": "a"}}
    assert [step for _, step in wandb_run.logged] == [0, 1, 2, 3, 3, 4, 5, 6, 6]
    numbers, _ = wandb_run.logged[-1]
    assert numbers["train/validation_rsa"] == result.history[-1]["validation_rsa"]
    assert all(isinstance(value, float) for value in numbers.values())


def test_wandb_ends_even_if_the_run_does_not(run, wandb_run: Recorder) -> None:
    with pytest.raises(ZeroDivisionError):
        run(report_to="wandb", validate=lambda _: 1 / 0)
    assert wandb_run.closed


def test_tensorboard_gets_scalars_and_the_config(run, tmp_path: Path, monkeypatch) -> None:
    writers: list[Recorder] = []

    def writer(folder: str) -> Recorder:
        writers.append(Recorder(folder))
        return writers[0]

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run(report_to="tensorboard", num_train_epochs=1)
    (recorder,) = writers
    assert recorder.args == (str(tmp_path / "run" / "tensorboard"),)
    assert recorder.closed
    assert recorder.text[0] == "config"
    names = {name for name, *_ in recorder.logged}
    assert {"train/loss", "train/rsa", "train/validation_rsa", "train/learning_rate"} <= names


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("wandb", "wandb", 'pip install "bgs[wandb]"'),
        ("tensorboard", "torch.utils.tensorboard", "pip install tensorboard"),
    ],
)
def test_a_tracker_that_is_not_installed_says_how_to_get_it(
    run, monkeypatch, name: str, module: str, command: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(TrainingError) as caught:
        run(report_to=name)
    assert str(caught.value) == (
        f"report_to: {name} needs the package {name}, which is not installed; "
        f"`{command}`, or set training.report_to: none"
    )


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody should call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def test_wandb_itself_works_offline_and_calls_nobody(
    run, tmp_path: Path, monkeypatch, listener: socket.socket
) -> None:
    wandb = pytest.importorskip("wandb", reason="needs the wandb extra")
    assert issubclass(wandb.errors.UsageError, wandb.Error)  # what a missing key raises
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)  # a key is at hand, and still nothing is sent
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    _, result = run(report_to="wandb", num_train_epochs=2)
    assert result.steps == 6
    assert wandb.run is None  # the run has ended
    (written,) = (tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb")
    # wandb's own process writes the file, on a busy machine some time after the run has ended.
    deadline = time.monotonic() + 30
    while b"train/validation_rsa" not in written.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert b"train/validation_rsa" in written.read_bytes()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_wandb_that_cannot_start_says_what_to_do(run, monkeypatch) -> None:
    class UsageError(Exception):
        pass

    def init(**kwargs: Any) -> None:
        raise UsageError("No API key configured. Use `wandb login` to log in.")

    module = types.ModuleType("wandb")
    module.init, module.Error = init, UsageError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.raises(TrainingError) as caught:
        run(report_to="wandb", num_train_epochs=1)
    assert str(caught.value) == (
        "wandb cannot start a run (No API key configured. Use `wandb login` to log in.); "
        "`wandb login`, or set the environment variable WANDB_MODE=offline, "
        "or training.report_to: none"
    )


def test_tensorboard_itself_writes_what_can_be_read_back(run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the package tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, result = run(report_to="tensorboard", num_train_epochs=2)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    scores = events.Scalars("train/validation_rsa")
    assert [event.step for event in scores] == [0, 3, 6]
    assert [event.value for event in scores] == pytest.approx(
        [record["validation_rsa"] for record in result.history]
    )
    assert [event.step for event in events.Scalars("train/gradient_norm")] == [1, 2, 3, 4, 5, 6]
    assert events.Tags()["tensors"] == ["config/text_summary"]


def test_metrics_rewind_to_a_size_and_no_further(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "deep" / "metrics.jsonl")
    metrics.rewind(0)
    metrics.append({"a": 1})
    size = metrics.size
    metrics.append({"b": 2})
    metrics.rewind(size)
    metrics.rewind(size + 100)
    assert [json.loads(line) for line in metrics.path.read_text().splitlines()] == [{"a": 1}]


def test_metrics_that_cannot_be_written_are_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.mkdir()
    with pytest.raises(TrainingError) as caught:
        MetricsFile(path).append({"a": 1})
    assert str(caught.value) == (
        f"{path}: cannot write metrics (Is a directory); free some space and resume"
    )
