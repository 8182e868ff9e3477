"""Would the conclusion stand with other clips held out, other people, fewer judgments or fewer people?

Each function repeats the scoring of fixed RDMs; nothing is trained. A curve that has flattened says
the judgments are enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bgs.errors import DataError
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FRACTIONS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class CurvePoint:
    """Mean and spread of a score over random parts of one size."""

    size: int  # judgments or participants
    num_judgments: float  # mean over repeats
    num_pairs: float
    spearman: float
    r2: float
    spread: float  # standard deviation of Spearman over repeats
    num_repeats: int


@dataclass(frozen=True)
class SplitScores:
    """Spearman of each model on each random set of held-out clips, or of participants."""

    spearman: dict[str, tuple[float, ...]]
    num_test: int  # clips, or participants, in each set

    def share_better(self, first: str, second: str) -> float:
        """In what share of the splits `first` scores above `second`; ties count half."""
        a, b = np.array(self.spearman[first]), np.array(self.spearman[second])
        return float(np.mean((a > b) + 0.5 * (a == b)))

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, spread and range of each model over the splits."""
        return {
            name: {
                "mean": float(np.mean(values)),
                "spread": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                "low": float(np.min(values)),
                "high": float(np.max(values)),
            }
            for name, values in self.spearman.items()
        }


def learning_curve(
    model: RDM,
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    over: Literal["judgments", "participants"] = "judgments",
    third: Literal["within", "any"] = "within",
    fractions: Sequence[float] = FRACTIONS,
    num_repeats: int = 20,
    seed: int = 0,
) -> tuple[CurvePoint, ...]:
    """Score against the human RDM of random parts of the judgments, or of all judgments of some people."""
    ids = tuple(triplets.ids if ids is None else ids)
    if over == "participants" and triplets.participants is None:
        raise DataError("these judgments name no participants", remedy="draw judgments instead")
    units = np.arange(len(triplets)) if over == "judgments" else np.asarray(triplets.participants)
    codes = np.unique(units)
    rng = np.random.default_rng(seed)
    points = []
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise DataError(
                f"fraction {fraction:g} of the judgments", remedy="use shares above 0, up to 1"
            )
        size = max(1, round(fraction * len(codes)))
        repeats = 1 if size == len(codes) else num_repeats
        parts = []
        for _ in range(repeats):
            drawn = np.isin(units, rng.choice(codes, size=size, replace=False))
            human = triplets.select(drawn).rdm(ids, third=third)
            parts.append((int(drawn.sum()), human.num_pairs, correlate(model, human)))
        table = np.array(parts)
        points.append(
            CurvePoint(
                size=size,
                num_judgments=float(table[:, 0].mean()),
                num_pairs=float(table[:, 1].mean()),
                spearman=float(table[:, 2].mean()),
                r2=float((table[:, 2] ** 2).mean()),
                spread=float(table[:, 2].std(ddof=1)) if repeats > 1 else 0.0,
                num_repeats=repeats,
            )
        )
    return tuple(points)


def score_splits(
    models: Mapping[str, RDM],
    triplets: Triplets,
    *,
    num_test: int = 50,
    third: Literal["within", "any"] = "any",
    num_repeats: int = 100,
    seed: int = 0,
) -> SplitScores:
    """Every model on the same random sets of `num_test` clips; for models that were trained on none of them."""
    if not 3 <= num_test <= len(triplets.ids):
        raise DataError(
            f"{num_test} test clips of {len(triplets.ids)}",
            remedy="hold out 3 clips or more, and no more than all",
        )
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(num_repeats):
        drawn = rng.choice(len(triplets.ids), size=num_test, replace=False)
        human = triplets.rdm([triplets.ids[place] for place in np.sort(drawn)], third=third)
        for name, model in models.items():
            found[name].append(correlate(model, human))
    return SplitScores({name: tuple(values) for name, values in found.items()}, num_test)


def score_crowds(
    models: Mapping[str, RDM],
    triplets: Triplets,
    ids: Sequence[str] | None = None,
    *,
    share: float = 0.5,
    third: Literal["within", "any"] = "any",
    num_repeats: int = 100,
    seed: int = 0,
) -> SplitScores:
    """Every model against the same random crowds, each of this share of the participants with all they judged."""
    ids = tuple(triplets.ids if ids is None else ids)
    if triplets.participants is None:
        raise DataError("these judgments name no participants", remedy="draw clips instead")
    people = np.asarray(triplets.participants)
    codes = np.unique(people)
    size = round(share * len(codes))
    if not 0 < size < len(codes):
        raise DataError(
            f"{size} of {len(codes)} participants are no sample of them",
            remedy="choose a share between 0 and 1 that leaves some in and some out",
        )
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(num_repeats):
        drawn = np.isin(people, rng.choice(codes, size=size, replace=False))
        human = triplets.select(drawn).rdm(ids, third=third)
        for name, model in models.items():
            found[name].append(correlate(model, human))
    return SplitScores({name: tuple(values) for name, values in found.items()}, size)
