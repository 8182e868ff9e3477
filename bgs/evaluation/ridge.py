"""Ridge regression of many targets at once, each with its own penalty chosen by exact leave-one-out.

The kernel of the training clips is decomposed once; every penalty and every target then costs a
product. Penalties are in units of the kernel's mean eigenvalue, so one grid serves embeddings of
any width and scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ALPHAS: tuple[float, ...] = tuple(float(a) for a in np.logspace(-3, 3, 13))


@dataclass(frozen=True, repr=False)
class Ridge:
    """Features of the training clips, standardised and decomposed."""

    mean: FloatArray  # (width,)
    scale: FloatArray  # (width,)
    features: FloatArray  # (clips, width) standardised
    vectors: FloatArray  # (clips, rank)
    values: FloatArray  # (rank,) eigenvalues of the kernel

    @classmethod
    def of(cls, embeddings: FloatArray) -> Ridge:
        """Prepare (clips, width) training features; a feature that never varies is left at 0."""
        mean = embeddings.mean(axis=0)
        spread = embeddings.std(axis=0)
        scale = np.where(spread > 1e-12 * max(float(spread.max()), 1e-300), spread, np.inf)
        features = (embeddings - mean) / scale
        values, vectors = np.linalg.eigh(features @ features.T)
        keep = values > 1e-10 * max(float(values[-1]), 1e-300)
        return cls(mean, scale, features, vectors[:, keep], values[keep])

    def choose_alphas(
        self, targets: FloatArray, *, alphas: tuple[float, ...] = ALPHAS
    ) -> FloatArray:
        """For each column of (clips, targets) the penalty with the least leave-one-out error."""
        centred = targets - targets.mean(axis=0)
        projected = self.vectors.T @ centred
        errors = []
        for alpha in alphas:
            shrink = self.values / (self.values + alpha * self._unit)
            residual = centred - self.vectors @ (shrink[:, None] * projected)
            leverage = (self.vectors**2) @ shrink + 1 / len(centred)
            errors.append(
                ((residual / (1 - np.minimum(leverage, 1 - 1e-9))[:, None]) ** 2).sum(axis=0)
            )
        return np.asarray(alphas)[np.argmin(errors, axis=0)]

    def coefficients(self, targets: FloatArray, chosen: FloatArray) -> FloatArray:
        """Weights on standardised features: (width, targets)."""
        projected = self.vectors.T @ (targets - targets.mean(axis=0))
        dual = projected / (self.values[:, None] + chosen * self._unit)
        return np.asarray(self.features.T @ (self.vectors @ dual))

    def predict(
        self, embeddings: FloatArray, targets: FloatArray, chosen: FloatArray
    ) -> FloatArray:
        """Predictions for other clips from training targets: (other clips, targets)."""
        standardised = (embeddings - self.mean) / self.scale
        return np.asarray(standardised @ self.coefficients(targets, chosen) + targets.mean(axis=0))

    @property
    def _unit(self) -> float:
        return float(self.values.mean()) if len(self.values) else 1.0
