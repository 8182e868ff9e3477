"""The latent social geometries that simulated participants judge by."""

from __future__ import annotations

import numpy as np

from bgs.animations.behaviours import FloatArray
from bgs.animations.latents import SOCIAL_VARIABLES

# Weights of the standardised variables. Chosen on probe seeds so that no single variable carries most
# of the geometry; the report states how much each one carries.
GEOMETRY: dict[str, float] = {
    "proximity": 1.0,
    "chase": 1.0,
    "tempo": 0.8,
    "synchrony": 0.8,
    "object_moved": 0.9,
    "imbalance": 0.8,
}
VALENCE = "valence"  # how friendly the relation is: no formula on trajectories gives it
# What people who are asked about friends and foes would attend to; chosen before any of it was tried.
VALENCE_GEOMETRY: dict[str, float] = {
    VALENCE: 1.6,
    "proximity": 0.7,
    "chase": 0.7,
    "object_moved": 0.6,
    "synchrony": 0.5,
    "tempo": 0.5,
}
_LIMIT = 2.5  # standard deviations: beyond this a clip is simply "very"


def latent_points(
    variables: FloatArray,
    *,
    weights: dict[str, float] = GEOMETRY,
    valence: FloatArray | None = None,
) -> FloatArray:
    """Clips in the latent space, (clips, dimensions): standardised, limited, weighted.

    `variables` (clips, SOCIAL_VARIABLES); `valence` (clips,) where the weights ask for it.
    """
    names = list(SOCIAL_VARIABLES)
    if valence is not None:
        variables, names = np.column_stack([variables, valence]), [*names, VALENCE]
    chosen = variables[:, [names.index(name) for name in weights]].astype(float)
    z = (chosen - chosen.mean(axis=0)) / (chosen.std(axis=0) + 1e-9)
    return np.clip(z, -_LIMIT, _LIMIT) * np.array(list(weights.values()))
