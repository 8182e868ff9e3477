"""The algebra of commonality analysis: from correlations to what each set of predictors alone can explain.

Written for stacks of correlation matrices, so that all samples of a bootstrap are solved at once; the target is
always the last variable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bgs.evaluation.correlation import Variable

FloatArray = NDArray[np.float64]


def list_subsets(count: int) -> list[tuple[int, ...]]:
    """All sets of predictors but the empty one, small ones first."""
    return [s for size in range(1, count + 1) for s in combinations(range(count), size)]


def correlation_matrices(variables: Sequence[Variable], weights: FloatArray) -> FloatArray:
    """Correlation matrices of the variables under each column of weights: (samples, variables, variables)."""
    centred = np.stack(
        [variable.centred(weights) for variable in variables]
    )  # (variables, pairs, samples)
    covariance = np.einsum("aps,bps,ps->sab", centred, centred, weights, optimize=True)
    scale = np.sqrt(np.einsum("saa->sa", covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(covariance / scale[:, :, None] / scale[:, None, :])


def r_squared(matrices: FloatArray, subset: tuple[int, ...]) -> FloatArray:
    """Share of the last variable explained by a subset of the others, for each correlation matrix."""
    if not subset:
        return np.zeros(len(matrices))
    places = list(subset)
    among = matrices[:, places][:, :, places]
    target = matrices[:, places, -1]
    # The pseudo-inverse lets two identical predictors share everything instead of failing.
    inverse = np.linalg.pinv(np.nan_to_num(among), rcond=1e-10, hermitian=True)
    return np.asarray(np.einsum("sa,sab,sb->s", target, inverse, target))


def commonalities(
    explains: Callable[[tuple[int, ...]], FloatArray], subsets: list[tuple[int, ...]]
) -> FloatArray:
    """Component of every subset by inclusion and exclusion, and the total: (samples, subsets + 1)."""
    everything = subsets[-1]
    explained = {subset: explains(subset) for subset in [(), *subsets]}
    columns = []
    for subset in subsets:
        rest = tuple(place for place in everything if place not in subset)
        inner = [part for size in range(len(subset) + 1) for part in combinations(subset, size)]
        columns.append(
            sum((-1) ** (len(part) + 1) * explained[tuple(sorted(rest + part))] for part in inner)
        )
    return np.stack([*columns, explained[everything]], axis=1)
