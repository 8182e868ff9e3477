"""A simulated data set as files: clips, tables, judgments. Every folder says that nothing in it comes from people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bgs.animations.demo import DemoWorld
from bgs.animations.latents import FEATURES, trajectory_features
from bgs.animations.placing import sample_times
from bgs.animations.regions import scene_regions, write_regions
from bgs.animations.render import render_scene
from bgs.animations.video import write_mp4

SIZE_PIXELS = 128
FRAMES_PER_SECOND = 12
_NOTICE = """Simulated data: nothing in this folder comes from people.

{what}
Made by bgs.animations.demo with seed {seed}; the same seed gives the same files.
"""
_VIDEOS = """Clips of two agents and sometimes an object in an abstract room, rendered from simulated motion.
clips.csv         clip, a simulated caption, simulated ratings (0..1), split (train / test)
latents.csv       the true social variables of every clip, and the latent_* dimensions that the
                  simulated participants judge by (for controls, never for training)
features.npz      trajectory features of every clip (ids, embeddings, names): a control without pixels
regions.csv       where agents, objects and walls are in every frame, as boxes (shares of the picture)
trajectories.npz  positions a clip, (entities, steps, 2), agents first, in room halves
"""
_JUDGMENTS = """Odd-one-out judgments by simulated participants (sim_p01, sim_p02, ...).
judgments.csv     three clips, the one picked as odd, who, session, trial, response time in seconds
Rows that show one clip twice are attention checks. Most triads lie within the training clips or within
the test clips; the rest mix both.
"""


def write_demo(
    world: DemoWorld,
    videos_dir: str | Path,
    triplets_dir: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, Path]:
    """Render and write a world; returns the folders of its clips and of its judgments.

    `progress` is called with (clips written, clips in all).
    """
    videos, triplets = Path(videos_dir) / world.name, Path(triplets_dir) / world.name
    videos.mkdir(parents=True, exist_ok=True)
    triplets.mkdir(parents=True, exist_ok=True)
    for done, clip in enumerate(world.clips, start=1):
        frames = render_scene(
            world.scenes[clip],
            world.looks[clip],
            size=SIZE_PIXELS,
            frames_per_second=FRAMES_PER_SECOND,
        )
        write_mp4(
            videos / f"{clip}.mp4",
            frames,
            frames_per_second=FRAMES_PER_SECOND,
            portable=world.name != "demo",  # whose reported figures rest on the first encoding
        )
        if progress is not None:
            progress(done, len(world.clips))
    described = world.captions.merge(world.ratings, on="clip").merge(world.split, on="clip")
    described.to_csv(videos / "clips.csv", index=False)
    regions = {
        clip: scene_regions(
            scene, world.looks[clip], sample_times(scene, frames_per_second=FRAMES_PER_SECOND)
        )
        for clip, scene in world.scenes.items()
    }
    write_regions(videos / "regions.csv", regions)
    world.latents.round(5).to_csv(videos / "latents.csv", index=False)
    np.savez_compressed(
        videos / "features.npz",
        ids=np.array(world.clips),
        embeddings=np.stack([trajectory_features(scene) for scene in world.scenes.values()]),
        names=np.array(FEATURES),
    )
    motions: dict[str, Any] = {clip: scene.positions for clip, scene in world.scenes.items()}
    np.savez_compressed(videos / "trajectories.npz", **motions)
    world.judgments.to_csv(triplets / "judgments.csv", index=False)
    for folder, what in ((videos, _VIDEOS), (triplets, _JUDGMENTS)):
        text = _NOTICE.format(what=what, seed=world.seed)
        (folder / "README.txt").write_text(text, encoding="utf-8")
    return videos, triplets
