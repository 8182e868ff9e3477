"""Models that were trained on none of the clips: what robustness is asked about."""

from __future__ import annotations

from bgs.config import DataSettings
from bgs.run.sources import Source, open_sources
from bgs.run.study import Study, load_study
from experiments.paper.given import Given


def open_fixed(given: Given, *, third: str) -> tuple[Study, list[Source]]:
    """The study, and captions, ratings and untuned backbones as far as they are here."""
    settings = DataSettings.model_validate({"triplets": given.data, "third": third, **given.homes})
    study = load_study(settings, seed=given.seed)
    models = given.caption_models if study.clips.captions else []
    if study.clips.ratings is not None:
        models.append("ratings=ratings:all")
    if given.has_clips:
        models += [
            f"{name}={place}" if name != place else name for name, place in given.at_hand().items()
        ]
    return study, open_sources(models, study.clips, settings, progress=False)


def missing(given: Given) -> str | None:
    if given.clips.captions or given.clips.ratings is not None:
        return None
    return given.missing_for_video()
