"""Random streams that cannot meet: what the backbone saw can never turn up in a demo.

Every stream hangs on a purpose through `SeedSequence`'s spawn key, so the same number gives
unrelated streams for the demo and for pre-training, whatever the number is.
"""

from __future__ import annotations

import numpy as np

PURPOSES = {"demo": 1, "pretraining": 2, "probe": 3, "test": 4, "look": 5, "demo-phase": 6}


def generator(purpose: str, seed: int, *keys: int) -> np.random.Generator:
    """The random stream of one purpose and seed; `keys` tell several streams of it apart."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES[purpose], *keys)))
