"""Fine-tune a backbone on a study and say what it changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.backbones.model import embed
from bgs.backbones.saving import save_model
from bgs.config import FitConfig
from bgs.reports.model_card import write_model_card
from bgs.run.building import (
    build_model,
    check_trainable,
    count_parameters,
    open_inputs,
)
from bgs.run.configs import resolve_config
from bgs.run.controls import check_controls, frozen_features, run_control, tells_something
from bgs.run.embed import Embeddings, embed_with
from bgs.run.folder import check_place, start_run, write_geometry, write_results, write_thumbnails
from bgs.run.learning import learn
from bgs.run.report import report, thumbnails_of
from bgs.run.results import (
    Candidate,
    check_scorable,
    compare,
    describe_data,
    score_candidates,
    source_commit,
)
from bgs.run.study import Study, load_study
from bgs.training.processes import Processes

if TYPE_CHECKING:
    from bgs.run.building import Bank
    from bgs.training import TrainingResult

logger = logging.getLogger(__name__)


def fit(
    config: FitConfig | str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    allow_changes: bool = False,
    progress: bool = True,
    extra: Sequence[Candidate] = (),
    rehearsal: bool = False,
) -> dict[str, Any]:
    """Train as the config says, score before and after on held-out clips, fill the run folder.

    `resume` continues from the newest checkpoint and refuses a changed config unless `allow_changes`.
    `extra` are further candidates for the same table (the demo's latent variables, say).
    `rehearsal` marks a run whose numbers mean nothing, wherever they are shown.
    Returns what is written to results.json.
    """
    settings = config if isinstance(config, FitConfig) else resolve_config(config)
    processes = Processes()  # under `accelerate launch` all of them work, and the main one writes
    progress = progress and processes.is_main
    if processes.is_main:
        check_place(settings.output_dir, resume=resume, overwrite=overwrite)
    study = load_study(settings.data, seed=settings.seed)
    check_scorable(study, settings.evaluation)
    check_controls(settings, study)
    captions = _captions(
        settings, study
    )  # first: a caption model that cannot load costs no training
    backbone, bank = open_inputs(settings, study.clips, progress=progress)
    model = build_model(settings, bank, backbone=backbone)
    check_trainable(model)
    logger.info("model %s: %s", settings.backbone.name_or_path, count_parameters(model))
    if processes.is_main:
        start_run(settings, resume=resume)
    untuned = frozen_features(model, bank, progress=progress)
    training = learn(
        model,
        bank,
        study,
        config=settings,
        output_dir=settings.output_dir,
        resume=resume,
        allow_changes=allow_changes,
        progress=progress,
    )
    logger.info("trained %d epochs, kept epoch %d", len(training.history) - 1, training.best_epoch)
    if processes.is_main:
        save_model(model, settings.output_dir)
    tuned = embed(model, bank, progress=progress)
    candidates = [
        *_before_and_after(study, bank.ids, untuned, tuned, name=settings.backbone.name_or_path),
        *_controls(settings, study, bank, progress=progress),
        *captions,
        *extra,
    ]
    results = {
        **summarise(settings, study, candidates, training),
        "parameters": count_parameters(model),
        "commit": source_commit(),
        **({"rehearsal": True} if rehearsal else {}),
    }
    if processes.is_main:
        _write_run(settings.output_dir, study, bank, candidates, results)
        write_model_card(settings.output_dir, results, config=settings)
        logger.info("results, report and model card are in %s", settings.output_dir)
    return results


def _write_run(
    folder: Path, study: Study, bank: Bank, candidates: Sequence[Candidate], results: dict[str, Any]
) -> None:
    """Results, what the report is drawn from, and the report."""
    write_results(folder, results)
    write_geometry(
        folder,
        human=study.test_geometry,
        before=candidates[0].rdm,
        after=candidates[1].rdm,
        judgments=study.test_judgments,
    )
    write_thumbnails(folder, thumbnails_of(bank, study.split.test), captions=study.clips.captions)
    report([folder])


def summarise(
    settings: FitConfig, study: Study, candidates: Sequence[Candidate], training: TrainingResult
) -> dict[str, Any]:
    """results.json: the tuned model's block, the same for before and after, and the whole table."""
    blocks = score_candidates(study, candidates, settings=settings.evaluation, seed=settings.seed)
    before, after = blocks[0], blocks[1]
    comparisons = [
        compare(study, other, candidates[1], settings=settings.evaluation, seed=settings.seed)
        for other in candidates
        if other.role in ("before", "control", "baseline")
    ]
    return {
        **after,
        "simulated": study.simulated,
        "before": before,
        "after": after,
        "difference": comparisons[0],
        "comparisons": comparisons,
        "models": blocks,
        "data_counts": describe_data(study),
        "training": {
            "best_epoch": training.best_epoch,
            "validation_spearman": training.best_score,
            "epochs": len(training.history) - 1,
            "stopped_early": training.stopped_early,
        },
    }


def _before_and_after(
    study: Study,
    ids: tuple[str, ...],
    untuned: NDArray[np.float32],
    tuned: NDArray[np.float32],
    *,
    name: str,
) -> list[Candidate]:
    test = study.split.test
    return [
        Candidate(f"{name} (untuned)", "before", Embeddings("untuned", ids, untuned).rdm(test)),
        Candidate(f"{name} (tuned)", "after", Embeddings("tuned", ids, tuned).rdm(test)),
    ]


def _controls(settings: FitConfig, study: Study, bank: Bank, *, progress: bool) -> list[Candidate]:
    names = [name for name in settings.controls if tells_something(name, settings)]
    candidates = []
    for name in names:
        logger.info("control %s", name)
        run = run_control(name, settings, study, bank, progress=progress)
        candidates.append(Candidate(run.model, "control", run.rdm(study.split.test)))
    return candidates


def _captions(settings: FitConfig, study: Study) -> list[Candidate]:
    if not study.clips.captions:
        return []
    name = f"caption:{settings.evaluation.caption_model}"
    captions = embed_with(name, study.clips, settings.data)
    return [Candidate(name, "baseline", captions.rdm(study.split.test))]
