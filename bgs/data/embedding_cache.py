"""Embeddings of frozen backbones on disk: computed once for the same frames and the same weights.

cache = EmbeddingCache()
key = {"frames": bank.key, "weights": weights_sha256(model.state_dict()), "pooling": "mean"}
features = cache.get_or_compute(key, bank.ids, lambda: embed(model, bank))
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from bgs.data.clip_store import default_cache_dir, write_atomically
from bgs.errors import DataError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


class EmbeddingCache:
    """One safetensors file a key, checked against its checksum each time it is read."""

    def __init__(self, cache_dir: Path | str | None = None) -> None:
        home = default_cache_dir() if cache_dir is None else Path(cache_dir)
        self.folder = home / "embeddings"

    def __repr__(self) -> str:
        return f"EmbeddingCache({str(self.folder)!r})"

    def get_or_compute(
        self,
        key: Mapping[str, object],
        ids: Sequence[str],
        compute: Callable[[], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """The matrix (clips, width) stored under `key` and `ids`; `compute()` makes and stores it if need be.

        The key must name everything the numbers depend on: frames, weights, pooling, precision.
        """
        recipe = json.dumps({"key": dict(key), "ids": list(ids)}, sort_keys=True)
        path = self.folder / f"{hashlib.sha256(recipe.encode()).hexdigest()}.safetensors"
        stored = _read(path, recipe)
        if stored is not None:
            return stored
        matrix = np.ascontiguousarray(compute(), dtype=np.float32)
        if matrix.ndim != 2 or len(matrix) != len(ids):
            raise DataError(
                f"embeddings of shape {matrix.shape} do not fit {len(ids)} clips",
                remedy="compute one row a clip",
            )
        record = {"recipe": recipe, "sha256": _checksum(recipe, matrix)}
        write_atomically(path, safetensors.numpy.save({"embeddings": matrix}, metadata=record))
        return matrix


def weights_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """One hash over names, types, shapes and values of all weights, in order of name."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(path: Path, recipe: str) -> NDArray[np.float32] | None:
    try:
        with safetensors.safe_open(path, framework="numpy") as entry:
            record = entry.metadata() or {}
            matrix: NDArray[np.float32] = entry.get_tensor("embeddings")
    except FileNotFoundError:
        return None
    except (safetensors.SafetensorError, UnicodeDecodeError):
        record, matrix = {}, np.empty((0, 0), dtype=np.float32)
    if record.get("recipe") == recipe and record.get("sha256") == _checksum(recipe, matrix):
        return matrix
    logger.warning("cached embeddings %s are damaged; they are computed again", path)
    return None


def _checksum(recipe: str, matrix: NDArray[np.float32]) -> str:
    digest = hashlib.sha256(f"{recipe} {matrix.dtype} {matrix.shape}".encode())
    digest.update(np.ascontiguousarray(matrix).data)
    return digest.hexdigest()
