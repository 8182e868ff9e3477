"""Several models against chance at once: clips change places in people's RDM, the same for every model.

As `permutation.permutation_p`, to the same p: relabelling people backwards is relabelling the model forwards. What
people say under a relabelling is looked up once and serves every model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.correlation import Variable, observed_pairs, weighted_correlation
from bgs.evaluation.running_ranks import RankedModel, WeightedPairs
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
_CHUNK = 16  # relabellings at a time


def chance_levels(
    models: Sequence[RDM], human: RDM, *, num_permutations: int = 1000, seed: int = 0
) -> list[float]:
    """For each model the share of relabellings of the clips whose Spearman is at least its own."""
    if num_permutations < 100:
        raise DataError(
            f"{num_permutations} permutations cannot tell a p of 0.05", remedy="use 100 or more"
        )
    tables = [observed_pairs(model, human) for model in models]
    people = Variable(tables[0].human)
    ones = np.ones((tables[0].num_pairs, 1))
    true = [weighted_correlation(Variable(table.model), people, ones)[0] for table in tables]
    null = relabelled_correlations(models, human, num_permutations=num_permutations, seed=seed)
    return [
        float((1 + np.sum(row >= score - 1e-12)) / (num_permutations + 1))
        for row, score in zip(null, true, strict=True)
    ]


def relabelled_correlations(
    models: Sequence[RDM], human: RDM, *, num_permutations: int, seed: int = 0
) -> FloatArray:
    """Spearman of each model under random relabellings of the clips: (models, permutations)."""
    every = [model.restrict(human.ids).dissimilarities for model in models]  # (all pairs,) each
    if any(np.isnan(values).any() for values in every):
        raise DataError(
            "the model's RDM has unobserved pairs, which a relabelling would bring in",
            remedy="permute only models that know every pair",
        )
    sides = [RankedModel.of(values) for values in every]
    result = np.empty((len(sides), num_permutations))
    clips = len(human.ids)
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(clips), (num_permutations, 1)), axis=1)
    back = np.argsort(orders, axis=1).T  # (clips, permutations): who stands where this clip stood
    rows, columns = np.triu_indices(clips, k=1)
    seen, said = _square_tables(human)
    for start in range(0, num_permutations, _CHUNK):
        part = np.ascontiguousarray(back[:, start : start + _CHUNK])
        places = part[rows] * clips + part[columns]  # (all pairs, chunk)
        sample = WeightedPairs(seen[places], said[places])
        for row, side in enumerate(sides):
            result[row, start : start + _CHUNK] = sample.correlate(side)
    return result


def _square_tables(human: RDM) -> tuple[FloatArray, FloatArray]:
    """Whether people judged each pair, and the centred rank of what they said, both (clips * clips,)."""
    observed = human.observed
    ranked = Variable(human.dissimilarities[observed])
    count = int(observed.sum())
    said = np.zeros(len(observed))
    said[observed] = ranked.centred(np.ones((count, 1)))[:, 0]
    rows, columns = np.triu_indices(len(human.ids), k=1)
    tables = []
    for values in (observed.astype(np.float64), said):
        square = np.zeros((len(human.ids), len(human.ids)))
        square[rows, columns] = square[columns, rows] = values
        tables.append(square.ravel())
    return tables[0], tables[1]
