"""One update of the weights: gradients of some draws, summed over processes, clipped, stepped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor, nn

from bgs.config import TrainingSettings
from bgs.errors import TrainingError
from bgs.training.augmentation import augment
from bgs.training.batches import Draw
from bgs.training.gradients import Prepare
from bgs.training.judged import IntArray
from bgs.training.processes import Processes
from bgs.training.schedules import Schedule
from bgs.training.weights import MovingAverage, make_optimizer
from bgs.training.work import Work


@dataclass(frozen=True)
class Update:
    """What one update did."""

    losses: dict[str, float]  # the mean over draws of the total and of each term present
    gradient_norm: float  # before clipping
    learning_rate: float
    clip_passes: int


class Updater:
    """The model with everything that moves its weights."""

    def __init__(
        self,
        model: nn.Module,
        work: Work[Any],
        settings: TrainingSettings,
        processes: Processes,
        *,
        seed: int,
        total_steps: int,
    ) -> None:
        self.model = model
        self.settings = settings
        self.sampler = work.sampler
        self.engine = work.engine
        self.processes = processes
        self.seed = seed
        self.optimizer = make_optimizer(model, settings)
        self.schedule = Schedule(settings, total_steps=total_steps)
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=settings.fp16)
        self.average = (
            None if settings.ema_decay is None else MovingAverage(model, decay=settings.ema_decay)
        )

    def loads_of(self, draws: Sequence[Draw]) -> list[IntArray]:
        """Which clips an update with these draws will ask for, in order."""
        return [load for draw in draws for load in self.engine.loads_of(draw)]

    def update(
        self, draws: Sequence[Draw], inputs: Iterator[Tensor], *, epoch: int, step: int
    ) -> Update:
        """Update number `step` (from 0) in `epoch` (from 0); a loss that is not finite changes nothing."""
        try:
            return self._update(draws, inputs, epoch=epoch, step=step)
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, MemoryError) or should_reduce_batch_size(error):
                raise self._out_of_memory(step) from error
            raise

    def _update(
        self, draws: Sequence[Draw], inputs: Iterator[Tensor], *, epoch: int, step: int
    ) -> Update:
        factor = self.schedule.at(step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        self.optimizer.zero_grad(set_to_none=True)
        seen: dict[str, list[float]] = {}
        for number, draw in enumerate(draws):
            loss = self.engine.add(
                draw,
                self.sampler.judge(draw),
                inputs,
                epoch=epoch,
                scale=self.scaler.scale(torch.ones((), device=self.processes.device)) / len(draws),
                prepare=self._augmentation(step, number),
            )
            total = float(loss.total.detach())
            _check_finite("loss", total, step=step)
            seen.setdefault("loss", []).append(total)
            for name, value in loss.parts.items():
                seen.setdefault(name, []).append(float(value))
        return Update(
            losses={name: sum(values) / len(values) for name, values in seen.items()},
            gradient_norm=self._step(step),
            learning_rate=float(self.optimizer.param_groups[0]["lr"]),
            clip_passes=sum(map(self._passes, draws)),
        )

    def _step(self, step: int) -> float:
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.processes.add_up_gradients(parameters)
        self.scaler.unscale_(self.optimizer)
        norm = float(nn.utils.clip_grad_norm_(parameters, self.settings.max_grad_norm))
        if not self.scaler.is_enabled():  # the scaler skips such a step and lowers its scale
            _check_finite("gradient", norm, step=step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.model)
        return norm

    def averaged(self) -> AbstractContextManager[None]:
        """The model with the weights that are validated and kept."""
        return nullcontext() if self.average is None else self.average.applied(self.model)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the weights themselves."""
        return {
            "optimizer": self.optimizer.state_dict()["state"],
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there; learning rate, betas and weight decay are those of the settings."""
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])

    def _augmentation(self, step: int, number: int) -> Prepare | None:
        settings = self.settings.augmentation
        if settings is None:
            return None
        key = (self.seed, step, number)
        return lambda frames, clips: augment(frames, clips, settings=settings, key=key)

    def _passes(self, draw: Draw) -> int:
        chunk = self.engine.chunk_size
        replayed = chunk is not None and len(draw.clips) > chunk * self.processes.count
        return len(draw) + (len(draw.clips) if replayed else 0)

    def _out_of_memory(self, step: int) -> TrainingError:
        size = self.settings.per_device_train_batch_size
        smaller = f"lower training.per_device_train_batch_size (now {size})"
        more = [
            f"set training.{name}: true"
            for name in ("gradient_checkpointing", "bf16")
            if not getattr(self.settings, name)
        ]
        if self.settings.batching == "clips" and not self.settings.large_batch:
            more.append("set training.large_batch: true, which keeps the loss over many clips")
        return TrainingError(
            f"out of memory at step {step + 1} on {self.processes.device}",
            remedy=", or ".join([smaller, *more]),
        )


def _check_finite(what: str, value: float, *, step: int) -> None:
    if not math.isfinite(value):
        raise TrainingError(
            f"the {what} is {value} at step {step + 1}; the weights of that step are not kept",
            remedy="resume from the last checkpoint with a lower training.learning_rate, "
            "or train in float32",
        )
