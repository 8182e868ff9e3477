"""Which questions a step asks: some of every task by its share, examples of a task in a new order each round.

Draws depend on the seed, the epoch and how far each task has come, never on a global generator, so that a
resumed run asks what the interrupted one would have asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgs.fusion.questions import Question
from bgs.fusion.settings import SamplingSettings
from bgs.training.batches import NO_CLIPS, Draw

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """Questions of one task, each about a row of the token bank."""

    task: str
    rows: IntArray  # (questions,)
    questions: tuple[Question, ...]

    def __len__(self) -> int:
        return len(self.questions)

    def __repr__(self) -> str:
        return f"Asked({self.task!r}, {len(self)} questions about {len(np.unique(self.rows))} examples)"


def task_shares(sizes: Mapping[str, int], settings: SamplingSettings) -> dict[str, float]:
    """How often each task is asked, summing to one.

    Sizes to the power of 1 (proportional), 0 (uniform) or 1 / temperature, times the tasks' weights.
    """
    power = {"proportional": 1.0, "uniform": 0.0, "temperature": 1 / settings.temperature}
    weights = {
        task: float(size) ** power[settings.kind] * settings.weights.get(task, 1.0)
        for task, size in sizes.items()
    }
    total = sum(weights.values())
    return {task: weight / total for task, weight in weights.items()}


class TaskSampler:
    """Some questions of every task a step, or of one task a step, or a whole batch of each (`together`).

    A task's questions are gone through in a random order before any comes again.
    """

    def __init__(
        self,
        tasks: Sequence[Asked],
        batch_size: int,
        settings: SamplingSettings,
        *,
        seed: int,
        together: bool = False,
    ) -> None:
        self.tasks = tuple(tasks)
        self.batch_size = batch_size
        self.seed = seed
        self.mixed = settings.mixed
        self.own_share = settings.own_share
        self.together = together
        sizes = {asked.task: len(asked) for asked in tasks}
        self.shares = task_shares(sizes, settings)
        whole = -(-sum(sizes.values()) // (batch_size * (len(sizes) if together else 1)))
        self.steps_per_epoch = settings.steps_per_epoch or whole
        self.first = dict(
            zip(sizes, np.cumsum([0, *list(sizes.values())[:-1]]).tolist(), strict=True)
        )
        self._rows = np.concatenate([asked.rows for asked in tasks])
        self._questions = [question for asked in tasks for question in asked.questions]
        self._pools = [_pools_of(asked) for asked in tasks]
        self._taken = dict.fromkeys(sizes, 0)  # questions asked so far, over all rounds

    def draw(self, epoch: int) -> list[Draw]:
        """The steps of an epoch; tasks are spread over it as evenly as their shares allow."""
        names, shares = list(self.shares), list(self.shares.values())
        rng = np.random.default_rng([self.seed, 1, epoch])
        if self.together:
            whole = dict.fromkeys(names, self.batch_size)
            return [self._step(whole) for _ in range(self.steps_per_epoch)]
        if self.mixed:
            starts = rng.random(self.steps_per_epoch)
            counts = [_divide(shares, self.batch_size, start) for start in starts]
            return [self._step(dict(zip(names, found, strict=True))) for found in counts]
        turns = _spread(shares, self.steps_per_epoch, rng)
        return [self._step({names[turn]: self.batch_size}) for turn in turns]

    def judge(self, draw: Draw) -> list[Question]:
        """The questions of a draw."""
        return [self._questions[place] for place in draw.judgments.tolist()]

    def tasks_of(self, draw: Draw) -> list[str]:
        """The task of each question of a draw."""
        names, starts = list(self.first), np.array(list(self.first.values()))
        return [names[k] for k in np.searchsorted(starts, draw.judgments, side="right") - 1]

    def state_dict(self) -> dict[str, Any]:
        """How far each task has come."""
        return {"taken": dict(self._taken)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        self._taken = {task: int(count) for task, count in state["taken"].items()}

    def _step(self, counts: Mapping[str, int]) -> Draw:
        """So many questions of each task."""
        questions = np.concatenate([self._take(task, count) for task, count in counts.items()])
        return Draw(self._rows[questions], NO_CLIPS, questions)

    def _take(self, task: str, count: int) -> IntArray:
        """The next questions of a task, by their place among all: its own and others, as their shares want it."""
        number = list(self.first).index(task)
        before = self._taken[task]
        self._taken[task] += min(count, len(self.tasks[number]))
        own, others = self._pools[number]
        share = self.own_share if len(others) else 1.0
        ends = [round(share * taken) for taken in (before, self._taken[task])]
        chosen = [
            self._range(own, [number, 0], ends[0], ends[1]),
            self._range(others, [number, 1], before - ends[0], self._taken[task] - ends[1]),
        ]
        return np.concatenate(chosen) + self.first[task]

    def _range(self, pool: IntArray, key: list[int], start: int, stop: int) -> IntArray:
        """What comes from start to stop where a pool is gone through again and again, each time in a new order."""
        if start == stop:
            return NO_CLIPS
        # A step can end one round and begin the next.
        rounds, places = np.divmod(np.arange(start, stop), len(pool))
        orders = [
            np.random.default_rng([self.seed, 2, *key, round_]).permutation(pool)[
                places[rounds == round_]
            ]
            for round_ in np.unique(rounds).tolist()
        ]
        return np.concatenate(orders)


def _pools_of(asked: Asked) -> tuple[IntArray, IntArray]:
    """Places of the task's own questions, and of those about values."""
    own = np.array([question.about in ("label", "place") for question in asked.questions])
    return np.flatnonzero(own), np.flatnonzero(~own)


def _divide(shares: Sequence[float], size: int, start: float) -> list[int]:
    """A batch among tasks in whole numbers, each within one of its share; `start` in 0..1 decides who gets the rest."""
    points = (start + np.arange(size)) / size
    kinds = np.searchsorted(np.cumsum(shares)[:-1], points, side="right")
    return np.bincount(kinds, minlength=len(shares)).tolist()


def _spread(shares: Sequence[float], steps: int, rng: np.random.Generator) -> IntArray:
    """Steps of each kind in whole numbers near their shares, in random order."""
    exact = np.array(shares) * steps
    counts = np.floor(exact).astype(np.int64)
    missing = steps - int(counts.sum())
    if missing:  # drawn, not rounded: over epochs a small task gets its share too
        left = exact - counts
        extra = rng.choice(len(shares), size=missing, replace=False, p=left / left.sum())
        counts[extra] += 1
    return rng.permutation(np.repeat(np.arange(len(shares)), counts))
