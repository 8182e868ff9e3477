"""What does a model explain of people's geometry that captions, ratings or plain motion do not?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from bgs.evaluation.variance import VariancePartition, partition_variance
from bgs.reports.variance import draw_variance
from bgs.run.judging import Where, open_study
from bgs.run.results import used_versions
from bgs.run.sources import CaptionPooling, open_sources


def partition(
    model: str,
    *,
    against: Sequence[str],
    raw: bool = False,
    captions: CaptionPooling = "mean",
    num_bootstrap: int = 1000,
    num_repeats: int = 10,
    seed: int = 0,
    figures: Path | None = None,
    progress: bool = True,
    **where: Unpack[Where],
) -> dict[str, Any]:
    """Unique and shared R2 of the model and up to three other predictors on held-out clips.

    On mid-ranks, or on the dissimilarities themselves with `raw`. In-sample as published, and cross-validated
    over clips. `figures` writes the diagram as SVG and PDF with its numbers as CSV.
    """
    names = (model, *against)
    settings, study = open_study(names, seed=seed, **where)
    sources = open_sources(names, study.clips, settings, captions=captions, progress=progress)
    found = partition_variance(
        {source.model: source.rdm(study.split.test) for source in sources},
        study.test_geometry,
        ranks=not raw,
        num_bootstrap=num_bootstrap,
        num_repeats=num_repeats,
        seed=seed,
    )
    results = {
        "data": study.name,
        "simulated": study.simulated,
        "split": "test",
        "protocol": {
            "third": study.third,
            "on": found.on,
            "interval": "bootstrap over clips, rescaled for shared clips; of the in-sample components",
            "cross_validated": f"over clips, mean of {num_repeats} repeats",
            "num_bootstrap": num_bootstrap,
        },
        **describe_partition(found),
        "sources": {source.model: dict(source.keys) for source in sources},
        "versions": used_versions(),
        "seed": seed,
    }
    if figures is not None:
        draw_variance(results).write(figures)
    return results


def describe_partition(found: VariancePartition) -> dict[str, Any]:
    """Components and total as plain values, the total last."""
    return {
        "predictors": list(found.predictors),
        "n_pairs": found.num_pairs,
        "n_clips": found.num_clips,
        "components": [
            {**record, "predictors": list(component.predictors)}
            for record, component in zip(found.to_records(), found.components, strict=True)
        ],
        "total": {
            "r2": found.total,
            "ci95": found.total_ci95,
            "cross_validated": found.total_cross_validated,
        },
    }
