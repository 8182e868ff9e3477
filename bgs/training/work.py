"""What is learnt: how its steps are drawn, and how a step becomes a gradient. The loop does the rest.

Judgments are one kind of work; whoever has another brings a sampler and an engine of its own, and shares
schedules, checkpoints, logs, resuming and several processes with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from bgs.backbones.model import Bank
from bgs.config import TrainingSettings
from bgs.objectives import JudgedBatch, LossParts, Objective
from bgs.training.batches import Draw, Sampler, make_sampler
from bgs.training.gradients import GradientEngine, Prepare
from bgs.training.identity import identify_judgments
from bgs.training.judged import IntArray, JudgedClips
from bgs.training.precision import autocast_dtype
from bgs.training.processes import Processes

Batch = TypeVar("Batch")
Taken = TypeVar("Taken", contravariant=True)


class Engine(Protocol[Taken]):
    """Adds the gradient of one draw's loss to the model's parameters."""

    chunk_size: int | None

    def loads_of(self, draw: Draw) -> list[IntArray]:
        """What `add` asks for, in order; so that it can be read ahead."""
        ...

    def add(
        self,
        draw: Draw,
        batch: Taken,
        inputs: Iterator[Tensor],
        *,
        epoch: int,
        scale: Tensor | float = 1.0,
        prepare: Prepare | None = None,
    ) -> LossParts:
        """Accumulate `scale` times the gradient of the loss; `inputs` yields what `loads_of` lists."""
        ...


@dataclass(frozen=True, eq=False)
class Work(Generic[Batch]):
    """A sampler, an engine and what they read."""

    sampler: Sampler[Batch]
    engine: Engine[Batch]
    bank: Bank
    rows_of: Callable[[IntArray], IntArray]  # what a load names -> rows of the bank
    identity: Mapping[str, Any]  # what else decides the weights, compared when a run is resumed
    score_name: str = "validation_rsa"  # what its validation score is called in history and metrics


def judgment_work(
    model: nn.Module,
    bank: Bank,
    judged: JudgedClips,
    objective: Objective,
    settings: TrainingSettings,
    *,
    seed: int,
    processes: Processes,
) -> Work[JudgedBatch]:
    """Bending distances until they agree with people's."""
    sampler = make_sampler(
        judged,
        settings,
        seed=seed,
        num_hard_negatives=objective.num_hard_negatives,
        num_processes=processes.count,
    )
    engine = GradientEngine(
        model,
        objective,
        processes=processes,
        chunk_size=settings.per_device_train_batch_size if settings.large_batch else None,
        precision=autocast_dtype(settings, processes.device),
    )
    return Work(
        sampler=sampler,
        engine=engine,
        bank=bank,
        rows_of=lambda clips: judged.bank_rows[clips],
        identity=identify_judgments(judged, objective.settings),
    )
