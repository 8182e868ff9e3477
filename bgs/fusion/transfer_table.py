"""Who helps whom: every task trained alone, all together, and all but one.

    together - alone           what a task gains from the company of all others
    together - without OTHER   what OTHER alone adds to it

Gains are of each task's headline metric, positive where company helps, with paired intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bgs.errors import DataError
from bgs.fusion.scoring import Answers, Change, compare_answers

TOGETHER = "together"


def plan_runs(tasks: Sequence[str], *, leave_one_out: bool = True) -> dict[str, tuple[str, ...]]:
    """What to train on for the table: name of the run -> its tasks."""
    if len(tasks) < 2:
        raise DataError("one task has nobody to learn with", remedy="name two tasks or more")
    runs = {TOGETHER: tuple(tasks)}
    runs |= {f"{task} alone": (task,) for task in tasks}
    if leave_one_out and len(tasks) > 2:
        runs |= {
            f"without {task}": tuple(other for other in tasks if other != task) for task in tasks
        }
    return runs


@dataclass(frozen=True)
class TransferTable:
    """Gains by task: from all others, and from each."""

    from_all: Mapping[str, Change]
    from_each: Mapping[tuple[str, str], Change]  # (helper, helped)

    def matrix(self, tasks: Sequence[str]) -> list[list[float | None]]:
        """Gains as rows of helpers and columns of helped; None on the diagonal and where not run."""
        return [
            [None if (found := self.from_each.get((a, b))) is None else found.gain for b in tasks]
            for a in tasks
        ]


def build_table(
    answers: Mapping[str, Mapping[str, Answers]], *, num_bootstrap: int = 500, seed: int = 0
) -> TransferTable:
    """From the answers of every run (run -> task -> answers) to gains."""
    together = answers[TOGETHER]
    from_all = {
        task: compare_answers(
            answers[f"{task} alone"][task], found, num_bootstrap=num_bootstrap, seed=seed
        )
        for task, found in together.items()
        if f"{task} alone" in answers
    }
    from_each = {}
    for helper in together:
        without = answers.get(f"without {helper}")
        if without is None:
            continue
        for helped, found in together.items():
            if helped != helper:
                from_each[helper, helped] = compare_answers(
                    without[helped], found, num_bootstrap=num_bootstrap, seed=seed
                )
    return TransferTable(from_all, from_each)
