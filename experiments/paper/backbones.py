"""Table of backbones: every video model before and after tuning.

What:    each backbone at hand is tuned by the published recipe (the shipped one by `demo`) and scored on held-out
         clips before and after, with the difference.
Command: python -m experiments.reproduce --data social250 --clips DIR --weights DIR --only backbones
Cost:    a GPU for hours a backbone; `--smoke`: one minute of one core.
Expect:  the paper: V-JEPA 2 large .087 -> .172, TimeSformer .102 -> .162, CLIP .127 -> .156, VideoMAE .087 -> .124.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments.paper.given import Given
from experiments.paper.language import rows_of
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned


def run(given: Given) -> Sequence[Row]:
    rows = []
    for name, place in given.at_hand().items():
        _, results = tuned(given, name, place, controls=("head_only",))
        found = [
            *rows_of(results["before"], when="before"),
            *rows_of(results["after"], when="after"),
            change_of(results),
        ]
        head = next(block for block in results["models"] if block["model"] == "head only")
        found += rows_of(head, when="of the head alone")
        rows += [replace(row, model=name) for row in found]
    return rows


def change_of(results: dict) -> Row:  # type: ignore[type-arg]
    """What tuning did to R2, on the same resampled clips."""
    change = results["difference"]
    return Row(
        change["to"],
        "R2 after - before (within)",
        change["r2"],
        tuple(change["ci95"]),
        n=f"{change['n_clips']} clips",
    )


RECIPE = Recipe(
    name="backbones",
    title="Backbones before and after tuning",
    protocol="hybrid objective, LoRA and head; best epoch by validation clips; scored within the test clips",
    run=run,
    missing=Given.missing_for_video,
)
