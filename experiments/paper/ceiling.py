"""The noise ceiling: how well any model could do.

What:    split halves of the judgments about the held-out clips; `paper` is the reliability squared, `max_model`
         the most a perfect model could reach.
Command: python -m experiments.reproduce --data social250 --only ceiling
Cost:    5 seconds of one core.
Expect:  social250, within the test clips: paper .197, max_model .444; the paper prints .213.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bgs.run.ceiling import measure_ceiling
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row

BOUNDS = {"paper": "R2, split-half ceiling", "max_model": "R2, bound for a perfect model"}
THIRDS = ("within", "any")


def run(given: Given) -> Sequence[Row]:
    rows = []
    for third in THIRDS:
        found = measure_ceiling(
            given.data,
            third=third,  # type: ignore[arg-type]
            num_splits=20 if given.quick else 1000,
            seed=given.seed,
            **given.homes,
        )
        rows += [_row(found, bound, third) for bound in BOUNDS]
    return rows


def _row(found: dict[str, Any], bound: str, third: str) -> Row:
    value = found[bound]
    quantity = f"{BOUNDS[bound]} ({third})"
    return Row(
        "people",
        quantity,
        value["r2"],
        tuple(value["ci95"]),
        n=f"{found['num_pairs']:.0f} pairs seen by both halves",
    )


RECIPE = Recipe(
    name="ceiling",
    title="Noise ceiling",
    protocol="random halves of the judgments of each participant, 1,000 splits; interval over participants",
    run=run,
)
