"""What a command judges models by: the judgments and clips it names, or those of the run among its models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from bgs.config import DataSettings
from bgs.errors import DataError
from bgs.run.sources import check_names, run_config
from bgs.run.study import Study, Third, load_study


class Where(TypedDict, total=False):
    """Keywords that every analysis of judged clips takes, handed on as they are."""

    data: str | None  # a card of judgments, or a file; None: what the first run was trained on
    videos: str | None  # a card of clips, or a folder; None: what the judgments name
    third: Third
    decoder: str
    triplets_dir: Path
    videos_dir: Path


def open_study(
    models: Sequence[str], *, seed: int, **where: Unpack[Where]
) -> tuple[DataSettings, Study]:
    """The judgments and clips, divided as they were for the first run among the models."""
    check_names(models)
    settings = data_settings(models, **where)
    return settings, load_study(settings, seed=validation_seed(models, seed=seed))


def data_settings(models: Sequence[str], **where: Unpack[Where]) -> DataSettings:
    """What to judge by: the data named, or what the first run among the models was trained on."""
    given: dict[str, Any] = {"third": "within", "decoder": "auto", **where}
    data = given.pop("data", None)
    trained = next((config for name in models if (config := run_config(name))), None)
    if data is not None:
        named = DataSettings(triplets=data, **given)
        if trained is not None and data == trained.data.triplets and not _is_here(named):
            # A demo keeps its data in its own folder: what the run was trained on is not looked for elsewhere.
            homes = {name: getattr(trained.data, name) for name in ("triplets_dir", "videos_dir")}
            return named.model_copy(update=homes)
        return named
    if trained is None:
        raise DataError("no judgments were named", remedy="add --data NAME (see `bgs data list`)")
    return trained.data.model_copy(update={"third": given["third"], "decoder": given["decoder"]})


def _is_here(settings: DataSettings) -> bool:
    """Whether the judgments of that name stand in the home that was named."""
    home = Path(settings.triplets_dir)
    return Path(settings.triplets).suffix != "" or (home / settings.triplets).is_dir()


def validation_seed(models: Sequence[str], *, seed: int) -> int:
    """The seed that drew the first run's validation clips, so that it was not trained on them; else `seed`."""
    return next((config.seed for name in models if (config := run_config(name))), seed)


def as_validated(model: str, study: Study, settings: DataSettings, *, seed: int) -> Study:
    """The study, with the validation clips that this run was tuned on where its own seed drew others."""
    config = run_config(model)
    return (
        study if config is None or config.seed == seed else load_study(settings, seed=config.seed)
    )
