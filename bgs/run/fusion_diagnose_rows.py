"""A diagnosis in plain values: what `bgs.run.fusion_diagnose` writes, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bgs.evaluation.permutation import holm
from bgs.fusion.decodability import LayerProbes, compare_layers
from bgs.fusion.diagnosis import Moment
from bgs.fusion.example import Split, TaskData

if TYPE_CHECKING:
    from bgs.backbones.contract import Backbone
    from bgs.run.fusion_diagnose import Request

FEWEST_FLIPS = 2000  # behind every p, so that a correction for many comparisons leaves room
PARTS: tuple[Split, ...] = ("train", "val", "test")


def probe_row(label: str, found: LayerProbes, request: Request) -> dict[str, Any]:
    """Every layer of a task, and the chosen one with its interval."""
    best = found.chosen
    interval = (
        best.interval(num_bootstrap=request.num_bootstrap, seed=request.seed)
        if request.num_bootstrap
        else None
    )
    return {
        "encoder": label,
        "task": best.task,
        "layers": [
            {"layer": probe.layer, "validation": probe.validation, "test": probe.score}
            for probe in found.layers
        ],
        "chosen": {
            "layer": best.layer,
            "penalty": best.penalty,
            "score": best.score,
            "ci95": None if interval is None else list(interval),
            "chance": best.chance,
            "n_examples": len(best.correct),
            "n_groups": len(set(best.groups)),
        },
    }


def compare_encoders(
    label: str,
    first: Mapping[str, LayerProbes],
    second: Mapping[str, LayerProbes],
    request: Request,
) -> list[dict[str, Any]]:
    """A second encoder against the first, task by task."""
    rows, draws = [], max(request.num_bootstrap, FEWEST_FLIPS)
    for name, probes in second.items():
        gap = compare_layers(first[name], probes, num_bootstrap=draws, seed=request.seed)
        rows.append(
            {
                "encoder": label,
                "task": name,
                "first": gap.first,
                "second": gap.second,
                "difference": gap.difference,
                "ci95": list(gap.ci95) if request.num_bootstrap else None,
                "p": gap.p,
                "num_permutations": draws,
                "n_examples": gap.num_examples,
                "n_groups": gap.num_groups,
                "kept_layers": gap.kept_layers if request.num_bootstrap else None,
            }
        )
    return rows


def correct(gaps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Holm over every comparison that is made here."""
    adjusted = holm(np.array([row["p"] for row in gaps], dtype=np.float64))
    return [{**row, "p_holm": float(p)} for row, p in zip(gaps, adjusted, strict=True)]


def moment_row(moment: Moment) -> dict[str, Any]:
    """All pairs on the whole shared model after some steps, and means on each part of it."""
    parts = dict.fromkeys(found.part for found in moment.agreements)
    return {
        "step": moment.step,
        "losses": dict(moment.losses),
        "parts": {part: moment.summary(part) for part in parts},
        "pairs": [
            {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in asdict(pair).items()
            }
            for pair in moment.of_part()
        ],
    }


def describe_encoder(label: str, backbone: Backbone) -> dict[str, Any]:
    """What an encoder is."""
    spec = backbone.spec
    return {"name": label, "backbone": spec.name, "layers": spec.num_layers, "width": spec.width}


def describe_task(data: TaskData) -> dict[str, Any]:
    """What a task was asked of."""
    return {
        "task": data.task.name,
        "title": data.task.title,
        "kind": data.task.kind,
        "examples": {split: len(data[split]) for split in PARTS},
        "simulated": data.simulated,
        "notes": list(data.notes),
    }


def describe_protocol(request: Request) -> dict[str, Any]:
    """How it was done."""
    return {
        "lens": request.lens,
        "features": "mean of all tokens and of those in each person's box, every layer",
        "score": "balanced accuracy, or minus the mean distance for points",
        "chosen_on": "layer and penalty on validation examples; test examples have no say",
        "max_examples": request.max_examples,
        "max_test": request.max_test,
        "gaps": "paired over groups of test examples; intervals also over the choice of layers (validation groups "
        "resampled, layers chosen anew, probes as fitted); p by sign flips at the layers chosen, Holm over all "
        "comparisons",
        "language": request.language,
        "run": None if request.run is None else str(request.run),
        "training": asdict(request.training),
        "gradients": "of disjoint batches of training examples, dropout off; intervals by a jackknife over batches",
        "num_bootstrap": request.num_bootstrap,
    }
