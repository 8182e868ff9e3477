"""What a transfer table says of its clips and of how it asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from bgs.evaluation.transfer import Protocol, TransferTask
from bgs.evaluation.transfer_labels import NUM_FOLDS
from bgs.evaluation.transfer_ratings import PRIOR_VOTES


def describe_task(task: TransferTask) -> dict[str, Any]:
    """How many clips, ratings and questions there are."""
    people = task.rated.counts.sum(axis=1)
    counts = np.bincount(task.labels, minlength=len(task.rated.labels))
    return {
        "n_clips": len(task.rated),
        "n_clips_with_majority": len(task.labelled),
        "n_clear_clips": len(task.triads.ids),
        "n_triads": len(task.triads),
        "raters_per_clip": [int(people.min()), int(people.max())],
        "majority_labels": dict(zip(task.rated.labels, counts.tolist(), strict=True)),
    }


def describe_protocol(protocol: Protocol, *, fitted_on: str | None) -> dict[str, Any]:
    """How every question was asked, in words."""
    where = f"cross-validated, {NUM_FOLDS} stratified folds, {protocol.num_repeats} repeats"
    return {
        "human_geometry": f"Jensen-Shannon distance of label shares, {PRIOR_VOTES:g} prior votes a label",
        "rsa": "Spearman with signs; interval over clips",
        "odd_one_out": f"triads of clips whose commonest label leads by {protocol.min_lead:g} of the votes",
        "knn": f"leave-one-out vote of {protocol.num_neighbours} nearest by the model's distances",
        "probe": "logistic regression, penalty chosen inside training clips; "
        + (where if fitted_on is None else f"fitted on {fitted_on}, tested here"),
        "probe_fitted_on": fitted_on,
        "intervals": "knn and probe: Wilson over clips; odd-one-out and differences: bootstrap over clips",
        "num_bootstrap": protocol.num_bootstrap,
        "num_permutations": protocol.num_permutations,
    }
