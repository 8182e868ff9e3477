"""From beliefs to scores: each task by its authors' metrics, with intervals over what may not be split.

A score is recomputed on resampled groups of test examples (persons, pictures, recordings), since examples of one
person are not independent. Two models are compared on the same resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.fusion import metrics
from bgs.fusion.example import Example, Point, Task
from bgs.fusion.questions import GRID, expected_place, expected_value, to_heatmap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Beliefs = Mapping[str, Mapping[str, FloatArray]]  # example -> what was asked -> belief
LOWER_IS_BETTER = ("mean_distance", "min_distance", "angular_error")
FEWEST_GROUPS = 10  # resamples of fewer say little about groups that were not drawn


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to one task's examples, in numbers that metrics are made from."""

    task: Task
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: tuple[str, ...]  # labels; empty for points
    scores: FloatArray  # (examples, labels), or (examples, metrics) for points
    values: Mapping[str, FloatArray]  # name -> (examples, 2): said and true
    blind: Mapping[str, float] = field(default_factory=dict)  # points: scores of who does not look

    def metric(self, name: str, rows: IntArray | None = None) -> float:
        """One metric over these rows, by default all."""
        chosen = np.arange(len(self.ids)) if rows is None else rows
        if self.task.kind == "point":
            return float(self.scores[chosen, self.task.metrics.index(name)].mean())
        if name.startswith("ccc_"):
            pairs = self.values[name.removeprefix("ccc_")][chosen]
            return metrics.concordance(pairs[:, 0], pairs[:, 1])
        truth = [self.truth[row] for row in chosen.tolist()]
        if name == "map":
            return metrics.mean_average_precision(self.scores[chosen], truth, self.task.labels)
        picked = [self.task.labels[place] for place in self.scores[chosen].argmax(axis=1).tolist()]
        return _ON_LABELS[name](picked, truth, self.task.labels)


@dataclass(frozen=True)
class Score:
    """One metric of one task."""

    task: str
    metric: str
    value: float
    ci95: tuple[float, float] | None
    chance: float | None
    num_examples: int

    @property
    def above_chance(self) -> bool | None:
        """Whether the whole interval lies on the good side of chance; None where that is not known."""
        if self.chance is None or self.ci95 is None:
            return None
        low = self.metric in LOWER_IS_BETTER
        return self.ci95[1] < self.chance if low else self.ci95[0] > self.chance


def read_answers(task: Task, examples: Sequence[Example], beliefs: Beliefs) -> Answers:
    """The answers of a model to these examples; those whose target is out of the picture have no score."""
    asked = [example for example in examples if task.kind == "label" or example.inside]
    missing = [example.id for example in asked if example.id not in beliefs]
    if missing or not asked:
        raise DataError(
            f"task {task.name!r} has no answer to {missing[0]!r}"
            if missing
            else f"task {task.name!r} has no example",
            remedy="ask every example of the split",
        )
    blind: dict[str, float] = {}
    if task.kind == "point":
        unseen = np.array([_point_metrics(example, _middle(), (0.5, 0.5)) for example in asked])
        blind = dict(zip(task.metrics, unseen.mean(axis=0).tolist(), strict=True))
        table = np.array(
            [_point_metrics(example, beliefs[example.id]["place"]) for example in asked]
        )
    else:
        table = np.array([beliefs[example.id]["label"] for example in asked])
    return Answers(
        task=task,
        ids=tuple(example.id for example in asked),
        groups=tuple(example.group for example in asked),
        truth=tuple(example.label or "" for example in asked) if task.kind == "label" else (),
        scores=table,
        values={
            name: np.array([[expected_value(beliefs[e.id][name]), e.values[name]] for e in asked])
            for name in task.values
        },
        blind=blind,
    )


def score_answers(answers: Answers, *, num_bootstrap: int = 500, seed: int = 0) -> list[Score]:
    """Every metric of the task with its interval, the headline first; too few groups have none."""
    drawn = _resample(answers.groups, num_bootstrap, seed)
    found = []
    for name in answers.task.metrics:
        values = [answers.metric(name, rows) for rows in drawn]
        found.append(
            Score(
                task=answers.task.name,
                metric=name,
                value=answers.metric(name),
                ci95=_interval(values),
                chance=chance_of(answers, name),
                num_examples=len(answers.ids),
            )
        )
    return found


@dataclass(frozen=True)
class Change:
    """A second model's metric minus a first one's; better is positive, whatever the metric."""

    task: str
    metric: str
    first: float
    second: float
    gain: float
    ci95: tuple[float, float] | None


def compare_answers(
    first: Answers,
    second: Answers,
    *,
    metric: str | None = None,
    num_bootstrap: int = 500,
    seed: int = 0,
) -> Change:
    """By how much the second is better, on the same resampled groups."""
    if first.ids != second.ids:
        raise DataError(
            "two models answered different examples", remedy="ask both the same examples"
        )
    name = metric or first.task.metrics[0]
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    drawn = _resample(first.groups, num_bootstrap, seed)
    gains = [sign * (second.metric(name, rows) - first.metric(name, rows)) for rows in drawn]
    before, after = first.metric(name), second.metric(name)
    return Change(first.task.name, name, before, after, sign * (after - before), _interval(gains))


def chance_of(answers: Answers, name: str) -> float | None:
    """What an answer that does not look at the picture would score; of points, one in its middle."""
    if answers.task.kind == "point":
        return answers.blind[name]
    _, counts = np.unique(answers.truth, return_counts=True)
    if name == "accuracy":
        return float(counts.max() / counts.sum())
    if name == "map":  # a random order finds each label at the rate it occurs
        return float(counts.mean() / counts.sum())
    if name == "recall":
        return float(1 / len(counts))
    return 0.0 if name.startswith("ccc_") else None


def _point_metrics(
    example: Example, belief: FloatArray, place: Point | None = None
) -> tuple[float, float, float, float]:
    """In the order of the task's metrics: area under the curve, distances, angle from the head."""
    place = place or expected_place(belief)
    mean, nearest = metrics.point_distances(place, example.points)
    angle = metrics.angular_error(example.boxes[0].centre, place, example.points)
    return metrics.heatmap_auc(to_heatmap(belief), example.points), mean, nearest, angle


def _middle() -> FloatArray:
    """The belief of who does not look: a Gaussian a quarter of the picture wide around its middle."""
    down, across = np.divmod(np.arange(GRID**2), GRID)
    apart = ((down + 0.5) / GRID - 0.5) ** 2 + ((across + 0.5) / GRID - 0.5) ** 2
    belief = np.exp(-apart / (2 * 0.25**2))
    return np.append(belief / belief.sum(), 0.0)


def _resample(groups: Sequence[str], count: int, seed: int) -> list[IntArray]:
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < FEWEST_GROUPS:
        return []
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    rng = np.random.default_rng(seed)
    return [
        np.concatenate([members[code] for code in rng.integers(0, len(names), len(names))])
        for _ in range(count)
    ]


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    if not len(values):
        return None
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def _mean_recall(picked: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
    return float(np.mean(list(metrics.recalls(picked, truth, labels).values())))


_ON_LABELS: Mapping[str, Callable[[Sequence[str], Sequence[str], Sequence[str]], float]] = {
    "accuracy": lambda picked, truth, _: metrics.accuracy(picked, truth),
    "macro_f1": lambda picked, truth, _: metrics.macro_f1(picked, truth),
    "recall": _mean_recall,
}
