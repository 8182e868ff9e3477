"""What a model knew before people taught it, does it still know? Actions of a labelled folder of clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bgs.config import DataSettings
from bgs.evaluation.retention import Retention, RetentionScore, compare_retention
from bgs.run.labelled import read_labelled
from bgs.run.results import used_versions
from bgs.run.sources import before_and_after, check_names


def retention(
    model: str,
    *,
    labelled: Path,
    train_list: Path | None = None,
    test_list: Path | None = None,
    num_seeds: int = 3,
    num_neighbours: int = 10,
    decoder: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Linear probe and k-NN on the labels, before and after tuning where the model is a run."""
    check_names([model])
    found = read_labelled(labelled, train_list=train_list, test_list=test_list)
    settings = DataSettings.model_validate({"triplets": "", "decoder": decoder})
    before, after = before_and_after(model, found.clips, settings, progress=progress)
    seeds = tuple(range(seed, seed + num_seeds))
    tuned = after.rows(found.clips.ids)
    scored = compare_retention(
        tuned if before is None else before.rows(found.clips.ids),
        tuned,
        found.labels,
        groups=found.recordings,
        is_test=found.is_test,
        seeds=seeds,
        num_neighbours=num_neighbours,
    )
    return {
        "model": model,
        "clips": str(labelled),
        "n_clips": len(found.labels),
        "n_labels": scored.num_labels,
        "n_recordings": len(set(found.recordings)),
        "n_test": scored.num_test,
        "n_listed_but_absent": found.num_absent,
        "chance": scored.chance,
        "probes": [_row(scored, probe, tuned=before is not None) for probe in ("linear", "knn")],
        "seeds": list(seeds),
        "by_seed": {
            "before": [_plain(score) for score in scored.before] if before is not None else [],
            "after": [_plain(score) for score in scored.after],
        },
        "protocol": {
            "split": "at random by label, 30 % of its recordings held out, one split a seed"
            if found.is_test is None
            else "the folder's own; a seed draws the folds that choose the penalty",
            "num_neighbours": num_neighbours,
            "interval": "of the difference: paired bootstrap over recordings of tested clips",
        },
        "source": dict(after.keys),
        "versions": used_versions(),
        "seed": seed,
    }


def _row(found: Retention, probe: str, *, tuned: bool) -> dict[str, Any]:
    """Mean accuracy over seeds; the change and its spread where there is a before."""
    after = float(np.mean([getattr(score, probe) for score in found.after]))
    row: dict[str, Any] = {"probe": probe, "before": None, "after": after}
    if not tuned:
        return row | {"difference": None, "ci95": None, "spread_over_seeds": None}
    difference, spread = found.difference(probe)
    before = float(np.mean([getattr(score, probe) for score in found.before]))
    row |= {"before": before, "difference": difference, "ci95": found.intervals[probe]}
    return row | {"spread_over_seeds": spread}


def _plain(score: RetentionScore) -> dict[str, float]:
    return {"linear": score.linear, "knn": score.knn}
