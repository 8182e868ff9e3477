"""The embedded demonstration: simulated clips, captions, ratings and judgments, on disk in seconds.

Everything here is simulated, participants included; every file says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.animations.appearance import Appearance, sample_appearance
from bgs.animations.behaviours import RELATIONS, FloatArray, join_controls, sample_controls
from bgs.animations.captions import simulate_ratings, write_caption
from bgs.animations.geometry import GEOMETRY, latent_points
from bgs.animations.latents import FEATURES, SOCIAL_VARIABLES, social_variables, trajectory_features
from bgs.animations.participants import (
    attention_checks,
    even_triads,
    judge_triads,
    sample_crowd,
)
from bgs.animations.physics import STEPS_PER_SECOND, scene_of, simulate_motion
from bgs.animations.render import render_scene
from bgs.animations.scene import Scene
from bgs.animations.seeds import generator
from bgs.animations.video import write_mp4
from bgs.errors import BgsError

SIZE_PIXELS = 128
FRAMES_PER_SECOND = 12
_CHECK_SHARE = 0.03
_NOTICE = """Simulated data: nothing in this folder comes from people.

{what}
Made by bgs.animations.demo with seed {seed}; the same seed gives the same files.
"""
_VIDEOS = """Clips of two agents and sometimes an object in an abstract room, rendered from simulated motion.
clips.csv         clip, a simulated caption, simulated ratings (0..1), split (train / test)
latents.csv       the true social variables of every clip, and the latent_* dimensions that the
                  simulated participants judge by (for controls, never for training)
features.npz      trajectory features of every clip (ids, embeddings, names): a control without pixels
trajectories.npz  positions a clip, (entities, steps, 2), agents first, in room halves
"""
_JUDGMENTS = """Odd-one-out judgments by simulated participants (sim_p01, sim_p02, ...).
judgments.csv     three clips, the one picked as odd, who, session, trial, response time in seconds
Rows that show one clip twice are attention checks. Most triads lie within the training clips or within
the test clips; the rest mix both.
"""


@dataclass(frozen=True)
class DemoWorld:
    """A simulated data set before it is written: clips in order of their ids, judgments by row."""

    seed: int
    scenes: dict[str, Scene]
    looks: dict[str, Appearance]
    captions: pd.DataFrame
    ratings: pd.DataFrame
    latents: pd.DataFrame
    split: pd.DataFrame
    judgments: pd.DataFrame

    @property
    def clips(self) -> list[str]:
        """Clip ids in order."""
        return list(self.scenes)

    def __repr__(self) -> str:
        test = int((self.split["split"] == "test").sum())
        return (
            f"DemoWorld(seed={self.seed}, clips={len(self.scenes)}, test={test}, "
            f"judgments={len(self.judgments)}, simulated participants="
            f"{self.judgments['participant'].nunique()})"
        )


def _simulate_scenes(seed: int, num_clips: int) -> list[Scene]:
    """Scenes of all relations in equal parts, in random order."""
    rng = generator("demo", seed, 0)
    share = -(-num_clips // len(RELATIONS))
    controls = join_controls([sample_controls(name, share, rng=rng) for name in RELATIONS])
    order = rng.permutation(share * len(RELATIONS))[:num_clips]
    names = tuple(RELATIONS[k // share] for k in order)
    motion = simulate_motion(controls.take(order), rng=rng, relations=names)
    return [scene_of(motion, k) for k in range(num_clips)]


def _measure(scenes: list[Scene]) -> FloatArray:
    """Social variables (clips, variables) of scenes that may lack the object."""
    rows = []
    for scene in scenes:
        rows.append(
            social_variables(
                scene.positions[None], scene.sizes[None], steps_per_second=STEPS_PER_SECOND
            )[0]
        )
    return np.stack(rows)


def _simulate_judgments(
    points: FloatArray,
    clips: list[str],
    test: NDArray[np.bool_],
    *,
    seed: int,
    num_participants: int,
    observations: tuple[float, float],
    mixed: int,
) -> pd.DataFrame:
    """Judgments within train, within test, across both, and attention checks."""
    rng = generator("demo", seed, 2)
    parts = []
    for members, each in zip((~test, test), observations, strict=True):
        inside = np.flatnonzero(members)
        pairs = len(inside) * (len(inside) - 1) / 2
        parts.append(even_triads(inside, round(pairs * each / 3), rng=rng))
    parts.append(np.array([rng.choice(len(clips), 3, replace=False) for _ in range(mixed)]))
    judged = sum(len(part) for part in parts)
    parts.append(attention_checks(len(clips), round(judged * _CHECK_SHARE), rng=rng))
    crowd = sample_crowd(np.ones(points.shape[1]), rng=rng, size=num_participants)
    return judge_triads(np.concatenate(parts), points, crowd=crowd, clips=clips, rng=rng)


def simulate_demo(
    *,
    seed: int,
    num_clips: int = 360,
    num_test: int = 72,
    num_participants: int = 40,
    observations: tuple[float, float] = (1.5, 5.0),
    mixed: int = 1500,
) -> DemoWorld:
    """Simulate a data set; nothing is written.

    `observations` says how often a pair of training clips and a pair of test clips is shown within
    its own split; `mixed` triads cross the splits.
    """
    if not 3 <= num_test <= num_clips - 3:
        raise BgsError(
            f"{num_test} test clips out of {num_clips}",
            remedy="leave at least 3 clips on either side of the split",
        )
    scenes = _simulate_scenes(seed, num_clips)
    clips = [f"demo_{k:04d}" for k in range(num_clips)]
    rng = generator("demo", seed, 1)
    looks = [sample_appearance(rng) for _ in scenes]
    captions = [write_caption(s, a, rng=rng) for s, a in zip(scenes, looks, strict=True)]
    variables = _measure(scenes)
    columns = dict(zip(SOCIAL_VARIABLES, variables.T, strict=True))
    relations = [scene.relation or "" for scene in scenes]
    ratings = simulate_ratings(columns, relations=relations, rng=rng)
    test = np.zeros(num_clips, dtype=bool)
    test[rng.permutation(num_clips)[:num_test]] = True
    points = latent_points(variables)
    judgments = _simulate_judgments(
        points,
        clips,
        test,
        seed=seed,
        num_participants=num_participants,
        observations=observations,
        mixed=mixed,
    )
    latent = {f"latent_{name}": points[:, k] for k, name in enumerate(GEOMETRY)}
    return DemoWorld(
        seed=seed,
        scenes=dict(zip(clips, scenes, strict=True)),
        looks=dict(zip(clips, looks, strict=True)),
        captions=pd.DataFrame({"clip": clips, "caption": captions}),
        ratings=pd.DataFrame({"clip": clips, **ratings}),
        latents=pd.DataFrame({"clip": clips, **columns, **latent}),
        split=pd.DataFrame({"clip": clips, "split": np.where(test, "test", "train")}),
        judgments=judgments,
    )


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
    videos, triplets = Path(videos_dir) / "demo", Path(triplets_dir) / "demo"
    videos.mkdir(parents=True, exist_ok=True)
    triplets.mkdir(parents=True, exist_ok=True)
    for done, clip in enumerate(world.clips, start=1):
        frames = render_scene(
            world.scenes[clip],
            world.looks[clip],
            size=SIZE_PIXELS,
            frames_per_second=FRAMES_PER_SECOND,
        )
        write_mp4(videos / f"{clip}.mp4", frames, frames_per_second=FRAMES_PER_SECOND)
        if progress is not None:
            progress(done, len(world.clips))
    described = world.captions.merge(world.ratings, on="clip").merge(world.split, on="clip")
    described.to_csv(videos / "clips.csv", index=False)
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
