"""Where a run stands, and how it went."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bgs.config import TrainingSettings
from bgs.training.logs import Record
from bgs.training.updates import Update


@dataclass(frozen=True)
class TrainingResult:
    """How a run went; the model itself holds the weights of `best_epoch`."""

    history: tuple[Record, ...]  # one record an epoch; the first is the model before training
    best_epoch: int
    best_score: float
    steps: int
    clip_passes: int
    stopped_early: bool


@dataclass
class RunState:
    """Counts and scores between two updates, in plain values that a checkpoint can hold."""

    epoch: int = 0  # finished epochs
    position: int = 0  # updates done in the epoch under way
    step: int = 0  # updates in all
    clip_passes: int = 0  # clips sent through the model, a replayed one twice
    seconds: float = 0.0  # in updates, not in validation
    best_epoch: int = 0
    best_score: float = -math.inf
    loss_sums: dict[str, float] = field(default_factory=dict)  # of the epoch under way
    loss_counts: dict[str, int] = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)

    def add(self, update: Update, *, seconds: float) -> None:
        """One update more."""
        self.position += 1
        self.step += 1
        self.seconds += seconds
        self.clip_passes += update.clip_passes
        for name, value in update.losses.items():
            self.loss_sums[name] = self.loss_sums.get(name, 0.0) + value
            self.loss_counts[name] = self.loss_counts.get(name, 0) + 1

    def end_epoch(self, score: float, *, name: str) -> Record:
        """One epoch more, with this validation score under its name; the record of it."""
        self.epoch += 1
        self.position = 0
        is_best = score > self.best_score
        if is_best:
            self.best_epoch, self.best_score = self.epoch, score
        losses = {name: total / self.loss_counts[name] for name, total in self.loss_sums.items()}
        self.loss_sums, self.loss_counts = {}, {}
        return {
            "event": "epoch",
            "epoch": self.epoch,
            "step": self.step,
            **losses,
            name: score,
            "best": is_best,
            "clip_passes": self.clip_passes,
            "seconds": self.seconds,
        }

    def is_finished(self, settings: TrainingSettings) -> bool:
        """Whether all epochs are done, or validation has not improved for too many of them."""
        patience = settings.early_stopping_patience
        return self.epoch >= settings.num_train_epochs or (
            patience is not None and self.epoch - self.best_epoch >= patience
        )

    def result(self, settings: TrainingSettings) -> TrainingResult:
        """What is told of a finished run."""
        return TrainingResult(
            history=tuple(self.history),
            best_epoch=self.best_epoch,
            best_score=self.best_score,
            steps=self.step,
            clip_passes=self.clip_passes,
            stopped_early=self.epoch < settings.num_train_epochs,
        )
