"""The second lens at work: all tasks are learnt briefly, and how their gradients lie is recorded on the way.

    step 0 ---- steps / 4 ---- steps / 2 ---- steps        gradients of the same batches at each of these

Batches are of training examples, each example in one batch at most, so that halves of a task are independent.
What is trained is thrown away: the question is what the encoder lets tasks share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from bgs.errors import DataError
from bgs.fusion.compatibility import (
    FEWEST_BATCHES,
    OVERALL,
    Agreement,
    Gram,
    collect_gradients,
    compare_tasks,
    parts_of,
)
from bgs.fusion.material import Material
from bgs.fusion.model import SocialModel
from bgs.fusion.record import Shape
from bgs.fusion.sampling import Asked, TaskSampler
from bgs.fusion.saving import build_model
from bgs.fusion.settings import FusionConfig, LanguageSettings, SamplingSettings


@dataclass(frozen=True)
class BriefTraining:
    """How the shared part learns before and while gradients are looked at."""

    steps: int = 200
    batch_size: int = 32
    learning_rate: float = 1e-3
    num_batches: int = 16  # of each task, that gradients are taken from
    examples_per_batch: int = 16
    seed: int = 0

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Steps after which gradients are looked at."""
        return tuple(sorted({0, self.steps // 4, self.steps // 2, self.steps}))


@dataclass(frozen=True)
class Moment:
    """How tasks agree after some steps: every pair on the whole shared model and on each part of it."""

    step: int
    agreements: tuple[Agreement, ...]
    losses: Mapping[str, float]  # of each task on the same batches

    def of_part(self, part: str = OVERALL) -> tuple[Agreement, ...]:
        """The pairs on one part."""
        return tuple(found for found in self.agreements if found.part == part)

    def summary(self, part: str = OVERALL) -> dict[str, float | None]:
        """Means over the pairs."""
        found = self.of_part(part)
        known = [pair.without_noise for pair in found if pair.without_noise is not None]
        return {
            "cosine": float(np.mean([pair.cosine for pair in found])),
            "without_noise": float(np.mean(known)) if known else None,
            "conflict": float(np.mean([pair.conflict for pair in found])),
            "conflict_within": float(np.mean([pair.conflict_within for pair in found])),
            "ratio": float(np.mean([pair.ratio for pair in found])),
        }


def make_shared(
    material: Material, *, language: LanguageSettings | None = None, seed: int = 0
) -> SocialModel:
    """A connector and a language model that know nothing yet of what this encoder sees."""
    config = FusionConfig(language=language or LanguageSettings(), seed=seed)
    model = build_model(config, Shape(*material.shape))
    seen = [row for task in material.data for row in material.rows_of(task, "train")]
    model.connector.calibrate(material.batch(seen))
    return model


def watch_compatibility(
    model: SocialModel,
    material: Material,
    training: BriefTraining,
    *,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> list[Moment]:
    """Train on all tasks in turn and look at their gradients on the way; with 0 steps, look once."""
    model = model.to(device)
    batches = {
        task: _disjoint_batches(material, task, training, seed=training.seed)
        for task in material.data
    }
    moments = []
    for step in _train(model, material, training, device=device, progress=progress):
        if step in training.checkpoints:
            moments.append(_look(model, material, batches, step, device=device, seed=training.seed))
    return moments


def shared_parts(model: SocialModel) -> dict[str, list[nn.Parameter]]:
    """What all tasks use, in parts that do not overlap: the connector, each layer of the language model, the rest."""
    parts: dict[str, list[nn.Parameter]] = {
        "connector": [p for p in model.connector.parameters() if p.requires_grad]
    }
    for name, members in parts_of(model.language).items():
        if name != OVERALL:
            block = name.split(".")
            key = f"language layer {int(block[1]) + 1}" if len(block) == 2 else "language, rest"
            parts.setdefault(key, []).extend(members)
    return {name: members for name, members in parts.items() if members}


def _train(
    model: SocialModel,
    material: Material,
    training: BriefTraining,
    *,
    device: str | torch.device,
    progress: bool,
) -> Iterator[int]:
    """Yields the number of steps done, 0 first."""
    yield 0
    if not training.steps:
        return
    asked = [material.questions(task, "train") for task in material.data]
    settings = SamplingSettings(kind="uniform", steps_per_epoch=training.steps)
    sampler = TaskSampler(asked, training.batch_size, settings, seed=training.seed)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=training.learning_rate)
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    for step, draw in enumerate(tqdm(sampler.draw(0), desc="learn", disable=hidden), start=1):
        model.train()
        tokens = material.batch(draw.clips.tolist()).to(device)
        coverage = material.coverage[draw.clips].to(device)
        loss = model(tokens, coverage, sampler.judge(draw)).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        yield step


def _look(
    model: SocialModel,
    material: Material,
    batches: Mapping[str, Sequence[Asked]],
    step: int,
    *,
    device: str | torch.device,
    seed: int,
) -> Moment:
    """Gradients of all batches, dropout off; a part's are let go before the whole is summed up."""
    model.eval()
    losses: dict[str, list[float]] = {task: [] for task in batches}

    def loss_of(task: str, asked: Asked) -> Callable[[], Tensor]:
        def compute() -> Tensor:
            tokens = material.batch(asked.rows.tolist()).to(device)
            coverage = material.coverage[asked.rows].to(device)
            loss: Tensor = model(tokens, coverage, asked.questions).mean()
            losses[task].append(float(loss.detach()))
            return loss

        return compute

    parts = shared_parts(model)
    samples = {
        task: collect_gradients(model, [loss_of(task, batch) for batch in found], parts=parts)
        for task, found in batches.items()
    }
    agreements: list[Agreement] = []
    whole: Gram | None = None
    for part in parts:
        gram = Gram.of({task: found.pop(part) for task, found in samples.items()})
        agreements += compare_tasks(gram, part=part, seed=seed)
        whole = gram if whole is None else whole + gram
    if whole is None:
        raise DataError("nothing of the model is trained", remedy="train the connector at least")
    agreements += compare_tasks(whole, part=OVERALL, seed=seed)
    means = {task: float(np.mean(found)) for task, found in losses.items()}
    return Moment(step, tuple(agreements), means)


def _disjoint_batches(
    material: Material, task: str, training: BriefTraining, *, seed: int
) -> list[Asked]:
    """Batches of whole examples with all their questions, the same for every encoder."""
    asked = material.questions(task, "train")
    rows = np.unique(asked.rows)
    size = min(training.examples_per_batch, len(rows) // training.num_batches)
    if training.num_batches < FEWEST_BATCHES or size < 1:
        raise DataError(
            f"{len(rows)} training examples of task {task!r} in {training.num_batches} batches",
            remedy=f"take at least {FEWEST_BATCHES} batches, and one example for each",
        )
    order = np.random.default_rng([seed, 5]).permutation(rows)
    found = []
    for k in range(training.num_batches):
        chosen = np.isin(asked.rows, order[k * size : (k + 1) * size])
        places = np.flatnonzero(chosen)
        questions = tuple(asked.questions[place] for place in places.tolist())
        found.append(Asked(task, asked.rows[places], questions))
    return found
