"""Can ratings of clips be read off a model's embeddings by a line, and better after tuning than before?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.config import DataSettings
from bgs.data.clips import Clips, load_clips
from bgs.errors import DataError
from bgs.evaluation.axes import attribute_axes
from bgs.evaluation.probes import ProbeScore, compare_probes, probe_attributes
from bgs.run.results import used_versions
from bgs.run.sources import Source, before_and_after, check_names, run_config

Part = Literal["all", "train", "test"]


def probe(
    models: Sequence[str],
    *,
    videos: str | None = None,
    attributes: Sequence[str] = (),
    part: Part = "all",
    axes: bool = False,
    num_bootstrap: int = 1000,
    num_permutations: int = 200,
    decoder: str = "auto",
    videos_dir: Path = Path("videos"),
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Ridge probes of the clip set's ratings (default: all of them), clips held out in turn.

    A run folder is probed as its backbone was and as it is now, and the two are compared clip by clip.
    `part` says which clips; `axes` adds, for every attribute, the clips at the ends of its direction.
    Without `videos`, the clips of the first run folder among the models are used.
    """
    check_names(models)
    settings = clip_settings(models, videos=videos, decoder=decoder, videos_dir=videos_dir)
    clips = load_clips(settings.videos or "", videos_dir=settings.videos_dir, need_files=False)
    ratings, left_out = _ratings(clips.restrict(_part_of(clips, part)), attributes)
    read = partial(
        _read_off,
        ratings=ratings,
        axes=axes,
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        seed=seed,
    )
    blocks, comparisons = [], []
    for name in models:
        before, after = before_and_after(name, clips, settings, progress=progress)
        tuned, its_blocks = read(after)
        if before is not None:
            untuned, earlier = read(before)
            blocks += earlier
            comparisons += [
                _compare(before, after, untuned[column], tuned[column], num_bootstrap, seed)
                for column in ratings
            ]
        blocks += its_blocks
    return {
        "clips": clips.name,
        "simulated": clips.simulated,
        "part": part,
        "n_clips": len(ratings),
        "left_out": left_out,
        "probes": blocks,
        "comparisons": comparisons,
        "protocol": {
            "probe": "ridge, penalty by leave-one-out inside 5 outer folds of clips",
            "interval": "bootstrap over clips of the held-out predictions",
            "num_bootstrap": num_bootstrap,
            "num_permutations": num_permutations,
        },
        "versions": used_versions(),
        "seed": seed,
    }


def _read_off(
    source: Source,
    *,
    ratings: Any,
    axes: bool,
    num_bootstrap: int,
    num_permutations: int,
    seed: int,
) -> tuple[dict[str, ProbeScore], list[dict[str, Any]]]:
    """The score of every rating by name, and its block; with `axes` also the clips at both ends of each."""
    ids = tuple(ratings.index)
    columns: dict[str, NDArray[np.float64]] = {name: ratings[name].to_numpy() for name in ratings}
    scores = probe_attributes(
        source.rows(ids),
        columns,
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        seed=seed,
    )
    blocks = [_block(source, score) for score in scores.values()]
    if axes:
        found = attribute_axes(ids, source.rows(ids), columns, seed=seed)
        for block in blocks:
            axis = found[block["attribute"]]
            block |= {"lowest": list(axis.lowest), "highest": list(axis.highest)}
    return scores, blocks


def clip_settings(
    models: Sequence[str], *, videos: str | None, decoder: str, videos_dir: Path
) -> DataSettings:
    """Where the clips are: those named, or those of the first run among the models."""
    if videos is not None:
        return DataSettings.model_validate(
            {"triplets": videos, "videos": videos, "videos_dir": videos_dir, "decoder": decoder}
        )
    config = next((found for name in models if (found := run_config(name))), None)
    if config is None:
        raise DataError("no clips were named", remedy="add --videos NAME (see `bgs data list`)")
    named = config.data.videos or config.data.triplets
    return config.data.model_copy(update={"videos": named, "decoder": decoder})


def _part_of(clips: Clips, part: Part) -> tuple[str, ...]:
    if part == "all":
        return clips.ids
    if clips.split is None:
        raise DataError(
            f"clip set {clips.name!r} does not say which clips are held out",
            remedy="probe all clips",
        )
    if part == "test":
        return clips.split.test
    return (*clips.split.train, *clips.split.validation)


def _ratings(clips: Clips, attributes: Sequence[str]) -> tuple[Any, dict[str, str]]:
    """The ratings to probe, of clips that have all of them; and what was left out, with the reason."""
    table = clips.ratings
    known = [] if table is None else [str(column) for column in table.columns]
    unknown = [name for name in attributes if name not in known]
    if table is None or unknown or not known:
        raise DataError(
            f"clip set {clips.name!r} has no rating {unknown[0]!r}"
            if unknown
            else f"clip set {clips.name!r} has no ratings",
            remedy=f"choose among: {', '.join(known)}" if known else "name ratings in its card",
        )
    chosen = table[list(attributes) or known].astype(float)
    rated = chosen[chosen.notna().all(axis=1)]
    left_out = {}
    if len(rated) < len(chosen):
        left_out[f"{len(chosen) - len(rated)} clips"] = "a rating is missing"
    constant = [str(name) for name in rated if len(rated) and np.ptp(rated[name].to_numpy()) == 0]
    left_out |= dict.fromkeys(constant, "the same for every clip")
    return rated.drop(columns=constant), left_out


def _block(source: Source, score: ProbeScore) -> dict[str, Any]:
    return {
        "model": source.model,
        "attribute": score.attribute,
        "r2": score.r2,
        "ci95": score.r2_ci95,
        "pearson": score.pearson,
        "pearson_ci95": score.pearson_ci95,
        "p": score.p,
        "n_clips": score.num_clips,
        "source": dict(source.keys),
    }


def _compare(
    before: Source,
    after: Source,
    untuned: ProbeScore,
    tuned: ProbeScore,
    num_bootstrap: int,
    seed: int,
) -> dict[str, Any]:
    change = compare_probes(untuned, tuned, num_bootstrap=num_bootstrap, seed=seed)
    return {
        "attribute": tuned.attribute,
        "from": before.model,
        "to": after.model,
        "before_r2": change.before_r2,
        "after_r2": change.after_r2,
        "r2": change.r2,
        "ci95": change.ci95,
    }
