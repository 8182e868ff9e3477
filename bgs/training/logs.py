"""What a run says while it runs: metrics.jsonl always, a progress bar, and a tracker where asked for.

wandb and TensorBoard are imported only when they are asked for; neither is a dependency.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tqdm.auto import tqdm

from bgs.errors import TrainingError

Record = dict[str, Any]
logger = logging.getLogger(__name__)


class MetricsFile:
    """A line of JSON a record, on its way to the disk as soon as it is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    @property
    def size(self) -> int:
        """Bytes so far; a checkpoint remembers it."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, record: Mapping[str, Any]) -> None:
        """One more line."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise TrainingError(
                f"cannot write metrics ({error.strerror or error})",
                remedy="free some space and resume",
                file=self.path,
            ) from error

    def rewind(self, size: int) -> None:
        """Forget what was written after a checkpoint; the resumed run writes it again."""
        if self.size > size:
            with self.path.open("rb+") as file:
                file.truncate(size)


class Tracker(Protocol):
    """Where numbers go besides the run folder."""

    def log(self, record: Mapping[str, Any], *, step: int) -> None:
        """The numbers of one record."""

    def close(self) -> None:
        """Flush and end."""


class WandbTracker:
    """Weights & Biases; WANDB_MODE=offline works as usual."""

    def __init__(self, output_dir: Path, config: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb", 'pip install "bgs[wandb]"') from error
        try:
            self._run = wandb.init(
                project="bgs", name=output_dir.name, dir=str(output_dir), config=dict(config)
            )
        except wandb.Error as error:  # no key, no network
            raise TrainingError(
                f"wandb cannot start a run ({error})",
                remedy="`wandb login`, or set the environment variable WANDB_MODE=offline, "
                "or training.report_to: none",
            ) from error

    def log(self, record: Mapping[str, Any], *, step: int) -> None:
        """The numbers of one record."""
        self._run.log(_numbers(record), step=step)

    def close(self) -> None:
        """Flush and end."""
        self._run.finish()


class TensorBoardTracker:
    """Event files in the run folder's `tensorboard/`."""

    def __init__(self, output_dir: Path, config: Mapping[str, Any]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard", "pip install tensorboard") from error
        self._writer = SummaryWriter(str(output_dir / "tensorboard"))
        self._writer.add_text("config", f"```json\n{json.dumps(config, indent=1)}\n```")

    def log(self, record: Mapping[str, Any], *, step: int) -> None:
        """The numbers of one record."""
        for name, value in _numbers(record).items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and end."""
        self._writer.close()


def make_tracker(name: str, *, output_dir: Path, config: Mapping[str, Any]) -> Tracker | None:
    """The tracker that `report_to` names; None for `none`."""
    if name == "wandb":
        return WandbTracker(output_dir, config)
    if name == "tensorboard":
        return TensorBoardTracker(output_dir, config)
    return None


class RunLog:
    """Metrics file, progress bar and tracker together; silent in all processes but the main one."""

    def __init__(self, output_dir: Path, *, silent: bool) -> None:
        self.output_dir = output_dir
        self.silent = silent
        self.metrics = MetricsFile(output_dir / "metrics.jsonl")
        self._bar: tqdm[Any] | None = None
        self._tracker: Tracker | None = None
        self._validation: float | None = None

    def open(
        self, *, total: int, done: int, progress: bool, report_to: str, config: Mapping[str, Any]
    ) -> None:
        """Start showing `done` of `total` updates, and whatever tracker is asked for."""
        if self.silent:
            return
        hidden = None if progress else True  # None: hidden where the output is not a terminal
        self._bar = tqdm(total=total, initial=done, desc="train", unit="step", disable=hidden)
        self._tracker = make_tracker(report_to, output_dir=self.output_dir, config=config)

    def step(self, record: Record, *, losses: Mapping[str, float]) -> None:
        """One update more."""
        if self._bar is not None:
            shown = {name: f"{value:.3f}" for name, value in losses.items()}
            if self._validation is not None:
                shown["validation"] = f"{self._validation:.3f}"
            shown["clips/s"] = f"{record['clips_per_second']:.0f}"
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update()
        self._write(record)

    def epoch(self, record: Record, *, score: float) -> None:
        """One epoch more, with its validation score."""
        self._validation = score
        if not self.silent:
            logger.info("epoch %s, validation %.3f", record.get("epoch"), score)
        self._write(record)

    def rewind(self, size: int) -> None:
        """Forget the metrics after a checkpoint."""
        if not self.silent:
            self.metrics.rewind(size)

    def close(self) -> None:
        """Leave the bar as it stands and end the tracker."""
        if self._bar is not None:
            self._bar.close()
        if self._tracker is not None:
            self._tracker.close()

    def _write(self, record: Record) -> None:
        if not self.silent:
            self.metrics.append(record)
        if self._tracker is not None:
            self._tracker.log(record, step=record["step"])


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"train/{name}": float(value)
        for name, value in record.items()
        if isinstance(value, (int, float)) and name != "step"
    }


def _missing(package: str, command: str) -> TrainingError:
    return TrainingError(
        f"report_to: {package} needs the package {package}, which is not installed",
        remedy=f"`{command}`, or set training.report_to: none",
    )
