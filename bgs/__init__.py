"""Behavioral geometric supervision: video models that see social life the way people do.

Public names are imported when first used, so `import bgs` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bgs.backbones import load_backbone
    from bgs.data.clips import Clips, load_clips
    from bgs.data.triplets import Triplets, load_triplets
    from bgs.rdm import RDM
    from bgs.run.fit import fit
    from bgs.run.score import score

__version__ = "0.1.0"

__all__ = [
    "RDM",
    "Clips",
    "Triplets",
    "__version__",
    "fit",
    "load_backbone",
    "load_clips",
    "load_triplets",
    "score",
]

_HOMES = {
    "RDM": "bgs.rdm",
    "Clips": "bgs.data.clips",
    "Triplets": "bgs.data.triplets",
    "fit": "bgs.run.fit",
    "load_backbone": "bgs.backbones",
    "load_clips": "bgs.data.clips",
    "load_triplets": "bgs.data.triplets",
    "score": "bgs.run.score",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bgs' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
