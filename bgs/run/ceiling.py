"""How well any model could do on a data set's judgments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from bgs.config import DataSettings
from bgs.evaluation.ceilings import split_half_ceiling
from bgs.run.study import Third, load_study


def measure_ceiling(
    name: str,
    *,
    third: Third = "within",
    split: Literal["test", "train", "all"] = "test",
    num_splits: int = 1000,
    seed: int = 0,
    triplets_dir: Path = Path("triplets"),
    videos_dir: Path = Path("videos"),
) -> dict[str, Any]:
    """The split-half ceiling of one part of the data, by name and with its numbers of splits and pairs."""
    settings = DataSettings(
        triplets=name, third=third, triplets_dir=triplets_dir, videos_dir=videos_dir
    )
    study = load_study(settings, seed=seed)
    clips = {
        "test": study.split.test,
        "train": (*study.split.train, *study.split.validation),
        "all": study.clips.ids,
    }[split]
    judgments = study.triplets.restrict(clips) if third == "within" else study.triplets
    ceiling = split_half_ceiling(judgments, clips, third=third, num_splits=num_splits, seed=seed)
    return {
        "data": study.name,
        "simulated": study.simulated,
        "split": split,
        "protocol": third,
        "seed": seed,
        **ceiling.to_dict(),
    }
