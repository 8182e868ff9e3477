"""A study: the judgments, the clips they are about, and who may be seen when.

Everything downstream asks the study for its judgments by split, so the rule "no judgment that shows a
held-out clip is ever trained on" is kept in one place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from bgs.config import DataSettings
from bgs.data.card_files import load_triplets_card
from bgs.data.clips import Clips, load_clips
from bgs.data.splits import Split, carve_validation, find_split
from bgs.data.triplets import Triplets, load_triplets
from bgs.errors import DataError
from bgs.rdm import RDM

Third = Literal["within", "any"]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """Clean judgments and clips with a train / validation / test split of the clips."""

    name: str
    triplets: Triplets
    clips: Clips
    split: Split
    third: Third = "within"

    @property
    def simulated(self) -> bool:
        """Whether any part of the data was made by a program."""
        return self.triplets.simulated or self.clips.simulated

    @cached_property
    def train_judgments(self) -> Triplets:
        """What may be learnt from: judgments whose three clips are all training clips."""
        return self._require(self.triplets.restrict(self.split.train), "train")

    @cached_property
    def validation_geometry(self) -> RDM:
        """Dissimilarities between the clips that choose the epoch.

        The third clip of a judgment may be a training clip, since judgments within a few validation clips
        are too few. A judgment that shows a test clip is never used.
        """
        return self.triplets.without(self.split.test).rdm(
            self.split.validation, third="any", training=self.train_judgments
        )

    @cached_property
    def test_judgments(self) -> Triplets:
        """Judgments whose three clips are all held out."""
        return self._require(self.triplets.restrict(self.split.test), "test")

    @cached_property
    def test_geometry(self) -> RDM:
        """Human dissimilarities between held-out clips by the study's protocol."""
        return self.triplets.rdm(self.split.test, third=self.third, training=self.train_judgments)

    def _require(self, judgments: Triplets, part: str) -> Triplets:
        if len(judgments) == 0:
            raise DataError(
                f"no judgment of {self.name!r} lies inside its {part} clips",
                remedy="judge triads within each part of the split, or change the split",
            )
        return judgments


def load_study(settings: DataSettings, *, seed: int) -> Study:
    """The study that the data settings describe; `seed` draws the validation clips."""
    triplets = load_triplets(
        settings.triplets, triplets_dir=settings.triplets_dir, videos_dir=settings.videos_dir
    )
    clips = load_clips(
        settings.videos or _judged_clips(settings), videos_dir=settings.videos_dir, need_files=False
    )
    known = set(clips.ids)
    unknown = [clip for clip in triplets.ids if clip not in known]
    if unknown:
        raise DataError(
            f"judgments {triplets.name!r} show clip {unknown[0]!r}, which clip set {clips.name!r} lacks "
            f"({len(unknown)} such clips)",
            remedy="name the clip set that was judged: `clips` in the card, or data.videos",
        )
    logger.info("data %s: %d clips, %d judgments", triplets.name, len(clips.ids), len(triplets))
    return Study(
        name=triplets.name,
        triplets=triplets,
        clips=clips,
        split=_split(settings, clips, seed=seed),
        third=settings.third,
    )


def _judged_clips(settings: DataSettings) -> str:
    if Path(settings.triplets).suffix:
        raise DataError(
            f"judgments from the file {settings.triplets!r} do not say which clips they are about",
            remedy="name the clips with --videos (data.videos in a config), or write a card",
        )
    card = load_triplets_card(settings.triplets, triplets_dir=settings.triplets_dir)
    return card.clips or card.name


def _split(settings: DataSettings, clips: Clips, *, seed: int) -> Split:
    if Path(settings.triplets).suffix:
        split = clips.split
    else:
        split = find_split(
            settings.triplets, triplets_dir=settings.triplets_dir, videos_dir=settings.videos_dir
        )
    if split is None:
        raise DataError(
            f"clip set {clips.name!r} does not say which clips are held out",
            remedy="give its card a split column or split files with train and test clips",
        )
    if split.validation:
        return split
    return carve_validation(split, fraction=settings.validation_fraction, seed=seed)
