"""Simulated stand-ins for everything a reproduction needs, so that every recipe can be run by anybody.

Judgments and clips of `demo`, scenes like PHASE's (`demo-phase`) with simulated ratings, a labelled set in UCF101's
layout. A second run finds them.
"""

from __future__ import annotations

from pathlib import Path

from bgs.run.simulation import simulate_into
from experiments.labelled_clips import simulate_takes, write_ucf101
from experiments.paper.given import Given


def simulate_all(out: Path, *, seed: int, quick: bool) -> Given:
    """What there is then; `quick` makes little of everything."""
    home = out / ("rehearsal" if quick else "simulated")
    triplets, videos, actions = home / "triplets", home / "videos", home / "actions"
    for style in ("demo", "demo-phase"):
        if not (triplets / style).is_dir():
            simulate_into(triplets, videos, seed=seed, quick=quick, progress=False, style=style)
    if not (actions / "testlist01.txt").is_file():
        recordings, clips = (3, 1) if quick else (5, 4)
        write_ucf101(actions, simulate_takes(recordings=recordings, clips=clips, seed=seed))
    return Given(
        data="demo",
        triplets_dir=triplets,
        videos_dir=videos,
        out=home / "results",
        backbones=("bgs-tiny",),
        actions=actions,
        seed=seed,
        quick=quick,
    )
