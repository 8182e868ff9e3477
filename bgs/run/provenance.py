"""What a number was computed from, as keys that change whenever it could: for the record of every score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = (
    "*.safetensors",
    "*.bin",
    "*.json",
)  # what decides a sentence-transformers folder's vectors


def file_key(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def captions_key(captions: Mapping[str, Sequence[str]], *, pooling: str) -> str:
    """Of every clip's captions in their order, and of what was made of them."""
    return _key({"pooling": pooling, "captions": {clip: list(captions[clip]) for clip in captions}})


def text_model_key(model: str) -> str:
    """Of the files of a local model; of anything else its name says which it is."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    files = sorted({file for pattern in WEIGHTS for file in folder.rglob(pattern)})
    return _key({file.relative_to(folder).as_posix(): file_key(file) for file in files})


def ratings_key(ids: Sequence[str], names: Sequence[str], values: ArrayLike) -> str:
    """Of the ratings that were used: clips, names and values."""
    table = np.asarray(values, dtype=np.float64)
    return _key({"ids": list(ids), "names": list(names), "values": table.tolist()})


def weights_key(model: nn.Module) -> str:
    """Of all weights of a model, adapters and head among them."""
    from bgs.data.embedding_cache import weights_sha256

    return weights_sha256(model.state_dict())


def _key(record: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
