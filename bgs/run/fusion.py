"""Train a connector and a language model on a frozen encoder, and say how well each task is answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bgs.backbones.contract import Backbone
from bgs.fusion.example import Split, TaskData
from bgs.fusion.language import open_language
from bgs.fusion.learn import answer, learn, validation_scores
from bgs.fusion.model import SocialModel
from bgs.fusion.record import read_record
from bgs.fusion.saving import SAVED, assemble, load_social, save_social
from bgs.fusion.scoring import LOWER_IS_BETTER, Answers, score_answers
from bgs.fusion.settings import FusionConfig
from bgs.fusion.tasks import find_task
from bgs.reports.fusion_run import write_run_page
from bgs.run.folder import (
    CONFIG,
    REPORT,
    check_place,
    replace_run,
    write_results,
)
from bgs.run.fusion_config import dump_fusion, resolve_fusion
from bgs.run.fusion_inputs import Inputs, check_homes, open_inputs
from bgs.run.results import used_versions
from bgs.training.processes import Processes
from bgs.training.state import TrainingResult

logger = logging.getLogger(__name__)


def train_fusion(
    config: FusionConfig,
    *,
    inputs: Inputs | None = None,
    resume: bool = False,
    overwrite: bool = False,
    allow_changes: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train as the config says, score the test part of its tasks, fill the run folder.

    `inputs` are those of other runs on the same data and encoder. Returns what is written to results.json.
    """
    processes = Processes()
    if processes.is_main:
        check_place(config.output_dir, resume=resume, overwrite=overwrite, also=SAVED)
    started = time.process_time(), time.perf_counter()
    tasks = tuple(dict.fromkeys((*config.train_on, *config.validated)))
    check_homes(config, tasks)
    language = open_language(config.language, seed=config.seed)
    inputs = inputs or open_inputs(config, tasks, progress=progress)
    model = assemble(config, inputs.shape, language)
    model.connector.calibrate(_training_tokens(config, inputs))
    if processes.is_main and not resume:
        _start(config)
    training = learn(
        model,
        inputs.material,
        config,
        output_dir=config.output_dir,
        resume=resume,
        allow_changes=allow_changes,
        progress=progress and processes.is_main,
    )
    logger.info("trained %d epochs, kept epoch %d", len(training.history) - 1, training.best_epoch)
    results = {
        **describe(config, inputs.material.data),
        "tasks": score_tasks(model, inputs, config, config.validated),
        "training": {
            **describe_training(training),
            "validation": validation_scores(model, inputs.material, config.validated),
        },
        "parameters": count_parts(model, inputs.backbone),
        "seconds": {
            "processor": time.process_time() - started[0],
            "wall": time.perf_counter() - started[1],
        },
        "versions": used_versions(),
    }
    if processes.is_main:
        save_social(
            model, config.output_dir, config=config, shape=inputs.shape, backbone=inputs.backbone
        )
        write_results(config.output_dir, results)
        write_run_page(results, training.history, config.output_dir / REPORT)
    return results


def evaluate_fusion(
    run: Path,
    *,
    on: Sequence[str] = (),
    split: Split = "test",
    home: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """The scores of a trained run on a part of its tasks, or of others."""
    config = open_run(run, home=home)
    tasks = tuple(dict.fromkeys(on)) or config.validated
    for task in tasks:
        find_task(task)
    inputs = open_inputs(config, tasks, splits=(split,), progress=progress)
    model = load_social(run, config=config, backbone=inputs.backbone).to(Processes().device)
    return {
        **describe(config, inputs.material.data),
        "split": split,
        "tasks": score_tasks(model, inputs, config, tasks, split=split),
        "versions": used_versions(),
    }


def open_run(run: Path, *, home: Path | None = None) -> FusionConfig:
    """The settings of a finished run; twins are looked for where it drew them."""
    read_record(run)
    config = resolve_fusion(run / CONFIG)
    return config.model_copy(update={"output_dir": run, "home": home or config.home})


def answer_all(
    model: SocialModel, inputs: Inputs, tasks: Sequence[str], *, split: Split = "test"
) -> dict[str, Answers]:
    """The model's answers to every example of a part of these tasks."""
    return {task: answer(model, inputs.material, task, split=split) for task in tasks}


def score_tasks(
    model: SocialModel,
    inputs: Inputs,
    config: FusionConfig,
    tasks: Sequence[str],
    *,
    split: Split = "test",
) -> dict[str, Any]:
    """Every metric of every task with its interval and chance."""
    found = {}
    for task, answers in answer_all(model, inputs, tasks, split=split).items():
        data = inputs.material.data[task]
        scores = score_answers(answers, num_bootstrap=config.num_bootstrap, seed=config.seed)
        found[task] = {
            "title": data.task.title,
            "simulated": data.simulated,
            "trained": task in config.train_on,
            "split": split,
            "n": len(answers.ids),
            "n_groups": len(set(answers.groups)),
            "metrics": {
                score.metric: {
                    "value": score.value,
                    "ci95": None if score.ci95 is None else list(score.ci95),
                    "chance": score.chance,
                    "above_chance": score.above_chance,
                    "lower_is_better": score.metric in LOWER_IS_BETTER,
                }
                for score in scores
            },
        }
    return found


def describe(config: FusionConfig, data: Mapping[str, TaskData]) -> dict[str, Any]:
    """Which models and examples a result is about."""
    return {
        "kind": "fusion",
        "name": config.name,
        "simulated": any(found.simulated for found in data.values()),
        "backbone": config.backbone.name_or_path,
        "layer": config.layer,
        "language": config.language.name_or_path,
        "use_heatmap": config.use_heatmap,
        "train_on": list(config.train_on),
        "data": {
            task: {
                "simulated": found.simulated,
                "examples": {split: len(examples) for split, examples in found.splits.items()},
                "left_out": dict(found.left_out),
                "shared_groups": found.shared_groups(),
                "notes": list(found.notes),
            }
            for task, found in data.items()
        },
    }


def describe_training(training: TrainingResult) -> dict[str, Any]:
    """Which epoch was kept and why."""
    return {
        "best_epoch": training.best_epoch,
        "validation_score": training.best_score,
        "chosen_by": "mean over tasks of (headline metric - chance) / (1 - chance) on validation",
        "epochs": len(training.history) - 1,
        "steps": training.steps,
        "questions": training.clip_passes,
        "stopped_early": training.stopped_early,
    }


def count_parts(model: SocialModel, backbone: Backbone) -> dict[str, Any]:
    """How many weights each part has, how many are trained, and how small the connector is beside the rest."""
    adapter = _count(p for name, p in model.language.named_parameters() if "lora_" in name)
    parts = {
        "encoder": _count(backbone.encoder.parameters()),
        "connector": _count(model.connector.parameters()),
        "heatmap": 0 if model.heatmap is None else _count(model.heatmap.parameters()),
        "language": _count(model.language.parameters()) - adapter,
        "adapter": adapter,
    }
    total = sum(parts.values())
    trained = _count(p for p in model.parameters() if p.requires_grad)
    return {
        **parts,
        "total": total,
        "trained": trained,
        "connector_share": parts["connector"] / total,
    }


def _count(parameters: Any) -> int:
    return sum(p.numel() for p in parameters)


def _training_tokens(config: FusionConfig, inputs: Inputs, *, most: int = 4096) -> Any:
    """Tokens to take mean and spread from: all training examples, or evenly chosen ones where there are many."""
    rows = [row for task in config.train_on for row in inputs.material.rows_of(task, "train")]
    step = -(-len(rows) // most)
    return inputs.material.batch(rows[::step])


def _start(config: FusionConfig) -> None:
    """The config first, in place of an earlier run; data and encoder are in memory by now."""
    replace_run(config.output_dir, dump_fusion(config), also=SAVED)
