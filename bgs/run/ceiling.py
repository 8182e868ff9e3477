"""How well any model could do on a data set's judgments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bgs.config import DataSettings
from bgs.data.choice_model import fit_choice_model, folds
from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation.ceilings import split_half_ceiling
from bgs.evaluation.triplet_ceilings import triplet_ceiling
from bgs.run.study import Third, load_study

NUM_FOLDS = (
    5  # of the judgments, so that the choice model is asked only about what it was not fitted to
)


def measure_ceiling(
    name: str,
    *,
    third: Third = "within",
    split: Literal["test", "train", "all"] = "test",
    num_splits: int = 1000,
    choice_model: bool = False,
    seed: int = 0,
    triplets_dir: Path = Path("triplets"),
    videos_dir: Path = Path("videos"),
) -> dict[str, Any]:
    """How well any model could do on one part of the data, each bound by name.

    `paper` and `max_model` bound R2, from split halves; `triplets` bounds accuracy, from triads that
    several people judged. `choice_model` adds what a model of the choices says, fitted to other judgments.
    """
    settings = DataSettings(
        triplets=name, third=third, triplets_dir=triplets_dir, videos_dir=videos_dir
    )
    study = load_study(settings, seed=seed)
    clips = {
        "test": study.split.test,
        "train": (*study.split.train, *study.split.validation),
        "all": study.clips.ids,
    }[split]
    inside = study.triplets.restrict(clips)
    judgments = inside if third == "within" else study.triplets
    ceiling = split_half_ceiling(judgments, clips, third=third, num_splits=num_splits, seed=seed)
    bounds: dict[str, Any] = {
        "data": study.name,
        "simulated": study.simulated,
        "split": split,
        "protocol": third,
        "n_clips": len(clips),
        "n_pairs": len(clips) * (len(clips) - 1) // 2,
        "n_judgments": len(inside),
        "seed": seed,
        **ceiling.to_dict(),
        "triplets": _agreement(inside, seed=seed),
    }
    if choice_model:
        bounds["choice_model"] = _predict_choices(study.triplets, clips, seed=seed)
    return bounds


def _agreement(judgments: Triplets, *, seed: int) -> dict[str, Any]:
    """Agreement of people with people, or why it cannot be known: few triads may have been judged twice."""
    try:
        return triplet_ceiling(judgments, seed=seed).to_dict()
    except DataError as error:
        return {"unknown": error.what}


def _predict_choices(triplets: Triplets, clips: Sequence[str], *, seed: int) -> dict[str, Any]:
    """A choice model fitted to four fifths of all judgments, on those of the last fifth among these clips.

    `best_guess` is the accuracy it expects of the best possible guess, `accuracy` the share of its own guesses
    that were right: where the two agree, the model of the choices can be believed.
    """
    among = np.isin(triplets.ids, list(clips))  # (catalogue,)
    expected, right = [], []
    for fitted_on, left_out in folds(triplets, num_folds=NUM_FOLDS, seed=seed):
        asked = left_out.select(np.all(among[left_out.clips], axis=1).astype(bool))
        if not len(asked):
            continue
        chances = fit_choice_model(fitted_on, num_refits=0, seed=seed).probabilities(asked)
        expected.append(chances.max(axis=1))
        right.append(chances.argmax(axis=1) == asked.odd)
    return {
        "best_guess": float(np.concatenate(expected).mean()),
        "accuracy": float(np.concatenate(right).mean()),
        "num_judgments": sum(map(len, right)),
    }
