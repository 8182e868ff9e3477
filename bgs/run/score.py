"""Score any number of models on the same held-out clips and judgments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bgs.config import DataSettings, EvaluationSettings
from bgs.errors import DataError
from bgs.evaluation.geometry import Metric
from bgs.run.agreement import (
    IntervalOver,
    by_agreement,
    likelihood,
    other_correlations,
    other_interval,
    people_on_people,
)
from bgs.run.folder import prepare_folder, write_results
from bgs.run.leaderboard import comparison_records, leaderboard_records, rank_candidates
from bgs.run.results import Candidate, Role, describe_data, score_candidates
from bgs.run.scores_export import export_scores
from bgs.run.sources import CaptionPooling, Source, open_sources, run_config
from bgs.run.study import Study, Third, load_study


def score(
    models: Sequence[str],
    *,
    data: str | None = None,
    videos: str | None = None,
    third: Third = "within",
    metric: Metric = "cosine",
    captions: CaptionPooling = "mean",
    interval_over: IntervalOver = "clips",
    also: bool = False,
    num_bootstrap: int = 1000,
    num_permutations: int = 1000,
    decoder: str = "auto",
    triplets_dir: Path = Path("triplets"),
    videos_dir: Path = Path("videos"),
    seed: int = 0,
    out: Path | None = None,
    export: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """The results block of every model, their order and differences, the ceiling and the data.

    Without `data`, the judgments of the first run folder among the models are used. `also` adds other
    correlations and accuracy by how far people agree; `interval_over` is for the intervals of R2 (those of
    odd-one-out and of differences are always over clips); `num_bootstrap=0` leaves out intervals, p and order.
    """
    for folder in (out, export):
        if folder is not None:
            prepare_folder(folder)
    settings = data_settings(
        models,
        data=data,
        videos=videos,
        third=third,
        decoder=decoder,
        triplets_dir=triplets_dir,
        videos_dir=videos_dir,
    )
    study = load_study(settings, seed=validation_seed(models, seed=seed))
    sources = open_sources(
        models, study.clips, settings, metric=metric, captions=captions, progress=progress
    )
    candidates = [candidate_of(source, study) for source in sources]
    evaluation = EvaluationSettings(num_bootstrap=num_bootstrap)
    blocks = score_candidates(study, candidates, settings=evaluation, seed=seed)
    for block, source, candidate in zip(blocks, sources, candidates, strict=True):
        block["source"] = dict(source.keys)
        block["protocol"]["distance"] = source.metric
        _add_detail(
            block, source, candidate, study, also=also, over=interval_over, num_bootstrap=num_bootstrap, seed=seed
        )  # fmt: skip
    results = {
        "data": study.name,
        "simulated": study.simulated,
        "models": blocks,
        **_order(study, candidates, blocks, num_bootstrap, num_permutations, seed),
        "data_counts": describe_data(study),
        "seed": seed,
    }
    if also:
        results["odd_one_out_ceiling"] = people_on_people(
            study, num_bootstrap=num_bootstrap, seed=seed
        )
    if out is not None:
        write_results(out, results)
    if export is not None:
        export_scores(export, results, study, candidates)
    return results


def data_settings(models: Sequence[str], *, data: str | None, **changes: Any) -> DataSettings:
    """What to judge by: the data named, or what the first run among the models was trained on."""
    if data is not None:
        return DataSettings(triplets=data, **changes)
    trained = next((config for name in models if (config := run_config(name))), None)
    if trained is None:
        raise DataError("no judgments were named", remedy="add --data NAME (see `bgs data list`)")
    return trained.data.model_copy(
        update={"third": changes["third"], "decoder": changes["decoder"]}
    )


def validation_seed(models: Sequence[str], *, seed: int) -> int:
    """The seed that drew the first run's validation clips, so that it was not trained on them; else `seed`."""
    return next((config.seed for name in models if (config := run_config(name))), seed)


def candidate_of(source: Source, study: Study) -> Candidate:
    """A source on the study's held-out clips."""
    role: Role = "baseline" if source.is_baseline else "model"
    return Candidate(source.model, role, source.rdm(study.split.test))


def _add_detail(
    block: dict[str, Any],
    source: Source,
    candidate: Candidate,
    study: Study,
    *,
    also: bool,
    over: IntervalOver,
    num_bootstrap: int,
    seed: int,
) -> None:
    """Complete a block in place: likelihood always, the rest where it is asked for."""
    block["odd_one_out"]["log_likelihood"] = likelihood(
        source, study, num_bootstrap=num_bootstrap, seed=seed
    )
    if over != "clips" and num_bootstrap:
        block["rsa"] |= other_interval(
            candidate.rdm, study, over=over, num_bootstrap=num_bootstrap, seed=seed
        )
        block["protocol"]["interval"] = f"R2: bootstrap over {over}; odd-one-out: over clips"
    if also:
        block["rsa"]["also"] = other_correlations(candidate.rdm, study.test_geometry)
        block["odd_one_out"]["by_agreement"] = by_agreement(candidate.rdm, study)


def _order(
    study: Study,
    candidates: Sequence[Candidate],
    blocks: list[dict[str, Any]],
    num_bootstrap: int,
    num_permutations: int,
    seed: int,
) -> dict[str, Any]:
    """Leaderboard and comparisons; p against chance goes into the blocks."""
    if not num_bootstrap:
        return {}
    board = rank_candidates(
        study, candidates, num_bootstrap=num_bootstrap, num_permutations=num_permutations, seed=seed
    )
    chance = {row.model: row.p for row in board.rows}
    for block in blocks:
        block["rsa"]["p"] = chance[block["model"]]
        block["protocol"]["num_permutations"] = num_permutations
    if len(blocks) == 1:
        return {}
    return {
        "leaderboard": leaderboard_records(board, blocks),
        "comparisons": comparison_records(board),
    }
