"""What a reproduction has to work with, and how a recipe says what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bgs.backbones.catalogue import CATALOGUE, SHIPPED
from bgs.data.clips import Clips, load_clips

NEEDS_CLIPS = "needs the licensed clips (--clips DIR)"


@dataclass(frozen=True)
class Given:
    """Data, weights and size of one reproduction.

    `captions` are caption models by their name in the tables, as in `caption:NAME_OR_FOLDER`; the first is the
    one that others are compared with. `quick` is a rehearsal: everything runs on little, and no number means anything.
    """

    data: str
    triplets_dir: Path
    videos_dir: Path
    out: Path
    captions: Mapping[str, str] = field(default_factory=lambda: {"tfidf": "tfidf"})
    backbones: tuple[str, ...] = ()
    weights: Path | None = None
    phase: Path | None = None
    actions: Path | None = None  # a labelled folder of clips, UCF101 as published
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    seed: int = 0
    quick: bool = False

    @cached_property
    def clips(self) -> Clips:
        """The clips that were judged; their files may not be here."""
        return load_clips(self.data, videos_dir=self.videos_dir, need_files=False)

    @property
    def has_clips(self) -> bool:
        """Whether every clip can be decoded."""
        return all(path.is_file() for path in self.clips.paths)

    @property
    def simulated(self) -> bool:
        """Whether the clips were made by a program."""
        return self.clips.simulated

    @property
    def caption(self) -> tuple[str, str]:
        """Name and model of the caption model that others are compared with."""
        name, place = next(iter(self.captions.items()))
        return name, f"caption:{place}"

    @property
    def caption_models(self) -> list[str]:
        """Every caption model as a command takes it, named for the tables."""
        return [f"{name}=caption:{place}" for name, place in self.captions.items()]

    @property
    def num_bootstrap(self) -> int:
        """Resamples behind every interval."""
        return 100 if self.quick else 1000

    @property
    def homes(self) -> dict[str, Path]:
        """Where judgments and clips are, as keyword arguments."""
        return {"triplets_dir": self.triplets_dir, "videos_dir": self.videos_dir}

    def at_hand(self) -> dict[str, str]:
        """The backbones whose weights are here: name in the tables -> what `load_backbone` is given."""
        found = {name: find_weights(name, self.weights) for name in self.backbones}
        return {name: place for name, place in found.items() if place is not None}

    def missing_for_video(self) -> str | None:
        """Why no video backbone can be tuned here, None where one can."""
        if not self.has_clips:
            return NEEDS_CLIPS
        if not self.at_hand():
            return f"needs weights of one of {', '.join(self.backbones)} (--weights DIR)"
        return None


def find_weights(name: str, folder: Path | None) -> str | None:
    """A backbone's weights: shipped, or in the folder under the file or repository name they have."""
    row = CATALOGUE.get(name)
    if row is None:
        return name if Path(name).exists() else None
    if row.weights == SHIPPED:
        return name
    if folder is None:
        return None
    return next((str(place) for place in _places(row.weights, folder) if place.exists()), None)


def _places(weights: str, folder: Path) -> Sequence[Path]:
    """`org/model`, `model` or the plain file, below the folder."""
    return folder / weights, folder / weights.rsplit("/", 1)[-1]
