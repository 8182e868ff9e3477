"""Permutation tests: how often would chance do as well?

Conventions
-----------
- Against people (`permutation_p`): clips change places in the model's RDM (Mantel's test). Exact:
  under the hypothesis that the model knows nothing of these clips every relabelling is as likely as
  the true one.
- Between two models (`sign_flip_p`): what each clip contributes to the difference changes sign at
  random; under the hypothesis of no difference it could have gone either way. The noise of a pair
  belongs to both of its clips and would count twice, so flips are scaled to the same variance as
  the intervals (see `bootstrap`).
- p is two-sided for differences, one-sided (greater) against people, and never 0: the true
  labelling is one of those that count, so the smallest is 1 / (permutations + 1).
- Holm's step-down correction holds the chance of a single false claim over all comparisons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import jackknife_variance, student_factor
from bgs.evaluation.correlation import Variable, observed_pairs, weighted_correlation
from bgs.rdm import RDM, condensed_index

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def permutation_p(model: RDM, human: RDM, *, num_permutations: int = 1000, seed: int = 0) -> float:
    """Share of relabellings of the clips whose Spearman is at least the true one."""
    pairs = observed_pairs(model, human)
    true = weighted_correlation(
        Variable(pairs.model), Variable(pairs.human), np.ones((pairs.num_pairs, 1))
    )[0]
    null = permuted_correlations(model, human, num_permutations=num_permutations, seed=seed)
    return float((1 + np.sum(null >= true - 1e-12)) / (num_permutations + 1))


def permuted_correlations(
    model: RDM, human: RDM, *, num_permutations: int = 1000, seed: int = 0
) -> FloatArray:
    """Spearman under random relabellings of the model's clips: (permutations,)."""
    _check(num_permutations)
    pairs = observed_pairs(model, human)
    values = model.restrict(human.ids).dissimilarities  # (all pairs,)
    if np.isnan(values).any():
        raise DataError(
            "the model's RDM has unobserved pairs, which a relabelling would bring in",
            remedy="permute only models that know every pair",
        )
    rng = np.random.default_rng(seed)
    clips = len(human.ids)
    orders = rng.permuted(np.tile(np.arange(clips), (num_permutations, 1)), axis=1)
    ranked = Variable(pairs.human).centred(np.ones((pairs.num_pairs, 1)))[:, 0]
    known = Variable(values)
    first, second = pairs.members.T
    moved = (condensed_index(order[first], order[second], num_clips=clips) for order in orders)
    return np.array([_correlate_ranks(known, places, ranked) for places in moved])


def _correlate_ranks(known: Variable, places: IntArray, ranked: FloatArray) -> float:
    """Spearman of the values at these places with centred ranks, both (pairs,).

    Being one of the compared pairs is a weight of 1 among all pairs, so that nothing is sorted again.
    """
    weights = np.zeros((len(known.values), 1))
    weights[places] = 1.0
    row = known.centred(weights)[places, 0]
    return float(ranked @ row / np.sqrt((row @ row) * (ranked @ ranked)))


def sign_flip_p(
    deviations: FloatArray,
    influence: FloatArray,
    difference: float,
    *,
    num_permutations: int = 1000,
    seed: int = 0,
) -> float:
    """Two-sided p of a difference, from what leaving out each clip changes in it and what each pair adds to it."""
    _check(num_permutations)
    spread = float(deviations @ deviations)
    if spread == 0.0:
        return 1.0
    scale = np.sqrt(jackknife_variance(deviations, influence) / spread) * student_factor(
        len(deviations)
    )
    rng = np.random.default_rng(seed)
    signs = rng.choice(np.array([-1.0, 1.0]), size=(num_permutations, len(deviations)))
    flipped = np.abs(signs @ deviations) * scale
    return float((1 + np.sum(flipped >= abs(difference) - 1e-15)) / (num_permutations + 1))


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's adjusted p values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    stepped = np.maximum.accumulate(np.asarray(p_values)[order] * (count - np.arange(count)))
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _check(num_permutations: int) -> None:
    if num_permutations < 100:
        raise DataError(
            f"{num_permutations} permutations cannot tell a p of 0.05", remedy="use 100 or more"
        )
