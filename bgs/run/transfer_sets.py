"""Sets of rated clips for transfer: PHASE-style scenes rendered in a look, or clips of a card with counted labels.

    phase                     scenes with ratings in --phase-dir, or else the card of that name
    a folder with scenes.json the same
    NAME                      a card of clips whose ratings `friendly`, `neutral`, `adversarial` count people

Scenes come with trajectory features, the control that never sees a pixel; so do clips of a card whose folder holds
features.npz. Of simulated clips the truth may be known too (latents.csv). Where a set says which of its clips are for
testing, those are scored and the others are its main set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.data.clips import Clips, load_clips
from bgs.errors import DataError
from bgs.evaluation.transfer_ratings import RatedClips

if TYPE_CHECKING:
    from bgs.animations.scene import Scene

FloatArray = NDArray[np.float64]
PHASE, SCENES = "phase", "scenes.json"
LABELS = ("friendly", "neutral", "adversarial")
FRAMES_PER_SECOND = 12
LATENT = "latent_"  # begins the columns that simulated participants judge by


@dataclass(frozen=True, repr=False)
class RatedSet:
    """Clips on disk, what people said of them, and features of the motion where they are known.

    Where there are `scenes`, the clips are still to be rendered from them.
    """

    clips: Clips
    rated: RatedClips
    features: FloatArray | None  # (clips, features) as measured, not standardised
    is_test: NDArray[np.bool_] | None  # (clips,); None where the set states no split
    look: str | None = None
    scenes: Mapping[str, Scene] | None = None
    latents: pd.DataFrame | None = None  # clips by true variables; only where clips are simulated

    @property
    def tested(self) -> tuple[str, ...]:
        """The clips that are scored."""
        if self.is_test is None:
            return self.clips.ids
        return tuple(c for c, test in zip(self.clips.ids, self.is_test, strict=True) if test)

    @property
    def main(self) -> tuple[str, ...]:
        """The clips of its main set, none where it states no split."""
        tested = set(self.tested)
        return tuple(clip for clip in self.clips.ids if clip not in tested)

    def __repr__(self) -> str:
        return f"RatedSet({self.clips.name!r}, {len(self.tested)} tested, {len(self.main)} main, look {self.look})"


def open_rated(
    name: str,
    *,
    phase_dir: Path | None,
    videos_dir: Path,
    look: str | None,
    size: int,
    scratch: Path,
    seed: int = 0,
    progress: bool = True,
) -> RatedSet:
    """The set of that name; scenes are rendered into `scratch` in the given look (None: PHASE's own)."""
    found = read_rated(name, phase_dir=phase_dir, videos_dir=videos_dir, look=look)
    return render_rated(found, scratch, size=size, seed=seed, progress=progress)


def read_rated(
    name: str, *, phase_dir: Path | None, videos_dir: Path, look: str | None
) -> RatedSet:
    """What there is to read of a set, in a moment: ratings, and scenes that are not rendered yet."""
    folder = phase_folder(name, phase_dir=phase_dir, videos_dir=videos_dir)
    if folder is None:
        if look is not None:
            raise DataError(
                f"the clips of {name!r} are drawn already, so they have no look {look!r}",
                remedy="name a folder of scenes (--phase-dir), or leave the look out",
            )
        return _of_card(name, videos_dir=videos_dir)
    from bgs.animations.phase_set import load_phase

    look = look or PHASE
    phase = load_phase(folder)
    splits = phase.ratings.splits
    return RatedSet(
        clips=Clips(phase.clips, tuple(map(Path, phase.clips)), name=Path(name).name),
        rated=RatedClips(phase.clips, LABELS, phase.counts),
        features=scene_features(phase.scenes),
        is_test=np.array([split != "train" for split in splits]) if any(splits) else None,
        look=look,
        scenes=phase.scenes,
    )


def render_rated(
    found: RatedSet, scratch: Path, *, size: int, seed: int = 0, progress: bool = True
) -> RatedSet:
    """The set with its scenes as clips in `scratch`; of a set that came as clips, as it is."""
    if found.scenes is None or found.look is None:
        return found
    clips = render_set(
        found.scenes, scratch, name=found.clips.name, look=found.look, size=size, seed=seed,
        progress=progress,
    )  # fmt: skip
    return replace(found, clips=clips, scenes=None)


def phase_folder(name: str, *, phase_dir: Path | None, videos_dir: Path) -> Path | None:
    """Where the scenes of that name are; None where the name is that of a card."""
    if name == PHASE and phase_dir is not None:
        if not (phase_dir / SCENES).is_file():
            raise DataError(
                f"{str(phase_dir)!r} holds no {SCENES}",
                remedy="name a folder with scenes.json, trajectories.npz and ratings.csv",
            )
        return phase_dir
    if name == PHASE and not (videos_dir / PHASE / "clips.csv").is_file():
        raise DataError(
            "the PHASE scenes are not here",
            remedy="name their folder with --phase-dir (scenes.json, trajectories.npz, ratings.csv), "
            "or import them (`bgs data import`)",
        )
    return Path(name) if (Path(name) / SCENES).is_file() else None


def render_set(
    scenes: Mapping[str, Scene],
    scratch: Path,
    *,
    name: str,
    look: str,
    size: int,
    seed: int = 0,
    simulated: bool = False,
    progress: bool = True,
) -> Clips:
    """Every scene as a clip in `scratch`; the same scene, look and seed give the same file."""
    from tqdm.auto import tqdm

    from bgs.animations.looks import make_look
    from bgs.animations.render import render_scene
    from bgs.animations.video import write_mp4

    scratch.mkdir(parents=True, exist_ok=True)
    paths = []
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    shown = tqdm(scenes.values(), desc=f"render {name}", unit="clip", disable=hidden)
    for number, scene in enumerate(shown):
        # A random look is drawn for each clip; of a fixed one, the seed says which agent has which part.
        own = seed * 100_003 + number + 1 if look == "random" else seed
        frames = render_scene(
            scene, make_look(look, scene, seed=own), size=size, frames_per_second=FRAMES_PER_SECOND
        )
        path = scratch / f"clip_{number:05d}.mp4"
        write_mp4(path, frames, frames_per_second=FRAMES_PER_SECOND)
        paths.append(path)
    return Clips(ids=tuple(scenes), paths=tuple(paths), name=name, simulated=simulated)


def scene_features(scenes: Mapping[str, Scene]) -> FloatArray:
    """Trajectory features of every scene, as measured: (clips, features)."""
    from bgs.animations.latents import trajectory_features

    rows = [trajectory_features(scene) for scene in scenes.values()]
    return np.stack(rows).astype(np.float64)


def _of_card(name: str, *, videos_dir: Path) -> RatedSet:
    clips = load_clips(name, videos_dir=videos_dir, need_files=False)
    table = clips.ratings
    lacking = [label for label in LABELS if table is None or label not in table.columns]
    if table is None or lacking:
        raise DataError(
            f"clip set {clips.name!r} has no rating {lacking[0]!r}",
            remedy=f"count in its table how many people called each clip {', '.join(LABELS)}",
        )
    counted = table[list(LABELS)].to_numpy(dtype=np.float64)
    rated = RatedClips(clips.ids, LABELS, counted)
    is_test = None
    if clips.split is not None:
        held = set(clips.split.test)
        is_test = np.array([clip in held for clip in clips.ids])
    folder = videos_dir / name
    return RatedSet(
        clips,
        rated,
        _stored_features(clips, folder),
        is_test,
        latents=_true_variables(clips, folder),
    )


def _stored_features(clips: Clips, folder: Path) -> FloatArray | None:
    file = folder / "features.npz"
    if not file.is_file():
        return None
    from bgs.data.features import load_features

    return np.asarray(load_features(file).select(clips.ids).matrix, dtype=np.float64)


def _true_variables(clips: Clips, folder: Path) -> pd.DataFrame | None:
    """What a simulation knows of its clips, a column a `latent_` variable; None where nobody simulated them."""
    file = folder / "latents.csv"
    if not clips.simulated or not file.is_file():
        return None
    table = pd.read_csv(file, dtype={"clip": str})
    if "clip" not in table.columns or not set(clips.ids) <= set(table["clip"]):
        raise DataError(
            "does not have the latent variables of every clip",
            remedy="simulate the clips again, or remove the file",
            file=file,
        )
    known = table.drop_duplicates("clip").set_index("clip").loc[list(clips.ids)]
    known = known.filter(like=LATENT)
    return known if known.shape[1] else None
