"""How long do maps of attention take? Prints JSON.

Command:   python experiments/benchmarks/attention.py [--clips 100] [--backbone bgs-tiny]
Cost:      under a minute on 2 cores
Expected:  `rollout_seconds` below 60 for 100 clips of bgs-tiny, and far below; `relevance` takes about three times
           the forward pass and `rollout` less than two.

Frames are noise and random names are seeded: the time does not depend on what is seen. Seconds are of processor time.
Any name of `bgs backbones` will do with `random:` before it, for which no weights are needed.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from bgs.backbones.attention_maps import METHODS
from bgs.backbones.registry import load_backbone
from bgs.frame_spec import FrameSpec
from bgs.run.attention_maps import batch_size, make_maps
from bgs.run.embed import bare


class NoiseBank:
    """Clips of noise by position, made when they are asked for."""

    def __init__(self, num_clips: int, spec: FrameSpec) -> None:
        self.ids = tuple(f"clip{index}" for index in range(num_clips))
        self.shape = (spec.num_frames, 3, spec.height, spec.width)

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Sequence[int]) -> Tensor:
        rng = np.random.default_rng(list(indices))
        shape = (len(list(indices)), *self.shape)
        return torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))


def count_tokens(grid: tuple[int, int], frames: FrameSpec, tubelet: int) -> int:
    """Patches of all moments of a clip."""
    return grid[0] * grid[1] * max(frames.num_frames // tubelet, 1)


def seconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    call()
    return round(time.process_time() - start, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--backbone", default="bgs-tiny")
    chosen = parser.parse_args()
    model = bare(load_backbone(chosen.backbone))
    frames = model.backbone.spec.frames
    if frames is None:
        raise SystemExit(f"{chosen.backbone} reads no frames")
    bank = NoiseBank(chosen.clips, frames)
    size = batch_size(model.backbone)

    def forward() -> None:
        with torch.inference_mode():
            for start in range(0, len(bank), size):
                model(bank.batch(range(start, min(start + size, len(bank)))))

    found: dict[str, object] = {
        "backbone": chosen.backbone,
        "clips": chosen.clips,
        "tokens": count_tokens(model.backbone.grid_size, frames, model.backbone.spec.tubelet_size),
        "forward_seconds": seconds(forward),
    }
    for method in METHODS:
        found[f"{method}_seconds"] = seconds(
            lambda method=method: make_maps(model, bank, method=method, progress=False)  # type: ignore[misc]
        )
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
