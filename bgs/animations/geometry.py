"""The latent social geometry that simulated participants judge by."""

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
_LIMIT = 2.5  # standard deviations: beyond this a clip is simply "very"


def latent_points(variables: FloatArray) -> FloatArray:
    """Clips in the latent space, (clips, dimensions): standardised, limited, weighted."""
    names = list(SOCIAL_VARIABLES)
    chosen = variables[:, [names.index(name) for name in GEOMETRY]].astype(float)
    z = (chosen - chosen.mean(axis=0)) / (chosen.std(axis=0) + 1e-9)
    return np.clip(z, -_LIMIT, _LIMIT) * np.array(list(GEOMETRY.values()))
