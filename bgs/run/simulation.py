"""The data set `demo`, simulated into data homes like any other data set."""

from __future__ import annotations

from pathlib import Path

from tqdm.auto import tqdm

# A rehearsal: every part runs, no number means anything.
QUICK_WORLD = {"num_clips": 90, "num_test": 30, "num_participants": 30, "mixed": 100}


def simulate_into(
    triplets_dir: Path, videos_dir: Path, *, seed: int, quick: bool = False, progress: bool = True
) -> None:
    """Write the simulated data set `demo` into these homes."""
    from bgs.animations.demo import simulate_demo, write_demo

    world = simulate_demo(seed=seed, **(QUICK_WORLD if quick else {}))
    with tqdm(total=len(world.clips), desc="render", unit="clip", disable=None if progress else True) as bar:
        write_demo(world, videos_dir, triplets_dir, progress=lambda done, _: bar.update(done - bar.n))
