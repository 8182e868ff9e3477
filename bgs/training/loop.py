"""One loop for every objective, sampler and backbone.

    epoch 0             validate the model as it came
    epoch 1, 2, ...     updates; validate; keep the weights if they are the best so far; checkpoint

Whether a run was interrupted must not show in its weights: everything that decides them is in
`RunState` and in the objects whose states a checkpoint collects (`TrainingRun.state_dict`).
The module is long because a run is read from beginning to end here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from bgs.backbones.model import Bank
from bgs.config import TrainingSettings
from bgs.data.triplets import Triplets
from bgs.errors import TrainingError
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.training.batches import Draw
from bgs.training.checkpoints import Checkpoints
from bgs.training.identity import check_same_run, identify_run
from bgs.training.interruption import Interruption
from bgs.training.judged import JudgedClips
from bgs.training.loading import ReadAhead
from bgs.training.logs import Record, RunLog
from bgs.training.precision import enable_gradient_checkpointing
from bgs.training.processes import Processes
from bgs.training.randomness import random_state, seeded, set_random_state
from bgs.training.state import RunState, TrainingResult
from bgs.training.updates import Update, Updater
from bgs.training.weights import set_trained_weights, trained_weights
from bgs.training.work import Work, judgment_work

Model = TypeVar("Model", bound=nn.Module)


def train(
    model: Model,
    bank: Bank,
    judgments: Triplets,
    human: RDM,
    *,
    objective: Objective,
    settings: TrainingSettings,
    seed: int,
    output_dir: Path,
    validate: Callable[[Model], float],
    resume: bool = False,
    allow_changes: bool = False,
    config: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> TrainingResult:
    """Bend the model until its distances agree with people's; it ends with its best epoch's weights.

    The training clips are those of `human`, all of them in the bank; `judgments` are about them alone.
    `validate` scores the model, the higher the better. `config` is whatever else makes this run
    this run (backbone, adapters, data): it is saved, and compared when the run is resumed.
    Raises KeyboardInterrupt on Ctrl-C, after saving a checkpoint.
    """
    processes = Processes()
    judged = JudgedClips.from_human(bank, judgments, human)
    work = judgment_work(model, bank, judged, objective, settings, seed=seed, processes=processes)
    return train_on(
        work,
        model,
        settings=settings,
        seed=seed,
        output_dir=output_dir,
        validate=validate,
        processes=processes,
        resume=resume,
        allow_changes=allow_changes,
        config=config,
        progress=progress,
    )


def train_on(
    work: Work[Any],
    model: Model,
    *,
    settings: TrainingSettings,
    seed: int,
    output_dir: Path,
    validate: Callable[[Model], float],
    processes: Processes,
    resume: bool = False,
    allow_changes: bool = False,
    config: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> TrainingResult:
    """The same for any work: `train` with a sampler and an engine that the caller has made."""
    identity = identify_run(
        work=work.identity,
        settings=settings,
        seed=seed,
        num_processes=processes.count,
        config=config or {},
    )
    with seeded(seed + processes.index):
        run = TrainingRun(
            model, work, settings, seed=seed, output_dir=output_dir, processes=processes
        )
        run.begin(identity, resume=resume, allow_changes=allow_changes)
        return run.finish(lambda: validate(model), progress=progress)


class TrainingRun:
    """The parts of a run and what happens between them."""

    def __init__(
        self,
        model: nn.Module,
        work: Work[Any],
        settings: TrainingSettings,
        *,
        seed: int,
        output_dir: Path,
        processes: Processes,
    ) -> None:
        self.model = model.to(processes.device)
        self.work = work
        self.sampler = work.sampler
        self.settings = settings
        self.processes = processes
        self.state = RunState()
        self.identity: dict[str, Any] = {}
        self.best_weights: dict[str, Tensor] = {}
        if settings.gradient_checkpointing:
            enable_gradient_checkpointing(model)
        self.sampler_state = self.sampler.state_dict()  # as it was when the epoch under way began
        self.steps_per_epoch = -(
            -self.sampler.steps_per_epoch // settings.gradient_accumulation_steps
        )
        self.total_steps = self.steps_per_epoch * settings.num_train_epochs
        self.updater = Updater(
            model, work, settings, processes, seed=seed, total_steps=self.total_steps
        )
        self.checkpoints = Checkpoints(output_dir / "checkpoints", keep=settings.save_total_limit)
        self.saved_at = -math.inf
        self.log = RunLog(output_dir, silent=not processes.is_main)

    def begin(self, identity: dict[str, Any], *, resume: bool, allow_changes: bool) -> None:
        """Start afresh, or where the newest whole checkpoint stands (afresh if there is none)."""
        self.identity = identity
        if not resume and self.checkpoints.steps():
            raise TrainingError(
                f"there are checkpoints of an earlier run, up to step {self.checkpoints.steps()[-1]}",
                remedy="resume it, or choose another output_dir",
                file=self.checkpoints.folder,
            )
        saved = self.checkpoints.newest() if resume and self.processes.is_main else None
        saved = self.processes.from_main(saved)
        if saved is None:
            self.log.rewind(0)
            return
        if not allow_changes:
            check_same_run(saved["identity"], identity)
        self.load_state_dict(saved)

    def finish(self, validate: Callable[[], float], *, progress: bool) -> TrainingResult:
        """Train to the end, then put the best weights in place."""
        state, settings = self.state, self.settings
        try:
            self.log.open(
                total=self.total_steps,
                done=state.step,
                progress=progress,
                report_to=settings.report_to,
                config=self.identity,
            )
            with Interruption() as interruption:
                self._train(validate, interruption)
        finally:
            self.log.close()
        set_trained_weights(self.model, self.best_weights)
        return state.result(settings)

    def _train(self, validate: Callable[[], float], interruption: Interruption) -> None:
        state = self.state
        if not state.history:
            score = self._validated(validate)
            name = self.work.score_name
            self._log_epoch({"event": "epoch", "epoch": 0, "step": 0, name: score})
        while not state.is_finished(self.settings):
            self._train_epoch(interruption)
            self._end_epoch(validate)
            if state.is_finished(self.settings) or self._is_save_due():
                self._save()
            self._stop_if_asked(interruption)

    def _train_epoch(self, interruption: Interruption) -> None:
        state, size = self.state, self.settings.gradient_accumulation_steps
        draws = self.sampler.draw(state.epoch)
        groups = [draws[first : first + size] for first in range(0, len(draws), size)]
        groups = groups[state.position :]
        rows = (
            self.work.rows_of(load) for group in groups for load in self.updater.loads_of(group)
        )
        pinned = self.processes.device.type == "cuda"
        self.model.train()
        with ReadAhead(self.work.bank, rows, pin_memory=pinned) as inputs:
            for group in groups:
                self._train_step(group, inputs)
                if state.position < self.steps_per_epoch:
                    if self.settings.save_steps and state.step % self.settings.save_steps == 0:
                        self._save()
                    self._stop_if_asked(interruption)

    def _train_step(self, group: list[Draw], inputs: ReadAhead) -> None:
        state, waited, started = self.state, inputs.seconds_waited, time.perf_counter()
        update = self.updater.update(group, inputs, epoch=state.epoch, step=state.step)
        seconds = time.perf_counter() - started
        state.add(update, seconds=seconds)
        self._log_step(update, seconds=seconds, waited=inputs.seconds_waited - waited)

    def _log_step(self, update: Update, *, seconds: float, waited: float) -> None:
        record = {
            "event": "step",
            "epoch": self.state.epoch + 1,
            "step": self.state.step,
            **update.losses,
            "gradient_norm": update.gradient_norm,
            "learning_rate": update.learning_rate,
            "clips_per_second": update.clip_passes / seconds,
            "data_wait": waited / seconds,
        }
        self.log.step(record, losses=update.losses)

    def _end_epoch(self, validate: Callable[[], float]) -> None:
        state = self.state
        with self.updater.averaged():
            score = self._validated(validate)
            if score > state.best_score:
                self.best_weights = trained_weights(self.model)
        self._log_epoch(state.end_epoch(score, name=self.work.score_name))
        self.updater.schedule.observe(score)
        self.sampler_state = self.sampler.state_dict()

    def _validated(self, validate: Callable[[], float]) -> float:
        """The main process's score for all; the model is back in training mode afterwards."""
        score = None
        if self.processes.is_main:
            self.model.eval()
            score = float(validate())
            self.model.train()
        score = self.processes.from_main(score)
        if not math.isfinite(score):
            raise TrainingError(
                f"the validation score is {score} after step {self.state.step}",
                remedy="check that the validation clips have judgments and differ for the model",
            )
        return float(score)

    def _log_epoch(self, record: Record) -> None:
        self.state.history.append(record)
        self.log.epoch(record, score=record[self.work.score_name])

    def _stop_if_asked(self, interruption: Interruption) -> None:
        if self.processes.anywhere(interruption.signal is not None):
            self._save()
            interruption.stop()

    def _is_save_due(self) -> bool:
        """Epochs can be so short that writing checkpoints would take longer than training."""
        waited = time.monotonic() - self.saved_at
        return bool(self.processes.from_main(waited >= self.settings.save_interval_seconds))

    def _save(self) -> None:
        generators = self.processes.collect(random_state())
        if self.processes.is_main:
            self.checkpoints.save(self.state_dict(generators), step=self.state.step)
        self.saved_at = time.monotonic()
        self.processes.wait()

    def state_dict(self, generators: list[Any]) -> dict[str, Any]:
        """Everything that decides how the run goes on; `generators` holds one state a process."""
        return {
            "identity": self.identity,
            "run": asdict(self.state),
            "weights": trained_weights(self.model),
            "best_weights": self.best_weights,
            "updater": self.updater.state_dict(),
            "sampler": self.sampler_state,
            "generators": generators,
            "metrics_size": self.log.metrics.size,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continue from there; metrics written after the checkpoint are forgotten."""
        self.state = RunState(**saved["run"])
        set_trained_weights(self.model, saved["weights"])
        self.best_weights = saved["best_weights"]
        self.updater.load_state_dict(saved["updater"])
        self.sampler_state = saved["sampler"]
        self.sampler.load_state_dict(saved["sampler"])
        set_random_state(saved["generators"][self.processes.index])
        self.log.rewind(saved["metrics_size"])
