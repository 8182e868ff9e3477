"""The embedded demonstrations: simulated scenes, captions, ratings and judgments.

Everything here is simulated, participants included; `bgs.animations.demo_files` writes it to disk and says so.
There are two: `demo`, rich in looks that say nothing about what agents do, and `demo-phase`, whose rooms, walls,
speeds and looks are those of PHASE and whose simulated participants attend to valence above all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.animations.appearance import sample_appearance
from bgs.animations.behaviours import (
    DEMO_TEMPO,
    PHASE_TEMPO,
    RELATIONS,
    WARMTH,
    FloatArray,
    Range,
    join_controls,
    sample_controls,
    valence_of,
)
from bgs.animations.captions import simulate_ratings, simulate_votes, write_caption
from bgs.animations.geometry import GEOMETRY, VALENCE_GEOMETRY, latent_points
from bgs.animations.latents import SOCIAL_VARIABLES, social_variables
from bgs.animations.looks import make_look
from bgs.animations.participants import (
    attention_checks,
    even_triads,
    judge_triads,
    sample_crowd,
)
from bgs.animations.phase_set import RELATIONS as VOTES
from bgs.animations.physics import scene_of, simulate_motion
from bgs.animations.placing import AnyLook
from bgs.animations.scene import Scene
from bgs.animations.seeds import generator
from bgs.animations.worlds import DEMO_WORLD, PHASE_WORLD, World
from bgs.errors import BgsError

NUM_CLIPS = 360
_CHECK_SHARE = 0.03


@dataclass(frozen=True)
class Style:
    """What kind of scenes, how they look, and what simulated participants attend to."""

    name: str
    clip_prefix: str
    world: World
    tempo: Range
    geometry: dict[str, float]
    look: str | None = None  # None: another random one for every clip
    purpose: str = "demo"
    votes: bool = False  # whether simulated viewers also say friendly, neutral or adversarial


STYLES = {
    style.name: style
    for style in (
        Style("demo", "demo", DEMO_WORLD, DEMO_TEMPO, GEOMETRY),
        Style(
            "demo-phase",
            "simulated",
            PHASE_WORLD,
            PHASE_TEMPO,
            VALENCE_GEOMETRY,
            look="phase",
            purpose="demo-phase",
            votes=True,
        ),
    )
}


@dataclass(frozen=True)
class DemoWorld:
    """A simulated data set before it is written: clips in order of their ids, judgments by row."""

    seed: int
    scenes: dict[str, Scene]
    looks: dict[str, AnyLook]
    captions: pd.DataFrame
    ratings: pd.DataFrame
    latents: pd.DataFrame
    split: pd.DataFrame
    judgments: pd.DataFrame
    name: str = "demo"

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


def simulate_scenes(seed: int, num_clips: int = NUM_CLIPS, *, style: str = "demo") -> list[Scene]:
    """Scenes of all relations in equal parts, in random order."""
    kind = find_style(style)
    rng = generator(kind.purpose, seed, 0)
    share = -(-num_clips // len(RELATIONS))
    controls = join_controls(
        [sample_controls(name, share, rng=rng, tempo_range=kind.tempo) for name in RELATIONS]
    )
    order = rng.permutation(share * len(RELATIONS))[:num_clips]
    names = tuple(RELATIONS[k // share] for k in order)
    motion = simulate_motion(controls.take(order), rng=rng, relations=names, world=kind.world)
    return [scene_of(motion, k) for k in range(num_clips)]


def _measure(scenes: list[Scene]) -> FloatArray:
    """Social variables (clips, variables) of scenes that may lack the object."""
    rows = []
    for scene in scenes:
        rows.append(
            social_variables(
                scene.positions[None],
                scene.sizes[None],
                steps_per_second=scene.steps_per_second,
            )[0]
        )
    return np.stack(rows)


def _simulate_judgments(
    points: FloatArray,
    clips: list[str],
    test: NDArray[np.bool_],
    *,
    rng: np.random.Generator,
    num_participants: int,
    observations: tuple[float, float],
    mixed: int,
) -> pd.DataFrame:
    """Judgments within train, within test, across both, and attention checks."""
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


def find_style(name: str) -> Style:
    """The style of that name."""
    if name not in STYLES:
        raise BgsError(
            f"{name!r} is no simulated data set", remedy=f"the styles are {', '.join(STYLES)}"
        )
    return STYLES[name]


def simulate_demo(
    *,
    seed: int,
    num_clips: int = NUM_CLIPS,
    num_test: int = 72,
    num_participants: int = 40,
    observations: tuple[float, float] = (1.5, 5.0),
    mixed: int = 1500,
    style: str = "demo",
) -> DemoWorld:
    """Simulate a data set; nothing is written.

    `observations` says how often a pair of training clips and a pair of test clips is shown within
    its own split; `mixed` triads cross the splits. `style` is one of `STYLES`.
    """
    if not 3 <= num_test <= num_clips - 3:
        raise BgsError(
            f"{num_test} test clips out of {num_clips}",
            remedy="leave at least 3 clips on either side of the split",
        )
    kind = find_style(style)
    scenes = simulate_scenes(seed, num_clips, style=style)
    clips = [f"{kind.clip_prefix}_{k:04d}" for k in range(num_clips)]
    rng = generator(kind.purpose, seed, 1)
    looks = _sample_looks(kind, scenes, rng=rng)
    captions = [write_caption(s, a, rng=rng) for s, a in zip(scenes, looks, strict=True)]
    variables = _measure(scenes)
    columns = dict(zip(SOCIAL_VARIABLES, variables.T, strict=True))
    relations = [scene.relation or "" for scene in scenes]
    ratings = simulate_ratings(columns, relations=relations, rng=rng)
    test = np.zeros(num_clips, dtype=bool)
    test[rng.permutation(num_clips)[:num_test]] = True
    warmth = np.array([WARMTH.get(name, 0.0) for name in relations])
    points = latent_points(variables, weights=kind.geometry, valence=warmth)
    judgments = _simulate_judgments(
        points,
        clips,
        test,
        rng=generator(kind.purpose, seed, 2),
        num_participants=num_participants,
        observations=observations,
        mixed=mixed,
    )
    latent = {f"latent_{name}": points[:, k] for k, name in enumerate(kind.geometry)}
    said = pd.DataFrame({"clip": clips, **ratings})
    if kind.votes:
        said = said.join(_simulate_answers(relations, rng=generator(kind.purpose, seed, 3)))
    return DemoWorld(
        seed=seed,
        scenes=dict(zip(clips, scenes, strict=True)),
        looks=dict(zip(clips, looks, strict=True)),
        captions=pd.DataFrame({"clip": clips, "caption": captions}),
        ratings=said,
        latents=pd.DataFrame({"clip": clips, **columns, **latent}),
        split=pd.DataFrame({"clip": clips, "split": np.where(test, "test", "train")}),
        judgments=judgments,
        name=kind.name,
    )


def _sample_looks(kind: Style, scenes: list[Scene], *, rng: np.random.Generator) -> list[AnyLook]:
    if kind.look is None:
        return [sample_appearance(rng) for _ in scenes]
    seeds = rng.integers(2**31, size=len(scenes))
    return [make_look(kind.look, s, seed=int(k)) for s, k in zip(scenes, seeds, strict=True)]


def _simulate_answers(relations: list[str], *, rng: np.random.Generator) -> pd.DataFrame:
    """What each relation is meant to be, and how many simulated viewers say so."""
    votes = simulate_votes(relations, rng=rng)
    label = {"relation": relations, "label": [valence_of(name) for name in relations]}
    return pd.DataFrame(label | {name: votes[:, k] for k, name in enumerate(VOTES)})
