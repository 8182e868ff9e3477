"""One loop for every objective, sampler and backbone.

    epoch 0             validate the model as it came
    epoch 1, 2, ...     updates; validate; keep the weights if they are the best so far; checkpoint

Whether a run was interrupted must not show in its weights: everything that decides them is in
`RunState` and in the objects whose states a checkpoint collects (`TrainingRun.state_dict`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from bgs.backbones.model import Bank
from bgs.config import TrainingSettings
from bgs.data.triplets import Triplets
from bgs.errors import TrainingError
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.training.batches import Draw, make_sampler
from bgs.training.checkpoints import Checkpoints
from bgs.training.identity import check_same_run, identify_run
from bgs.training.interruption import Interruption
from bgs.training.judged import JudgedClips
from bgs.training.loading import ReadAhead
from bgs.training.logs import MetricsFile, ProgressBar, Record, Tracker, make_tracker
from bgs.training.precision import enable_gradient_checkpointing
from bgs.training.processes import Processes
from bgs.training.randomness import random_state, seeded, set_random_state
from bgs.training.updates import Update, Updater
from bgs.training.weights import set_trained_weights, trained_weights

Model = TypeVar("Model", bound=nn.Module)


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
    """Where a run stands, between two updates."""

    epoch: int = 0  # finished epochs
    position: int = 0  # updates done in the epoch under way
    step: int = 0  # updates in all
    clip_passes: int = 0  # clips sent through the model, a replayed one twice
    seconds: float = 0.0
    best_epoch: int = 0
    best_score: float = -math.inf
    loss_sums: dict[str, float] = field(default_factory=dict)  # of the epoch under way
    loss_counts: dict[str, int] = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)


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
    identity = identify_run(
        judged=judged,
        objective=objective.settings,
        settings=settings,
        seed=seed,
        num_processes=processes.count,
        config=config or {},
    )
    with seeded(seed + processes.index):
        run = TrainingRun(
            model,
            bank,
            judged,
            objective,
            settings,
            seed=seed,
            output_dir=output_dir,
            processes=processes,
        )
        run.begin(identity, resume=resume, allow_changes=allow_changes)
        return run.finish(lambda: validate(model), progress=progress)


class TrainingRun:
    """The parts of a run and what happens between them."""

    def __init__(
        self,
        model: nn.Module,
        bank: Bank,
        judged: JudgedClips,
        objective: Objective,
        settings: TrainingSettings,
        *,
        seed: int,
        output_dir: Path,
        processes: Processes,
    ) -> None:
        self.model = model.to(processes.device)
        self.bank = bank
        self.judged = judged
        self.settings = settings
        self.output_dir = output_dir
        self.processes = processes
        self.state = RunState()
        self.identity: dict[str, Any] = {}
        self.best_weights: dict[str, Tensor] = {}
        if settings.gradient_checkpointing:
            enable_gradient_checkpointing(model)
        self.sampler = make_sampler(
            judged,
            settings,
            seed=seed,
            num_hard_negatives=objective.num_hard_negatives,
            num_processes=processes.count,
        )
        self.sampler_state = self.sampler.state_dict()  # as it was when the epoch under way began
        self.steps_per_epoch = -(
            -self.sampler.steps_per_epoch // settings.gradient_accumulation_steps
        )
        self.total_steps = self.steps_per_epoch * settings.num_train_epochs
        self.updater = Updater(
            model,
            objective,
            settings,
            self.sampler,
            processes,
            seed=seed,
            total_steps=self.total_steps,
        )
        self.checkpoints = Checkpoints(output_dir / "checkpoints", keep=settings.save_total_limit)
        self.metrics = MetricsFile(output_dir / "metrics.jsonl")
        self.bar: ProgressBar | None = None
        self.tracker: Tracker | None = None

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
            if self.processes.is_main:
                self.metrics.rewind(0)
            return
        if not allow_changes:
            check_same_run(saved["identity"], identity)
        self.load_state_dict(saved)

    def finish(self, validate: Callable[[], float], *, progress: bool) -> TrainingResult:
        """Train to the end, then put the best weights in place."""
        main, state = self.processes.is_main, self.state
        self.bar = ProgressBar(total=self.total_steps, done=state.step, shown=progress and main)
        try:
            if main:
                self.tracker = make_tracker(
                    self.settings.report_to, output_dir=self.output_dir, config=self.identity
                )
            with Interruption() as interruption:
                self._train(validate, interruption)
        finally:
            self.bar.close()
            if self.tracker is not None:
                self.tracker.close()
        set_trained_weights(self.model, self.best_weights)
        return TrainingResult(
            history=tuple(state.history),
            best_epoch=state.best_epoch,
            best_score=state.best_score,
            steps=state.step,
            clip_passes=state.clip_passes,
            stopped_early=state.epoch < self.settings.num_train_epochs,
        )

    def _train(self, validate: Callable[[], float], interruption: Interruption) -> None:
        state = self.state
        if not state.history:
            score = self._validated(validate)
            self._record({"event": "epoch", "epoch": 0, "step": 0, "validation_rsa": score})
        while not self._is_finished():
            self._train_epoch(interruption)
            self._end_epoch(validate)
            self._save()
            self._stop_if_asked(interruption, saved=True)

    def _train_epoch(self, interruption: Interruption) -> None:
        state, size = self.state, self.settings.gradient_accumulation_steps
        draws = self.sampler.draw(state.epoch)
        groups = [draws[first : first + size] for first in range(0, len(draws), size)]
        groups = groups[state.position :]
        rows = (
            self.judged.bank_rows[clips]
            for group in groups
            for clips in self.updater.loads_of(group)
        )
        pinned = self.processes.device.type == "cuda"
        self.model.train()
        with ReadAhead(self.bank, rows, pin_memory=pinned) as inputs:
            for group in groups:
                self._train_step(group, inputs)
                if state.position < self.steps_per_epoch:
                    if self.settings.save_steps and state.step % self.settings.save_steps == 0:
                        self._save()
                    self._stop_if_asked(interruption, saved=False)

    def _train_step(self, group: list[Draw], inputs: ReadAhead) -> None:
        state, waited, started = self.state, inputs.seconds_waited, time.perf_counter()
        update = self.updater.update(group, inputs, epoch=state.epoch, step=state.step)
        seconds = time.perf_counter() - started
        state.position += 1
        state.step += 1
        state.seconds += seconds
        state.clip_passes += update.clip_passes
        for name, value in update.losses.items():
            state.loss_sums[name] = state.loss_sums.get(name, 0.0) + value
            state.loss_counts[name] = state.loss_counts.get(name, 0) + 1
        self._log_step(update, seconds=seconds, waited=inputs.seconds_waited - waited)

    def _log_step(self, update: Update, *, seconds: float, waited: float) -> None:
        state = self.state
        if self.bar is not None:
            self.bar.step(update.losses, clips_per_second=update.clip_passes / seconds)
        self._write(
            {
                "event": "step",
                "epoch": state.epoch + 1,
                "step": state.step,
                **update.losses,
                "gradient_norm": update.gradient_norm,
                "learning_rate": update.learning_rate,
                "clips_per_second": update.clip_passes / seconds,
                "data_wait": waited / seconds,
            }
        )

    def _end_epoch(self, validate: Callable[[], float]) -> None:
        state = self.state
        state.epoch += 1
        state.position = 0
        with self.updater.averaged():
            score = self._validated(validate)
            is_best = score > state.best_score
            if is_best:
                self.best_weights = trained_weights(self.model)
                state.best_epoch, state.best_score = state.epoch, score
        losses = {name: total / state.loss_counts[name] for name, total in state.loss_sums.items()}
        state.loss_sums, state.loss_counts = {}, {}
        self._record(
            {
                "event": "epoch",
                "epoch": state.epoch,
                "step": state.step,
                **losses,
                "validation_rsa": score,
                "best": is_best,
                "clip_passes": state.clip_passes,
                "seconds": state.seconds,
            }
        )
        self.updater.schedule.observe(score)
        self.sampler_state = self.sampler.state_dict()

    def _is_finished(self) -> bool:
        patience = self.settings.early_stopping_patience
        since_best = self.state.epoch - self.state.best_epoch
        return self.state.epoch >= self.settings.num_train_epochs or (
            patience is not None and since_best >= patience
        )

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
                f"the validation score is {score} after epoch {self.state.epoch}",
                remedy="check that the validation clips have judgments and differ for the model",
            )
        if self.bar is not None:
            self.bar.validated(score)
        return float(score)

    def _record(self, record: Record) -> None:
        self.state.history.append(record)
        self._write(record)

    def _write(self, record: Record) -> None:
        if self.processes.is_main:
            self.metrics.append(record)
        if self.tracker is not None:
            self.tracker.log(record, step=self.state.step)

    def _stop_if_asked(self, interruption: Interruption, *, saved: bool) -> None:
        if self.processes.anywhere(interruption.signal is not None):
            if not saved:
                self._save()
            interruption.stop()

    def _save(self) -> None:
        generators = self.processes.collect(random_state())
        if self.processes.is_main:
            self.checkpoints.save(self.state_dict(generators), step=self.state.step)
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
            "metrics_size": self.metrics.size,
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
        if self.processes.is_main:
            self.metrics.rewind(saved["metrics_size"])
