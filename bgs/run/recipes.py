"""Runs that differ in their seed alone are one recipe: how far do its numbers depend on chance in training?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from bgs.run.sources import run_config

OWN = {"name", "seed", "output_dir"}  # what two runs of one recipe may differ in


def recipe_records(models: Sequence[str], blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One record for every recipe of which there are two runs or more: mean, spread and range over seeds.

    The spread is the standard deviation over runs; it is about training and says nothing of other clips or people.
    """
    recipes: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for model, block in zip(models, blocks, strict=True):
        config = run_config(model)
        if config is not None:
            same = json.dumps(config.model_dump(mode="json", exclude=OWN), sort_keys=True)
            recipes.setdefault(same, []).append((config.seed, block))
    return [_describe(runs) for runs in recipes.values() if len(runs) > 1]


def _describe(runs: Sequence[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    values = {
        "r2": [block["rsa"]["r2"] for _, block in runs],
        "spearman": [block["rsa"]["spearman"] for _, block in runs],
        "three_way": [block["odd_one_out"]["three_way"] for _, block in runs],
        "two_way": [block["odd_one_out"]["two_way"] for _, block in runs],
    }
    return {
        "models": [block["model"] for _, block in runs],
        "seeds": [seed for seed, _ in runs],
        **{name: _spread(each) for name, each in values.items()},
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "spread": float(np.std(values, ddof=1)),
        "low": float(np.min(values)),
        "high": float(np.max(values)),
    }


def recipe_rows(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a recipe, for the terminal."""
    return [
        {
            "runs": f"{record['models'][0]} and {len(record['models']) - 1} more",
            "seeds": len(set(record["seeds"])),
            "R2": record["r2"]["mean"],
            "sd": record["r2"]["spread"],
            "range": [record["r2"]["low"], record["r2"]["high"]],
            "3-way": record["three_way"]["mean"],
            "3-way sd": record["three_way"]["spread"],
        }
        for record in records
    ]
