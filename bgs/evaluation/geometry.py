"""From embeddings to a model's RDM, by cosine, correlation or Euclidean distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist

from bgs.errors import DataError
from bgs.rdm import RDM

Metric = Literal["cosine", "correlation", "euclidean"]


def model_rdm(ids: Sequence[str], embeddings: ArrayLike, *, metric: Metric = "cosine") -> RDM:
    """Distances between the rows of (clips, width).

    Correlation is the cosine of what is left when each clip's own mean over features is taken out.
    """
    cosine = RDM.from_embeddings(ids, embeddings)  # refuses NaN, zeros and a wrong number of rows
    matrix = np.asarray(embeddings, dtype=np.float64)
    if metric == "cosine":
        return cosine
    if metric == "correlation":
        return RDM.from_embeddings(ids, matrix - matrix.mean(axis=1, keepdims=True))
    if metric == "euclidean":
        return RDM.from_condensed(ids, pdist(matrix))
    raise DataError(
        f"unknown metric {metric!r}", remedy="choose one of cosine, correlation, euclidean"
    )
