"""How many frames a second each look renders on one core; prints JSON.

OMP_NUM_THREADS=1 python experiments/benchmarks/animations.py --size 224
"""

from __future__ import annotations

import argparse
import json
import platform
import time

import numpy as np

from bgs.animations.demo import simulate_scenes
from bgs.animations.looks import LOOKS, make_look
from bgs.animations.render import render_scene
from bgs.animations.scene import Scene


def measure(look: str, scenes: list[Scene], *, size: int, repeats: int) -> float:
    """Frames a second of processor time, the median of `repeats` passes over all scenes."""
    rates = []
    for _ in range(repeats):
        start = time.process_time()
        frames = sum(
            len(render_scene(scene, make_look(look, scene, seed=k), size=size))
            for k, scene in enumerate(scenes)
        )
        rates.append(frames / (time.process_time() - start))
    return float(np.median(rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=224, help="pixels a side")
    parser.add_argument("--clips", type=int, default=18)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    scenes = simulate_scenes(0, args.clips, style="demo-phase")
    rates = {
        look: round(measure(look, scenes, size=args.size, repeats=args.repeats)) for look in LOOKS
    }
    facts = {"size": args.size, "clips": args.clips, "machine": platform.machine()}
    print(json.dumps(facts | {"frames_a_second": rates}, indent=2))


if __name__ == "__main__":
    main()
