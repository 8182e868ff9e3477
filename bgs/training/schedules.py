"""The learning rate over time, as a factor on the one in the settings.

One small object instead of three scheduler classes: its state is two numbers and a count, so a
checkpoint holds it without pickling anything.
"""

from __future__ import annotations

import math
from typing import Any

from bgs.config import TrainingSettings

# As in torch's ReduceLROnPlateau: less than this (relative) is no improvement.
PLATEAU_THRESHOLD = 1e-4


class Schedule:
    """Warm-up, then constant, cosine, or halved whenever validation stops improving."""

    def __init__(self, settings: TrainingSettings, *, total_steps: int) -> None:
        self.kind = settings.lr_scheduler_type
        self.total_steps = total_steps
        self.warmup_steps = math.ceil(settings.warmup_ratio * total_steps)
        self.patience = settings.lr_plateau_patience
        self.factor = settings.lr_plateau_factor
        self.plateau_factor = 1.0
        self.best = -math.inf
        self.epochs_since_best = 0

    def at(self, step: int) -> float:
        """The factor for the update number `step`, counted from 0."""
        if step < self.warmup_steps:
            return step / self.warmup_steps
        if self.kind == "cosine":
            done = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
            return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
        return self.plateau_factor

    def observe(self, score: float) -> None:
        """A validation score, the higher the better; only the plateau schedule listens."""
        if self.kind != "reduce_lr_on_plateau":
            return
        if score > self.best + PLATEAU_THRESHOLD * abs(self.best) or self.best == -math.inf:
            self.best, self.epochs_since_best = score, 0
            return
        self.epochs_since_best += 1
        if self.epochs_since_best > self.patience:
            self.plateau_factor *= self.factor
            self.epochs_since_best = 0

    def state_dict(self) -> dict[str, Any]:
        """What validation has said so far."""
        return {
            "plateau_factor": self.plateau_factor,
            "best": self.best,
            "epochs_since_best": self.epochs_since_best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        self.plateau_factor = state["plateau_factor"]
        self.best = state["best"]
        self.epochs_since_best = state["epochs_since_best"]
