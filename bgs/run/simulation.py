"""The data sets `demo` and `demo-phase`, simulated into data homes like any other data set."""

from __future__ import annotations

from pathlib import Path

from tqdm.auto import tqdm

QUICK_CLIPS, QUICK_TEST, QUICK_MIXED = 90, 30, 100


def simulate_into(
    triplets_dir: Path,
    videos_dir: Path,
    *,
    seed: int,
    quick: bool = False,
    progress: bool = True,
    style: str = "demo",
) -> None:
    """Write a simulated data set into these homes; `quick` for a rehearsal with few clips."""
    from bgs.animations.demo import simulate_demo
    from bgs.animations.demo_files import write_demo

    if quick:
        world = simulate_demo(
            seed=seed, num_clips=QUICK_CLIPS, num_test=QUICK_TEST, mixed=QUICK_MIXED, style=style
        )
    else:
        world = simulate_demo(seed=seed, style=style)
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    with tqdm(total=len(world.clips), desc="render", unit="clip", disable=hidden) as bar:

        def advance(done: int, total: int) -> None:
            bar.update(done - bar.n)

        write_demo(world, videos_dir, triplets_dir, progress=advance)
