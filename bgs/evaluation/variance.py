"""Variance partitioning: what does one model explain of people's geometry that the others do not?

Conventions
-----------
- Least squares of people's dissimilarities on those of up to 4 predictors, over the observed pairs,
  on mid-ranks (default) or raw. `r2` of a subset of predictors is the share of variance it
  explains.
- A component belongs to a set S of predictors: the share that all of S could explain and none of
  the others. One predictor's component is its unique share; components add up to the total R2 of
  all predictors together::

      total = unique(video) + unique(language) + shared(video, language)

A shared component may be negative (suppression); it is reported as it is.
- In-sample, as published: it rises with every predictor. `cross_validated`: weights fitted on pairs
  of training clips, scored on pairs of held-out clips, pairs across the two left out. It may be
  negative: worse than the mean. Ranks are taken once over all pairs.
- Intervals are over clips, as everywhere here (see `bootstrap`), for the in-sample components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    Interval,
    clip_variance,
    draw_clips,
    pair_weights,
    rescaled_interval,
)
from bgs.evaluation.commonality import (
    commonalities,
    correlation_matrices,
    list_subsets,
    r_squared,
)
from bgs.evaluation.correlation import PairTable, Variable, influence, observed_pairs
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
Names = tuple[str, ...]
MAX_PREDICTORS = 4
_STEP = 1e-6


@dataclass(frozen=True)
class Component:
    """What a set of predictors shares and no other predictor has."""

    predictors: Names
    r2: float
    ci95: Interval | None
    cross_validated: float | None


@dataclass(frozen=True)
class VariancePartition:
    """All components, and the total they add up to."""

    predictors: Names
    components: tuple[Component, ...]
    total: float
    total_ci95: Interval | None
    total_cross_validated: float | None
    on: str  # "ranks" or "raw"
    num_pairs: int
    num_clips: int

    def component(self, *predictors: str) -> Component:
        """The component of exactly these predictors."""
        wanted = tuple(name for name in self.predictors if name in predictors)
        for component in self.components:
            if component.predictors == wanted and len(wanted) == len(predictors):
                return component
        raise DataError(
            f"no component of {predictors}", remedy=f"choose among {', '.join(self.predictors)}"
        )

    def to_records(self) -> list[dict[str, object]]:
        """One flat record a component, for a table or a diagram."""
        return [
            {
                "component": " & ".join(component.predictors),
                "kind": "unique" if len(component.predictors) == 1 else "shared",
                "r2": component.r2,
                "ci95": component.ci95,
                "cross_validated": component.cross_validated,
            }
            for component in self.components
        ]


def partition_variance(
    predictors: Mapping[str, RDM],
    human: RDM,
    *,
    ranks: bool = True,
    num_bootstrap: int = 1000,
    num_folds: int = 5,
    num_repeats: int = 10,
    seed: int = 0,
) -> VariancePartition:
    """Unique and shared components; `num_bootstrap=0` no intervals, `num_repeats=0` no cross-validation."""
    if not 1 <= len(predictors) <= MAX_PREDICTORS:
        raise DataError(
            f"{len(predictors)} predictors cannot be partitioned",
            remedy=f"pass 1 to {MAX_PREDICTORS}",
        )
    names = tuple(predictors)
    tables = [observed_pairs(model, human) for model in predictors.values()]
    pairs = tables[0]
    variables = [
        Variable(values, ranks=ranks) for values in (*(t.model for t in tables), pairs.human)
    ]
    subsets = list_subsets(len(names))
    matrix = correlation_matrices(variables, np.ones((pairs.num_pairs, 1)))[0]
    values = _components(matrix[None], subsets)[0]  # (components,) and the total last
    intervals = _intervals(
        variables, pairs, matrix, subsets, num_bootstrap=num_bootstrap, seed=seed
    )
    held_out: FloatArray | None = None
    if num_repeats:
        held_out = _cross_validate(
            variables, pairs, subsets, num_folds=num_folds, num_repeats=num_repeats, seed=seed
        )
    return VariancePartition(
        predictors=names,
        components=tuple(
            Component(
                predictors=tuple(names[place] for place in subset),
                r2=float(values[index]),
                ci95=intervals[index],
                cross_validated=None if held_out is None else float(held_out[index]),
            )
            for index, subset in enumerate(subsets)
        ),
        total=float(values[-1]),
        total_ci95=intervals[-1],
        total_cross_validated=None if held_out is None else float(held_out[-1]),
        on="ranks" if ranks else "raw",
        num_pairs=pairs.num_pairs,
        num_clips=len(pairs.ids),
    )


def partial_r2(predictor: RDM, human: RDM, *, given: RDM | Sequence[RDM]) -> float:
    """Share of what `given` leaves unexplained in the ranks of people's RDM that `predictor` explains."""
    others = [given] if isinstance(given, RDM) else list(given)
    if not others:
        raise DataError(
            "a partial R2 needs something to be partial to", remedy="use rsa for one model alone"
        )
    tables = [observed_pairs(model, human) for model in (predictor, *others)]
    variables = [Variable(values) for values in (*(t.model for t in tables), tables[0].human)]
    matrix = correlation_matrices(variables, np.ones((tables[0].num_pairs, 1)))
    places = tuple(range(len(tables)))
    reduced, full = (float(r_squared(matrix, subset)[0]) for subset in (places[1:], places))
    return 0.0 if reduced >= 1.0 - 1e-12 else max(full - reduced, 0.0) / (1.0 - reduced)


def _components(matrices: FloatArray, subsets: list[tuple[int, ...]]) -> FloatArray:
    return commonalities(lambda subset: r_squared(matrices, subset), subsets)


def _intervals(
    variables: Sequence[Variable],
    pairs: PairTable,
    matrix: FloatArray,
    subsets: list[tuple[int, ...]],
    *,
    num_bootstrap: int,
    seed: int,
) -> list[Interval | None]:
    if not num_bootstrap:
        return [None] * (len(subsets) + 1)
    draws = draw_clips(len(pairs.ids), num_bootstrap=num_bootstrap, seed=seed)
    samples = np.concatenate(
        [
            _components(correlation_matrices(variables, weights), subsets)
            for _, weights in pair_weights(pairs.members, draws)
        ]
    )
    values = _components(matrix[None], subsets)[0]
    pulls = _component_influence(variables, matrix, subsets)
    return [
        rescaled_interval(
            float(value),
            sample,
            variance=clip_variance(pull, pairs.members, num_clips=len(pairs.ids)),
            num_drawn=len(pairs.ids),
        )
        for value, sample, pull in zip(values, samples.T, pulls, strict=True)
    ]


def _component_influence(
    variables: Sequence[Variable], matrix: FloatArray, subsets: list[tuple[int, ...]]
) -> FloatArray:
    """What each pair contributes to each component, by the chain rule: (components + 1, pairs)."""
    result = np.zeros((len(subsets) + 1, len(variables[0].values)))
    for first, second in combinations(range(len(variables)), 2):
        nudged = np.repeat(matrix[None], 2, axis=0)
        for row, step in ((0, _STEP), (1, -_STEP)):
            nudged[row, first, second] += step
            nudged[row, second, first] += step
        above, below = _components(nudged, subsets)
        slope = (above - below) / (2 * _STEP)
        result += slope[:, None] * influence(variables[first], variables[second])
    return result


def _cross_validate(
    variables: Sequence[Variable],
    pairs: PairTable,
    subsets: list[tuple[int, ...]],
    *,
    num_folds: int,
    num_repeats: int,
    seed: int,
) -> FloatArray:
    """Components from the R2 on pairs of held-out clips, mean over repeats: (components + 1,)."""
    ones = np.ones((pairs.num_pairs, 1))
    table = np.stack([variable.centred(ones)[:, 0] for variable in variables], axis=1)
    folds = list(_clip_folds(pairs, num_folds=num_folds, num_repeats=num_repeats, seed=seed))

    def held_out(subset: tuple[int, ...]) -> FloatArray:
        lost, spread = 0.0, 0.0
        for train, test in folds:
            design = np.column_stack([np.ones(train.sum()), table[train][:, list(subset)]])
            weights, *_ = np.linalg.lstsq(design, table[train, -1], rcond=None)
            predicted = (
                np.column_stack([np.ones(test.sum()), table[test][:, list(subset)]]) @ weights
            )
            lost += float(np.sum((table[test, -1] - predicted) ** 2))
            spread += float(np.sum((table[test, -1] - table[train, -1].mean()) ** 2))
        return np.array([1 - lost / spread])

    return commonalities(held_out, subsets)[0]


def _clip_folds(
    pairs: PairTable, *, num_folds: int, num_repeats: int, seed: int
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Masks of the pairs among training clips and of those among held-out clips."""
    clips = len(pairs.ids)
    if clips < 3 * num_folds:
        raise DataError(
            f"{clips} clips are too few for {num_folds} folds of pairs",
            remedy=f"bring {3 * num_folds} clips, use fewer folds, or num_repeats=0",
        )
    rng = np.random.default_rng(seed)
    for _ in range(num_repeats):
        fold = rng.permutation(np.arange(clips) % num_folds)
        first, second = fold[pairs.members.T]
        for held in range(num_folds):
            train, test = (first != held) & (second != held), (first == held) & (second == held)
            if test.any() and train.sum() > MAX_PREDICTORS + 1:
                yield train, test
