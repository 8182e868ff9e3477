"""Score any number of models on the same held-out clips and judgments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from bgs.config import DataSettings, EvaluationSettings, load_config
from bgs.errors import DataError
from bgs.run.embed import embed_with
from bgs.run.folder import CONFIG, write_results
from bgs.run.results import Candidate, describe_data, score_candidates
from bgs.run.study import load_study


def score(
    models: Sequence[str],
    *,
    data: str | None = None,
    videos: str | None = None,
    third: Literal["within", "any"] = "within",
    num_bootstrap: int = 1000,
    decoder: Literal["auto", "pyav", "decord", "torchcodec"] = "auto",
    triplets_dir: Path = Path("triplets"),
    videos_dir: Path = Path("videos"),
    seed: int = 0,
    out: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """The results block of every model, with the ceiling and the data they were scored on.

    Without `data`, the judgments of the first run folder among the models are used.
    """
    settings = _data_settings(
        models,
        data=data,
        videos=videos,
        third=third,
        decoder=decoder,
        triplets_dir=triplets_dir,
        videos_dir=videos_dir,
    )
    study = load_study(settings, seed=seed)
    evaluation = EvaluationSettings(num_bootstrap=num_bootstrap)
    candidates = [
        Candidate(
            name,
            "model",
            embed_with(name, study.clips, settings, progress=progress).rdm(study.split.test),
        )
        for name in models
    ]
    blocks = score_candidates(study, candidates, settings=evaluation, seed=seed)
    results = {
        "data": study.name,
        "simulated": study.simulated,
        "models": blocks,
        "data_counts": describe_data(study),
        "seed": seed,
    }
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_results(out, results)
    return results


def _data_settings(models: Sequence[str], *, data: str | None, **changes: Any) -> DataSettings:
    if data is not None:
        return DataSettings(triplets=data, **changes)
    runs = [Path(name) for name in models if (Path(name) / CONFIG).is_file()]
    if not runs:
        raise DataError("no judgments were named", remedy="add --data NAME (see `bgs data list`)")
    trained = load_config(runs[0] / CONFIG).data
    return trained.model_copy(update={"third": changes["third"], "decoder": changes["decoder"]})
