"""Which questions a step asks: tasks take turns by their shares, examples of a task in a new order each round.

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

    Sizes to the power of 1 (proportional), 0 (uniform) or 1 / temperature.
    """
    power = {"proportional": 1.0, "uniform": 0.0, "temperature": 1 / settings.temperature}
    weights = {task: float(size) ** power[settings.kind] for task, size in sizes.items()}
    total = sum(weights.values())
    return {task: weight / total for task, weight in weights.items()}


class TaskSampler:
    """One task a step, or every task in each (`together`).

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
        self._taken = dict.fromkeys(sizes, 0)  # questions asked so far, over all rounds

    def draw(self, epoch: int) -> list[Draw]:
        """The steps of an epoch; tasks are spread over it as evenly as their shares allow."""
        names = list(self.shares)
        if self.together:
            return [
                _join([self._step(name) for name in names]) for _ in range(self.steps_per_epoch)
            ]
        rng = np.random.default_rng([self.seed, 1, epoch])
        turns = _spread([self.shares[name] for name in names], self.steps_per_epoch, rng)
        return [self._step(names[turn]) for turn in turns]

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

    def _step(self, task: str) -> Draw:
        asked = next(found for found in self.tasks if found.task == task)
        number = list(self.first).index(task)
        size = min(self.batch_size, len(asked))
        steps = np.arange(self._taken[task], self._taken[task] + size)
        rounds, places = np.divmod(steps, len(asked))  # a step can end one round and begin the next
        chosen = [
            self._order(number, round_, len(asked))[places[rounds == round_]]
            for round_ in np.unique(rounds).tolist()
        ]
        self._taken[task] += size
        questions = np.concatenate(chosen) + self.first[task]
        return Draw(self._rows[questions], NO_CLIPS, questions)

    def _order(self, task: int, round_: int, count: int) -> IntArray:
        return np.random.default_rng([self.seed, 2, task, round_]).permutation(count)


def _join(draws: Sequence[Draw]) -> Draw:
    clips = np.concatenate([draw.clips for draw in draws])
    return Draw(clips, NO_CLIPS, np.concatenate([draw.judgments for draw in draws]))


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
