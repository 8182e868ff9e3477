"""Zero-shot transfer to abstract animations: do models that were taught by one kind of clips read another?

What:    every tuned model and its untuned backbone on PHASE: geometry of what people said, odd-one-out, nearest
         neighbours, a linear probe of friendly / neutral / adversarial; people's own ceiling beside.
Command: python -m experiments.reproduce --data social250 --clips DIR --weights DIR --phase DIR --only transfer
Cost:    100 animations a model; `--smoke`: one minute of one core, on simulated scenes with simulated ratings.
Expect:  the paper, probe on 400 and tested on 100: people 83, V-JEPA 2.1 tuned 81, SocialGNN 76, untuned 55.
         What bgs-tiny does on 60 real scenes is in experiments/phase_transfer.json, and was looked at once a design.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bgs.evaluation.transfer import Protocol
from bgs.run.transfer import transfer
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned

SIMULATED = "demo-phase"
MEASURES = {
    "rsa": "Spearman",
    "odd_one_out": "odd-one-out %",
    "knn": "nearest neighbours %",
    "probe": "probe %",
}


def run(given: Given) -> Sequence[Row]:
    runs = {str(tuned(given, name, place)[0]): name for name, place in given.at_hand().items()}
    data = SIMULATED if given.simulated else "phase"
    found = transfer(
        [f"{name}-after={folder}" for folder, name in runs.items()],
        data=data,
        phase_dir=None if given.simulated else given.phase,
        protocol=Protocol(num_bootstrap=given.num_bootstrap, seed=given.seed),
        videos_dir=given.videos_dir,
        progress=False,
    )
    rows = [row for block in found["models"] for row in _rows(block)]
    ceiling = found["ceiling"]
    rows.append(
        Row(
            "people", "probe %", 100 * ceiling["accuracy"], n="half of the raters by the other half"
        )
    )
    return rows


def _rows(block: dict[str, Any]) -> list[Row]:
    """The measures of one model; correlations as they are, shares in per cent."""
    rows = []
    for key, name in MEASURES.items():
        measure = block[key]
        scale = 1.0 if key == "rsa" else 100.0
        ends = measure["ci95"]
        interval = None if ends is None else (scale * ends[0], scale * ends[1])
        count = next((f"{measure[n]} {n[2:]}" for n in ("n_triads", "n_clips") if n in measure), "")
        rows.append(
            Row(
                f"{block['model']} ({block['role']})",
                name,
                scale * measure["value"],
                interval,
                n=count,
            )
        )
    return rows


def missing(given: Given) -> str | None:
    if not given.simulated and given.phase is None:
        return "needs PHASE (--phase DIR)"
    return given.missing_for_video()


RECIPE = Recipe(
    name="transfer",
    title="Transfer to abstract animations",
    protocol="frozen encoder; the set's own test part, or cross-validated where it has none; interval over clips",
    run=run,
    missing=missing,
)
