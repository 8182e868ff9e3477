"""Do tasks pull shared weights the same way? Cosines between their gradients, with what noise alone would do.

A gradient from a batch is the task's direction plus noise, and noise alone makes two gradients nearly orthogonal in
many dimensions. So a low cosine between tasks says nothing until it is set against the cosine between two
halves of ONE task's batches: the null of agreement. `cosine / sqrt(half_a * half_b)`, both halves stepped
up to the full number of batches (Spearman-Brown), is what the tasks' directions would show without noise.

    samples      one gradient a batch, flattened, for every task, on the same weights
    cosine       between the mean gradients of two tasks
    reliability  between the halves of a task, stepped up
    conflict     how often two batches of different tasks have an angle above 90 degrees
    ratio        the smaller over the larger of two mean gradients' lengths
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t
from torch import Tensor, nn

from bgs.errors import DataError

FloatArray = NDArray[np.float64]
FEWEST_BATCHES = 4  # two a half
SLICE = 2**18  # weights looked at at a time
OVERALL = "overall"


@dataclass(frozen=True)
class Agreement:
    """How two tasks' gradients lie to each other on one part of the model."""

    first: str
    second: str
    part: str
    cosine: float
    ci95: tuple[float, float]
    reliability: tuple[float, float]  # of each task, against itself
    without_noise: float | None  # None where a task does not agree with itself
    conflict: float
    conflict_within: float  # the same between batches of one task, averaged over both
    ratio: float
    num_batches: int


def collect_gradients(
    model: nn.Module,
    losses: Sequence[Callable[[], Tensor]],
    *,
    parts: Mapping[str, Sequence[nn.Parameter]],
) -> dict[str, NDArray[np.float32]]:
    """The gradient of every loss on each part of the model, (losses, weights); the model's own are left alone."""
    parameters = list(dict.fromkeys(p for found in parts.values() for p in found))
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in parts}
    for loss in losses:
        found = torch.autograd.grad(loss(), parameters, allow_unused=True)
        by_parameter = dict(zip(map(id, parameters), found, strict=True))
        for name, members in parts.items():
            flat = [
                (torch.zeros_like(p) if (g := by_parameter[id(p)]) is None else g)
                .detach()
                .flatten()
                for p in members
            ]
            rows[name].append(torch.cat(flat).float().cpu().numpy())
    return {name: np.stack(found) for name, found in rows.items()}


def parts_of(module: nn.Module, *, prefix: str = "") -> dict[str, list[nn.Parameter]]:
    """Trainable weights layer by layer, by the name of the block they are in, and all of them as `overall`."""
    found: dict[str, list[nn.Parameter]] = {OVERALL: []}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            found[OVERALL].append(parameter)
            found.setdefault(prefix + _block_of(name), []).append(parameter)
    return found


@dataclass(frozen=True, eq=False)
class Gram:
    """Inner products between all gradients, task after task: all that comparisons are made from.

    Those of a whole model are the sum of those of its parts, so that no gradient is kept twice.
    """

    tasks: tuple[str, ...]
    counts: tuple[int, ...]  # batches of each task
    matrix: FloatArray  # (batches, batches)

    @classmethod
    def of(cls, samples: Mapping[str, NDArray[np.float32]]) -> Gram:
        """From the gradients of each task, (batches, weights), in double precision a slice at a time."""
        for task, rows in samples.items():
            if len(rows) < FEWEST_BATCHES:
                raise DataError(
                    f"{len(rows)} gradients of task {task!r}",
                    remedy=f"take {FEWEST_BATCHES} batches or more",
                )
        total = sum(map(len, samples.values()))
        matrix = np.zeros((total, total))
        for start in range(0, next(iter(samples.values())).shape[1], SLICE):
            parts = [rows[:, start : start + SLICE] for rows in samples.values()]
            part = np.concatenate(parts).astype(np.float64)
            matrix += part @ part.T
        return cls(tuple(samples), tuple(map(len, samples.values())), matrix)

    def rows(self, task: str) -> NDArray[np.int64]:
        """Where the batches of a task are."""
        place = self.tasks.index(task)
        first = sum(self.counts[:place])
        return np.arange(first, first + self.counts[place])

    def __add__(self, other: Gram) -> Gram:
        if (self.tasks, self.counts) != (other.tasks, other.counts):
            raise ValueError("gradients of different tasks or batches")
        return Gram(self.tasks, self.counts, self.matrix + other.matrix)

    def __repr__(self) -> str:
        counts = ", ".join(f"{task} {n}" for task, n in zip(self.tasks, self.counts, strict=True))
        return f"Gram({counts})"


def compare_gradients(
    samples: Mapping[str, NDArray[np.float32]], *, part: str = OVERALL, seed: int = 0
) -> list[Agreement]:
    """Every pair of tasks from their batches' gradients, each (batches, weights)."""
    return compare_tasks(Gram.of(samples), part=part, seed=seed)


def compare_tasks(gram: Gram, *, part: str = OVERALL, seed: int = 0) -> list[Agreement]:
    """Every pair of tasks; intervals are a jackknife over batches.

    A bootstrap would draw batches twice, and so add the very noise that lowers a cosine.
    """
    rng = np.random.default_rng(seed)
    place = {name: gram.rows(name) for name in gram.tasks}
    reliability = {name: _reliability(gram.matrix, rows, rng) for name, rows in place.items()}
    return [
        _compare(gram.matrix, place, a, b, part, reliability)
        for a, b in combinations(gram.tasks, 2)
    ]


def mend_conflicts(
    gradients: Sequence[Tensor], *, generator: torch.Generator | None = None
) -> Tensor:
    """PCGrad: where two tasks' gradients conflict, each loses its part against the other; then they are summed.

    Every gradient is projected against the others as they came, in random order.
    """
    mended = []
    for own, gradient in enumerate(gradients):
        kept = gradient.clone()
        order = torch.randperm(len(gradients), generator=generator).tolist()
        for other in order:
            if other == own:
                continue
            against = gradients[other]
            overlap = kept @ against
            if overlap < 0:
                kept = kept - overlap / against.square().sum().clamp_min(1e-30) * against
        mended.append(kept)
    return torch.stack(mended).sum(dim=0)


def _compare(
    gram: FloatArray,
    place: Mapping[str, NDArray[np.int64]],
    first: str,
    second: str,
    part: str,
    reliability: Mapping[str, float],
) -> Agreement:
    a, b = place[first], place[second]
    cosine = _cosine(gram, a, b)
    spread = _jackknife(gram, a, b)
    trust = reliability[first], reliability[second]
    sure = min(trust) > 0
    lengths = [np.sqrt(max(gram[np.ix_(rows, rows)].mean(), 0.0)) for rows in (a, b)]
    return Agreement(
        first=first,
        second=second,
        part=part,
        cosine=cosine,
        ci95=(max(cosine - spread, -1.0), min(cosine + spread, 1.0)),
        reliability=trust,
        without_noise=float(np.clip(cosine / np.sqrt(trust[0] * trust[1]), -1, 1))
        if sure
        else None,
        conflict=float((gram[np.ix_(a, b)] < 0).mean()),
        conflict_within=float(np.mean([_conflict_within(gram, rows) for rows in (a, b)])),
        ratio=float(min(lengths) / max(max(lengths), 1e-30)),
        num_batches=min(len(a), len(b)),
    )


def _cosine(gram: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Between the means of two sets of rows."""
    lengths = gram[np.ix_(a, a)].mean() * gram[np.ix_(b, b)].mean()
    return float(gram[np.ix_(a, b)].mean() / np.sqrt(lengths)) if lengths > 0 else 0.0


def _jackknife(gram: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Half the width of a 95 % interval of the cosine, from leaving out each batch of either task."""
    variance = 0.0
    for own, other in ((a, b), (b, a)):
        without = np.array([_cosine(gram, np.delete(own, k), other) for k in range(len(own))])
        variance += (len(own) - 1) * float(np.var(without))
    return float(t.ppf(0.975, min(len(a), len(b)) - 1)) * float(np.sqrt(variance))


def _reliability(
    gram: FloatArray,
    rows: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    num_splits: int = 50,
) -> float:
    """The cosine between random halves of a task's batches, averaged, stepped up to all of them."""
    half = len(rows) // 2
    found = []
    for _ in range(num_splits):
        order = rng.permutation(rows)
        found.append(_cosine(gram, order[:half], order[half : 2 * half]))
    mean = float(np.mean(found))
    return 2 * mean / (1 + mean) if mean > 0 else 0.0


def _conflict_within(gram: FloatArray, rows: NDArray[np.int64]) -> float:
    block = gram[np.ix_(rows, rows)]
    return float((block[np.triu_indices(len(rows), k=1)] < 0).mean())


def _block_of(name: str) -> str:
    """`model.layers.3.mlp.weight` -> `layers.3`; what is in no numbered block goes by its first name."""
    words = name.split(".")
    number = next((k for k, word in enumerate(words) if word.isdigit()), None)
    return words[0] if not number else f"{words[number - 1]}.{words[number]}"
