"""Score any number of models on the same held-out clips and judgments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from bgs.config import EvaluationSettings
from bgs.evaluation.geometry import Metric
from bgs.evaluation.resampled import Resampled
from bgs.run.agreement import IntervalOver, agreement, by_agreement, likelihood, people_on_people
from bgs.run.folder import prepare_folder, write_results
from bgs.run.judging import Where, as_validated, open_study, validation_seed
from bgs.run.leaderboard import comparison_records, leaderboard_records, rank_candidates
from bgs.run.recipes import recipe_records
from bgs.run.results import (
    Candidate,
    Role,
    describe_data,
    resample_candidates,
    score_candidates,
)
from bgs.run.scores_export import export_scores
from bgs.run.sources import CaptionPooling, Source, open_sources
from bgs.run.study import Study


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How much is said about each model, and how surely."""

    also: bool
    interval_over: IntervalOver
    num_bootstrap: int
    num_permutations: int
    seed: int


def score(
    models: Sequence[str],
    *,
    metric: Metric = "cosine",
    captions: CaptionPooling = "mean",
    interval_over: IntervalOver = "clips",
    also: bool = False,
    num_bootstrap: int = 1000,
    num_permutations: int = 1000,
    seed: int = 0,
    out: Path | None = None,
    export: Path | None = None,
    progress: bool = True,
    **where: Unpack[Where],
) -> dict[str, Any]:
    """The results block of every model, their order and differences, the ceiling and the data.

    Without `data`, the judgments of the first run folder among the models are used. `also` adds other
    correlations and accuracy by how far people agree; `interval_over` is for the intervals of correlations (those
    of odd-one-out and of differences are always over clips); `num_bootstrap=0` leaves out intervals, p and order.
    """
    for folder in (out, export):
        if folder is not None:
            prepare_folder(folder)
    detail = Detail(
        also=also,
        interval_over=interval_over,
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        seed=seed,
    )
    settings, study = open_study(models, seed=seed, **where)
    sources = open_sources(
        models, study.clips, settings, metric=metric, captions=captions, progress=progress
    )
    candidates = [candidate_of(source, study) for source in sources]
    drawn = validation_seed(models, seed=seed)
    studies = [as_validated(name, study, settings, seed=drawn) for name in models]
    results = _score_sources(sources, candidates, study, detail, validated=studies)
    if recipes := recipe_records(models, results["models"]):
        results["recipes"] = recipes
    if out is not None:
        write_results(out, results)
    if export is not None:
        export_scores(export, results, study, candidates)
    return results


def candidate_of(source: Source, study: Study) -> Candidate:
    """A source on the study's held-out clips."""
    role: Role = "baseline" if source.is_baseline else "model"
    return Candidate(source.model, role, source.rdm(study.split.test))


def _score_sources(
    sources: Sequence[Source],
    candidates: Sequence[Candidate],
    study: Study,
    detail: Detail,
    *,
    validated: Sequence[Study],
) -> dict[str, Any]:
    """`validated` is the study of each source, for what is fitted on validation clips."""
    evaluation = EvaluationSettings(num_bootstrap=detail.num_bootstrap)
    drawn = resample_candidates(study, candidates, settings=evaluation, seed=detail.seed)
    blocks = score_candidates(
        study, candidates, settings=evaluation, seed=detail.seed, resampled=drawn
    )
    for block, source, candidate, own in zip(blocks, sources, candidates, validated, strict=True):
        _add_detail(block, source, candidate, own, detail)
    results = {
        "data": study.name,
        "simulated": study.simulated,
        "models": blocks,
        **_order(study, candidates, blocks, detail, drawn),
        "data_counts": describe_data(study),
        "seed": detail.seed,
    }
    if detail.also:
        results["odd_one_out_ceiling"] = people_on_people(
            study, num_bootstrap=detail.num_bootstrap, seed=detail.seed
        )
    return results


def _add_detail(
    block: dict[str, Any], source: Source, candidate: Candidate, study: Study, detail: Detail
) -> None:
    """Complete a block in place: where it comes from and its likelihood always, the rest where asked for."""
    block["source"] = dict(source.keys)
    block["protocol"]["distance"] = source.metric
    block["odd_one_out"]["log_likelihood"] = likelihood(
        source, study, num_bootstrap=detail.num_bootstrap, seed=detail.seed
    )
    block["rsa"] |= agreement(
        candidate.rdm,
        study,
        over=detail.interval_over,
        also=detail.also,
        num_bootstrap=detail.num_bootstrap,
        seed=detail.seed,
    )
    if detail.interval_over != "clips" and detail.num_bootstrap:
        over = detail.interval_over
        block["protocol"]["interval"] = f"R2: bootstrap over {over}; odd-one-out: over clips"
    if detail.also:
        block["odd_one_out"]["by_agreement"] = by_agreement(candidate.rdm, study)


def _order(
    study: Study,
    candidates: Sequence[Candidate],
    blocks: list[dict[str, Any]],
    detail: Detail,
    drawn: Resampled | None,
) -> dict[str, Any]:
    """Leaderboard and comparisons; p against chance goes into the blocks."""
    if drawn is None:
        return {}
    board = rank_candidates(
        study,
        candidates,
        num_bootstrap=detail.num_bootstrap,
        num_permutations=detail.num_permutations,
        seed=detail.seed,
        resampled=drawn,
    )
    chance = {row.model: row.p for row in board.rows}
    for block in blocks:
        block["rsa"]["p"] = chance[block["model"]]
        block["protocol"]["num_permutations"] = detail.num_permutations
    if len(blocks) == 1:
        return {}
    return {
        "leaderboard": leaderboard_records(board, blocks),
        "comparisons": comparison_records(board),
    }
