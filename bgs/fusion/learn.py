"""Training on several tasks at once, by the loop that judgments are learnt with.

The encoder is frozen and its tokens are in the bank, so a step is: tokens -> connector -> language model -> loss of
the answers. An epoch is as good as the mean over tasks of how far its headline metric is from chance to perfect,
on validation examples:

    (metric - chance) / (1 - chance)      0 for who does not look, 1 for who is always right

so that a task with many labels or an easy one does not decide alone. That choice is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bgs.errors import ConfigError
from bgs.fusion.compatibility import mend_conflicts
from bgs.fusion.example import Split, Task
from bgs.fusion.material import Material
from bgs.fusion.model import SocialModel
from bgs.fusion.questions import Question
from bgs.fusion.questions import read_answers as by_example
from bgs.fusion.sampling import TaskSampler
from bgs.fusion.scoring import Answers, Beliefs, chance_of, read_answers
from bgs.fusion.settings import FusionConfig
from bgs.objectives import LossParts
from bgs.training.batches import Draw
from bgs.training.gradients import Prepare
from bgs.training.judged import IntArray
from bgs.training.loop import train_on
from bgs.training.precision import autocast, autocast_dtype
from bgs.training.processes import Processes
from bgs.training.state import TrainingResult
from bgs.training.work import Work

SCORE = "validation_score"


class FusionEngine:
    """Adds the gradient of the questions of one draw; several processes share the questions."""

    chunk_size: int | None = None

    def __init__(
        self,
        model: SocialModel,
        coverage: Tensor,
        sampler: TaskSampler,
        *,
        processes: Processes,
        precision: torch.dtype | None = None,
        mend: bool = False,
    ) -> None:
        self.model = model
        self.coverage = coverage
        self.sampler = sampler
        self.processes = processes
        self.precision = precision
        self.mend = mend

    def loads_of(self, draw: Draw) -> list[IntArray]:
        """The share of the examples that falls to this process."""
        return [self.processes.share(draw.clips)]

    def add(
        self,
        draw: Draw,
        batch: Sequence[Question],
        inputs: Iterator[Tensor],
        *,
        epoch: int,
        scale: Tensor | float = 1.0,
        prepare: Prepare | None = None,
    ) -> LossParts:
        """The mean loss over the questions; for the log also that of each task among them."""
        device = self.processes.device
        mine = self.processes.share(np.arange(len(draw.clips)))
        tokens = next(inputs).to(device, non_blocking=True)
        coverage = self.coverage[draw.clips[mine]].to(device)
        questions = [batch[place] for place in mine.tolist()]
        tasks = self.sampler.tasks_of(draw)  # one name a question
        if self.mend:
            losses = self._add_mended(tokens, coverage, questions, tasks, scale)
        else:
            losses = self._losses(tokens, coverage, questions)
            # A sum over my share, divided by all: the sum over processes is the mean over questions.
            (losses.sum() / len(draw.clips) * scale).backward()
        found = self.processes.gather_rows(losses.detach()[:, None], total=len(draw.clips))[:, 0]
        parts = {
            task: found[[place for place, name in enumerate(tasks) if name == task]].mean()
            for task in dict.fromkeys(tasks)
        }
        return LossParts(total=found.mean(), parts=parts)

    def _losses(self, tokens: Tensor, coverage: Tensor, questions: Sequence[Question]) -> Tensor:
        if not questions:  # more processes than questions
            return tokens.new_zeros(0, requires_grad=True)
        with autocast(self.processes.device, self.precision):
            losses: Tensor = self.model(tokens, coverage, questions)
        return losses.float()

    def _add_mended(
        self,
        tokens: Tensor,
        coverage: Tensor,
        questions: Sequence[Question],
        tasks: Sequence[str],
        scale: Tensor | float,
    ) -> Tensor:
        """PCGrad: a gradient a task, projected where they conflict, then their mean."""
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        losses = tokens.new_zeros(len(questions))
        gradients = []
        for task in dict.fromkeys(tasks):
            places = [place for place, name in enumerate(tasks) if name == task]
            own = self._losses(tokens[places], coverage[places], [questions[p] for p in places])
            losses[places] = own.detach()
            gradients.append(_flat(own.mean(), parameters))
        mended = mend_conflicts(gradients) / len(gradients) * scale
        sizes = [p.numel() for p in parameters]
        for parameter, part in zip(parameters, mended.split(sizes), strict=True):
            found = part.view_as(parameter)
            parameter.grad = found.clone() if parameter.grad is None else parameter.grad + found
        return losses


def learn(
    model: SocialModel,
    material: Material,
    config: FusionConfig,
    *,
    output_dir: Path,
    resume: bool = False,
    allow_changes: bool = False,
    progress: bool = True,
) -> TrainingResult:
    """Train on the tasks of the config; the model ends with the weights of the best epoch on validation."""
    processes = Processes()
    work = fusion_work(model, material, config, processes=processes)
    kept = {"train_on", "val_on", "backbone", "layer", "connector", "language", "use_heatmap"}
    return train_on(
        work,
        model,
        settings=config.training,
        seed=config.seed,
        output_dir=output_dir,
        validate=lambda candidate: validation_score(candidate, material, config.validated),
        processes=processes,
        resume=resume,
        allow_changes=allow_changes,
        config=config.model_dump(mode="json", include=kept),
        progress=progress,
    )


def fusion_work(
    model: SocialModel, material: Material, config: FusionConfig, *, processes: Processes
) -> Work[list[Question]]:
    """Questions of all tasks as work for the loop."""
    if config.mend_conflicts and processes.count > 1:
        raise ConfigError(
            f"mend_conflicts with {processes.count} processes, each of which would mend its own",
            remedy="launch one process, or set mend_conflicts: false",
        )
    settings = config.training
    sampler = TaskSampler(
        [material.questions(task, "train") for task in config.train_on],
        settings.per_device_train_batch_size * processes.count,
        config.sampling,
        seed=config.seed,
        together=config.mend_conflicts,
    )
    engine = FusionEngine(
        model,
        material.coverage,
        sampler,
        processes=processes,
        precision=autocast_dtype(settings, processes.device),
        mend=config.mend_conflicts,
    )
    identity: dict[str, Any] = {
        "questions (digest)": material.digest(config.train_on),
        "sampling": config.sampling.model_dump(mode="json"),
        "mend_conflicts": config.mend_conflicts,
    }
    return Work(
        sampler=sampler,
        engine=engine,
        bank=material,
        rows_of=lambda rows: rows,
        identity=identity,
        score_name=SCORE,
    )


def validation_score(model: SocialModel, material: Material, tasks: Sequence[str]) -> float:
    """The mean over tasks of the headline metric on validation examples, from chance (0) to perfect (1)."""
    return float(np.mean(list(validation_scores(model, material, tasks).values())))


def validation_scores(
    model: SocialModel, material: Material, tasks: Sequence[str]
) -> dict[str, float]:
    """The same for each task; only what the headline is made from is asked."""
    found = {}
    for name in tasks:
        task = replace(material.data[name].task, values=())
        answers = answer(model, material, name, split="val", task=task)
        headline = task.metrics[0]
        chance = chance_of(answers, headline) or 0.0
        found[name] = (answers.metric(headline) - chance) / max(1 - chance, 1e-9)
    return found


def answer(
    model: SocialModel,
    material: Material,
    name: str,
    *,
    split: Split,
    task: Task | None = None,
    batch_size: int = 64,
) -> Answers:
    """A model's answers to a part of a task, ready to be scored; the model's mode is restored."""
    task = task or material.data[name].task
    beliefs = believe_all(model, material, name, split=split, task=task, batch_size=batch_size)
    return read_answers(task, material.data[name][split], beliefs)


def believe_all(
    model: SocialModel,
    material: Material,
    name: str,
    *,
    split: Split,
    task: Task,
    batch_size: int = 64,
) -> Beliefs:
    """What the model believes about every question of a part: example -> what was asked -> belief."""
    asked = material.questions(name, split, about=task)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    beliefs: list[Tensor] = []
    try:
        for start in range(0, len(asked), batch_size):
            rows = asked.rows[start : start + batch_size]
            beliefs += model.believe(
                material.batch(rows.tolist()).to(device),
                material.coverage[rows].to(device),
                asked.questions[start : start + batch_size],
            )
    finally:
        model.train(was_training)
    return by_example(asked.questions, [belief.double().numpy() for belief in beliefs])


def _flat(loss: Tensor, parameters: Sequence[torch.nn.Parameter]) -> Tensor:
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat(
        [
            torch.zeros_like(p).flatten() if gradient is None else gradient.flatten()
            for p, gradient in zip(parameters, found, strict=True)
        ]
    )
