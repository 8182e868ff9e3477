"""Does tuning help transfer? The same tuning from several seeds, one set of clips.

Conventions
-----------
- The change is the mean over tuning seeds of after minus before, each seed against its own before.
- Two things could have been otherwise: the clips, and the seeds of tuning. `ci95_clips` is for other clips with these
  runs, `ci95` for other clips and other runs: the variance over clips of the mean change and the variance over seeds of
  a mean of so many add up, with Student's t on Satterthwaite's degrees of freedom. Seeds never count as more clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bgs.errors import DataError
from bgs.evaluation.bootstrap import QUANTILES, Interval, jackknife_variance
from bgs.evaluation.transfer import QUESTIONS, SpearmanChange, TransferScore, TransferTask
from bgs.evaluation.transfer_triads import triad_variance

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SeededChange:
    """After minus before in one question, over tuning seeds."""

    question: str
    before: float  # means over seeds
    after: float
    by_seed: tuple[float, ...]  # changes
    ci95: Interval  # other clips and other tuning seeds
    ci95_clips: Interval  # other clips, these runs

    @property
    def value(self) -> float:
        """The mean change."""
        return self.after - self.before

    def to_dict(self) -> dict[str, object]:
        """Plain values for results.json."""
        return {
            "before": self.before,
            "after": self.after,
            "value": self.value,
            "ci95": list(self.ci95),
            "ci95_clips": list(self.ci95_clips),
            "by_seed": list(self.by_seed),
        }


def changes_over_seeds(
    task: TransferTask, befores: Sequence[TransferScore], afters: Sequence[TransferScore]
) -> dict[str, SeededChange]:
    """Every question of the task; `befores` and `afters` are in the order of the tuning seeds."""
    if len(befores) != len(afters) or len(afters) < 2:
        raise DataError(
            f"{len(befores)} scores before tuning and {len(afters)} after it",
            remedy="score the same two seeds or more before and after",
        )
    pairs = list(zip(befores, afters, strict=True))
    found = {}
    for question in QUESTIONS:
        if any(getattr(score, question) is None for pair in pairs for score in pair):
            continue  # no probe that is cross-validated here
        values = [(_value(before, question), _value(after, question)) for before, after in pairs]
        variance, clips = _variance_over_clips(task, pairs, question)
        found[question] = _combine(question, np.array(values), variance=variance, clips=clips)
    return found


def _value(score: TransferScore, question: str) -> float:
    if question == "rsa":
        return score.rsa.spearman
    if question == "odd_one_out":
        return score.odd_one_out
    return float(getattr(score, question).accuracy)


def _variance_over_clips(
    task: TransferTask, pairs: Sequence[tuple[TransferScore, TransferScore]], question: str
) -> tuple[float, int]:
    """Variance of the mean change over seeds if other clips had been drawn, and how many clips there are."""
    if question == "rsa":
        changes = [SpearmanChange.between(b.rdm, a.rdm, task.human) for b, a in pairs]
        deviations = np.mean([change.deviations for change in changes], axis=0)
        pull = np.mean([change.pull for change in changes], axis=0)
        return jackknife_variance(deviations, pull), len(task.human.ids)
    if question == "odd_one_out":
        change = np.mean([after.triads - before.triads for before, after in pairs], axis=0)
        return triad_variance(change, task.triads), len(task.triads.ids)
    change = np.mean(
        [getattr(a, question).correct - getattr(b, question).correct for b, a in pairs], axis=0
    )
    return float(change.var(ddof=1) / len(change)), len(change)


def _combine(question: str, values: FloatArray, *, variance: float, clips: int) -> SeededChange:
    changes = values[:, 1] - values[:, 0]
    mean = float(changes.mean())
    of_seeds = float(changes.var(ddof=1) / len(changes))
    total = variance + of_seeds
    freedom = 1.0
    if total > 0:
        freedom = total**2 / (variance**2 / (clips - 1) + of_seeds**2 / (len(changes) - 1))
    return SeededChange(
        question=question,
        before=float(values[:, 0].mean()),
        after=float(values[:, 1].mean()),
        by_seed=tuple(float(change) for change in changes),
        ci95=_interval(mean, total, freedom),
        ci95_clips=_interval(mean, variance, clips - 1),
    )


def _interval(mean: float, variance: float, freedom: float) -> Interval:
    reach = float(stdtrit(freedom, QUANTILES[1]) * np.sqrt(variance))
    return (mean - reach, mean + reach)
