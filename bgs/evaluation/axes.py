"""Interpretable axes: the direction in an embedding along which a rating grows, and the clips at its ends.

The direction is the ridge solution over all clips, carried back to the embedding's own units; how
well it works on clips it was not fitted to is what `probes` says, and is reported with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bgs.errors import DataError
from bgs.evaluation.probes import check_embeddings, check_ratings, probe_attributes
from bgs.evaluation.ridge import Ridge

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class AttributeAxis:
    """One direction, with the clips that lie furthest along it either way."""

    attribute: str
    lowest: tuple[str, ...]  # ids, the most extreme first
    highest: tuple[str, ...]
    held_out_r2: float
    direction: FloatArray = field(repr=False, compare=False)  # (width,) unit length
    positions: FloatArray = field(repr=False, compare=False)  # (clips,) in the order of the ids


def attribute_axes(
    ids: Sequence[str],
    embeddings: ArrayLike,
    ratings: Mapping[str, ArrayLike],
    *,
    num_ends: int = 3,
    seed: int = 0,
) -> dict[str, AttributeAxis]:
    """An axis for every attribute."""
    matrix = check_embeddings(embeddings, num_folds=5)
    if len(ids) != len(matrix):
        raise DataError(f"{len(ids)} ids for {len(matrix)} embeddings", remedy="pass one id a row")
    scores = probe_attributes(matrix, ratings, num_bootstrap=0, num_permutations=0, seed=seed)
    ridge = Ridge.of(matrix)
    axes = {}
    for name, values in ratings.items():
        rated = check_ratings(name, values, clips=len(matrix))[:, None]
        weights = ridge.coefficients(rated, ridge.choose_alphas(rated))[:, 0] / ridge.scale
        direction = weights / np.linalg.norm(weights)
        positions = (matrix - ridge.mean) @ direction
        order = np.argsort(positions, kind="stable")
        axes[name] = AttributeAxis(
            attribute=name,
            lowest=tuple(ids[place] for place in order[:num_ends]),
            highest=tuple(ids[place] for place in order[::-1][:num_ends]),
            held_out_r2=scores[name].r2,
            direction=direction,
            positions=positions,
        )
    return axes


def angle_between(first: AttributeAxis, second: AttributeAxis) -> float:
    """Degrees between two axes of one embedding, from 0 (the same) over 90 (unrelated) to 180 (opposite)."""
    cosine = float(np.clip(first.direction @ second.direction, -1.0, 1.0))
    return float(np.degrees(np.arccos(cosine)))
