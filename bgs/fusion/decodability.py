"""What can be read off a frozen encoder by a line: one probe a task and layer, chosen on validation, scored on test.

Features of an example are the mean of all its tokens and the mean of those where the person is (two people: each),
so that a probe can use what is there but not learn to look. Labels are told apart by ridge regression onto one
column a label, with examples of rare labels weighing as much in sum as those of common ones; points and feelings
are regressed directly. The penalty is chosen on the validation part by the task's headline metric, and nothing is
fitted to the test part. Two encoders are compared on the same resampled groups of test examples; since another
validation part might have chosen other layers, its groups are resampled as well and layers are chosen anew.

Longer than most modules: the comparison reads what the probes keep of every example, and nobody else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.fusion.example import Example, Task

FloatArray = NDArray[np.float64]
PENALTIES: tuple[float, ...] = tuple(float(value) for value in np.logspace(-5, 4, 19))


@dataclass(frozen=True, eq=False)
class Held:
    """Validation examples as `ProbeResult` has those of the test part."""

    correct: FloatArray
    weights: FloatArray
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """A probe on the test part: what it says of each example, and how well that fits."""

    task: str
    layer: int
    penalty: float
    validation: float
    correct: FloatArray  # (test examples,) 1 or 0 for labels; minus the distance for points
    weights: FloatArray  # (test examples,) that make all labels count alike, with mean 1
    groups: tuple[str, ...]
    chance: float  # the score of who answers without looking
    held: Held  # the validation part, at the penalty chosen there

    @property
    def score(self) -> float:
        """Balanced accuracy, or minus the mean distance."""
        return float(np.average(self.correct, weights=self.weights))

    def interval(self, *, num_bootstrap: int = 1000, seed: int = 0) -> tuple[float, float]:
        """95 % of the scores on resampled groups of test examples."""
        return _interval(self.correct, self.weights, self.groups, num_bootstrap, seed)


@dataclass(frozen=True, eq=False)
class LayerProbes:
    """Probes of every layer in order of depth, and the one that did best on validation."""

    layers: tuple[ProbeResult, ...]

    @property
    def place(self) -> int:
        """Where the chosen layer stands among them."""
        return int(np.argmax([result.validation for result in self.layers]))

    @property
    def chosen(self) -> ProbeResult:
        """The best on validation examples, of equals the earliest; test scores have no say."""
        return self.layers[self.place]


@dataclass(frozen=True)
class Gap:
    """A second encoder's score minus a first one's, on the same examples."""

    task: str
    first: float
    second: float
    difference: float
    ci95: tuple[float, float]
    p: float
    num_examples: int
    num_groups: int
    kept_layers: float = (
        1.0  # share of the resamples in which both encoders' layers are those chosen
    )


def targets_of(examples: Sequence[Example], task: Task) -> FloatArray:
    """What is regressed onto: -1 / 1 a label, or the point, (examples, columns)."""
    if task.kind == "point":
        return np.array([np.mean(np.array(example.points), axis=0) for example in examples])
    columns = {label: place for place, label in enumerate(task.labels)}
    table = np.full((len(examples), len(columns)), -1.0)
    for row, example in enumerate(examples):
        table[row, columns[example.label or ""]] = 1.0
    return table


def answerable(examples: Sequence[Example], task: Task) -> NDArray[np.int64]:
    """Rows of examples that a probe can be asked about: those with a point, where points are asked for."""
    rows = [row for row, example in enumerate(examples) if task.kind == "label" or example.inside]
    return np.array(rows, dtype=np.int64)


def probe_task(
    task: Task,
    features: Mapping[str, FloatArray],
    examples: Mapping[str, Sequence[Example]],
    *,
    layer: int = -1,
    penalties: Sequence[float] = PENALTIES,
) -> ProbeResult:
    """Fit on train, choose the penalty on val, score on test; all three keyed by split."""
    parts = {}
    for split in ("train", "val", "test"):
        rows = answerable(examples[split], task)
        if not len(rows):
            raise DataError(
                f"task {task.name!r} has no {split} example to probe",
                remedy="give examples of all three parts",
            )
        chosen = [examples[split][row] for row in rows.tolist()]
        parts[split] = (
            np.asarray(features[split][rows], dtype=np.float64),
            targets_of(chosen, task),
            chosen,
        )
    train, val, test = parts["train"], parts["val"], parts["test"]
    fitted = _Decomposed.of(train[0], train[1], weights_of(train[1], task))
    val_weights = weights_of(val[1], task)
    held = [_correct(fitted.predict(val[0], penalty), val[1], task) for penalty in penalties]
    scores = [float(np.average(correct, weights=val_weights)) for correct in held]
    best = int(np.argmax(scores))
    return ProbeResult(
        task=task.name,
        layer=layer,
        penalty=penalties[best],
        validation=scores[best],
        correct=_correct(fitted.predict(test[0], penalties[best]), test[1], task),
        weights=weights_of(test[1], task),
        groups=tuple(example.group for example in test[2]),
        chance=_chance(test[1], train[1], task),
        held=Held(held[best], val_weights, tuple(example.group for example in val[2])),
    )


def probe_layers(
    task: Task,
    features: Mapping[str, NDArray[np.float32]],
    examples: Mapping[str, Sequence[Example]],
    *,
    penalties: Sequence[float] = PENALTIES,
) -> LayerProbes:
    """A probe a layer; the features of a split are (layers, examples, width), layers counted from 1."""
    depth = len(next(iter(features.values())))
    return LayerProbes(
        tuple(
            probe_task(
                task,
                {split: found[layer].astype(np.float64) for split, found in features.items()},
                examples,
                layer=layer + 1,
                penalties=penalties,
            )
            for layer in range(depth)
        )
    )


def weights_of(targets: FloatArray, task: Task) -> FloatArray:
    """What each example counts, with mean 1: points all alike, labels so that rare ones are not given up."""
    return balance(targets) if task.kind == "label" else np.ones(len(targets))


def balance(targets: FloatArray) -> FloatArray:
    """Weights that make every label that occurs count alike in sum, with mean 1."""
    label = targets.argmax(axis=1)
    counts = np.bincount(label, minlength=targets.shape[1])
    present = int((counts > 0).sum())
    return np.asarray(len(label) / (present * counts[label]))


def compare_probes(
    first: ProbeResult, second: ProbeResult, *, num_bootstrap: int = 1000, seed: int = 0
) -> Gap:
    """`compare_layers` where there is one layer each, and nothing to choose."""
    return compare_layers(
        LayerProbes((first,)), LayerProbes((second,)), num_bootstrap=num_bootstrap, seed=seed
    )


def compare_layers(
    first: LayerProbes, second: LayerProbes, *, num_bootstrap: int = 1000, seed: int = 0
) -> Gap:
    """The paired difference of the chosen layers over groups of test examples, with a sign-flip p over groups.

    The interval is that of resampled test groups, widened to a variance that includes the choice of layers (see
    `_choose_again`). The p is of the layers that were chosen.
    """
    one, two = first.chosen, second.chosen
    if one.groups != two.groups or one.held.groups != two.held.groups:
        raise DataError(
            "two probes of different examples", remedy="probe both encoders on the same data"
        )
    tested = [_Grouped.of(side.layers) for side in (first, second)]
    sums = tested[1].sums[second.place] - tested[0].sums[first.place]
    sizes = tested[0].sizes
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(sizes), size=(num_bootstrap, len(sizes)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    signs = rng.choice([-1.0, 1.0], size=(num_bootstrap, len(sizes)))
    null = np.abs(signs @ sums)
    p = (1 + int((null >= abs(sums.sum()) - 1e-12).sum())) / (num_bootstrap + 1)
    again = _choose_again(first, second, tested, num_bootstrap=num_bootstrap, seed=seed)
    difference = two.score - one.score
    return Gap(
        task=one.task,
        first=one.score,
        second=two.score,
        difference=difference,
        ci95=_widen(difference, means, again.variance),
        p=float(p),
        num_examples=len(one.correct),
        num_groups=len(sizes),
        kept_layers=again.kept,
    )


@dataclass(frozen=True, eq=False)
class _Grouped:
    """What examples of a group add to the score of each layer."""

    sums: FloatArray  # (layers, groups)
    sizes: FloatArray  # (groups,)

    @classmethod
    def of(cls, layers: Sequence[ProbeResult] | Sequence[Held]) -> _Grouped:
        names, codes = np.unique(layers[0].groups, return_inverse=True)
        weights, count = layers[0].weights, len(names)
        sums = [np.bincount(codes, weights=weights * x.correct, minlength=count) for x in layers]
        sizes = np.asarray(np.bincount(codes, weights=weights, minlength=count), dtype=np.float64)
        return cls(np.stack(sums), sizes)

    @property
    def scores(self) -> FloatArray:
        """(layers,)."""
        return np.asarray(self.sums.sum(axis=1) / self.sizes.sum())

    @property
    def pulls(self) -> FloatArray:
        """How far each group pulls the score of each layer, (layers, groups)."""
        return (self.sums - self.scores[:, None] * self.sizes) / self.sizes.sum()

    def resampled(self, drawn: FloatArray) -> FloatArray:
        """Scores under multiplicities of the groups: (resamples, groups) -> (resamples, layers)."""
        return np.asarray(drawn @ self.sums.T / (drawn @ self.sizes)[:, None])


@dataclass(frozen=True)
class _Choice:
    """What choosing the layers on other validation groups would change."""

    variance: float  # that it adds to the difference
    kept: float  # share of resamples in which both encoders' layers are those chosen


def _choose_again(
    first: LayerProbes,
    second: LayerProbes,
    tested: Sequence[_Grouped],
    *,
    num_bootstrap: int,
    seed: int,
) -> _Choice:
    """Each encoder's layer chosen on resampled validation groups, the same for both; probes stay as fitted.

    The difference varies over these choices since layers differ, and since their test scores are noisy. The noise is
    in the interval over test groups already, so what it adds on average (for choices with shares s and pulls I of the
    groups on the difference: sum of s I^2 less the square of the sum of s I) is taken off.
    """
    held = [_Grouped.of([layer.held for layer in side.layers]) for side in (first, second)]
    groups = len(held[0].sizes)
    # Its own stream, so that the draws of test groups are those of a comparison without a choice.
    rng = np.random.default_rng([seed, 1])
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=num_bootstrap)
    chosen = [part.resampled(drawn.astype(np.float64)).argmax(axis=1) for part in held]
    pairs, times = np.unique(np.stack(chosen, axis=1), axis=0, return_counts=True)
    shares = times / num_bootstrap
    gaps = tested[1].scores[pairs[:, 1]] - tested[0].scores[pairs[:, 0]]
    pulls = tested[1].pulls[pairs[:, 1]] - tested[0].pulls[pairs[:, 0]]  # (choices, groups)
    noise = shares @ (pulls**2).sum(axis=1) - float(((shares @ pulls) ** 2).sum())
    variance = float(shares @ (gaps - shares @ gaps) ** 2 - noise)
    kept = (pairs == (first.place, second.place)).all(axis=1)
    return _Choice(variance=max(variance, 0.0), kept=float(shares[kept].sum()))


def _widen(estimate: float, samples: FloatArray, variance: float) -> tuple[float, float]:
    """Percentiles of the samples, their deviations scaled so that this variance is added."""
    low, high = (float(end) for end in np.quantile(samples, (0.025, 0.975)))
    if variance == 0.0:
        return low, high
    spread = float(samples.var())
    if spread < 1e-24:  # no test group tells the chosen layers apart
        reach = 1.96 * float(np.sqrt(variance))
        return estimate - reach, estimate + reach
    scale = float(np.sqrt(1 + variance / spread))
    return estimate + scale * (low - estimate), estimate + scale * (high - estimate)


@dataclass(frozen=True, eq=False)
class _Decomposed:
    """Weighted, standardised training features, decomposed once for all penalties."""

    mean: FloatArray
    scale: FloatArray
    centre: FloatArray  # of the targets
    right: FloatArray  # (width, rank)
    values: FloatArray  # (rank,) singular values
    projected: FloatArray  # (rank, targets)

    @classmethod
    def of(cls, features: FloatArray, targets: FloatArray, weights: FloatArray) -> _Decomposed:
        mean = np.average(features, axis=0, weights=weights)
        spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
        scale = np.where(spread > 1e-12 * max(float(spread.max()), 1e-300), spread, np.inf)
        centre = np.average(targets, axis=0, weights=weights)
        root = np.sqrt(weights)[:, None]
        left, values, right = np.linalg.svd(root * (features - mean) / scale, full_matrices=False)
        kept = values > 1e-10 * max(float(values[0]), 1e-300)
        projected = left[:, kept].T @ (root * (targets - centre))
        return cls(mean, scale, centre, right[kept].T, values[kept], projected)

    def predict(self, features: FloatArray, penalty: float) -> FloatArray:
        """(examples, targets); the penalty is in units of the mean squared singular value."""
        unit = float(np.mean(self.values**2)) if len(self.values) else 1.0
        shrunk = self.values / (self.values**2 + penalty * unit)
        weights = self.right @ (shrunk[:, None] * self.projected)
        return np.asarray((features - self.mean) / self.scale @ weights + self.centre)


def _correct(predicted: FloatArray, targets: FloatArray, task: Task) -> FloatArray:
    if task.kind == "point":
        return np.asarray(-np.linalg.norm(predicted - targets, axis=1))
    return np.asarray(predicted.argmax(axis=1) == targets.argmax(axis=1), dtype=np.float64)


def _chance(targets: FloatArray, train: FloatArray, task: Task) -> float:
    """One label for all scores 1 / labels when labels count alike; one point for all is the mean of training."""
    if task.kind == "point":
        return float(-np.linalg.norm(targets - train.mean(axis=0), axis=1).mean())
    return 1 / int((np.bincount(targets.argmax(axis=1)) > 0).sum())


def _interval(
    values: FloatArray, weights: FloatArray, groups: Sequence[str], num_bootstrap: int, seed: int
) -> tuple[float, float]:
    names, codes = np.unique(groups, return_inverse=True)
    sums = np.bincount(codes, weights=weights * values, minlength=len(names))
    sizes = np.bincount(codes, weights=weights, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), size=(num_bootstrap, len(names)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
