"""Variance partitioning: what a model explains of people's geometry that captions do not, and the reverse.

What:    unique, shared and total R2 on ranks, in-sample as published and cross-validated over clips.
         Without clips: captions against what people rated of the clips.
Command: python -m experiments.reproduce --data social250 --only variance --captions FOLDER_OF_A_MODEL
Cost:    10 seconds of one core.
Expect:  the paper: unique video .02 before and .04 after tuning, against multilingual MPNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bgs.run.partition import partition
from experiments.paper.ablations import missing
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned


def run(given: Given) -> Sequence[Row]:
    caption = given.caption_models[0]
    rows = []
    if given.missing_for_video() is None:
        for name, place in given.at_hand().items():
            folder, _ = tuned(given, name, place)
            rows += _rows(_split(given, f"before={place}", caption), name=f"{name} before")
            rows += _rows(_split(given, f"after={folder}", caption), name=f"{name} after")
    if given.clips.ratings is not None:
        rows += _rows(_split(given, caption, "ratings:all"), name=given.caption[0])
    return rows


def _split(given: Given, model: str, other: str) -> dict[str, Any]:
    return partition(
        model,
        against=[other],
        data=given.data,
        num_bootstrap=given.num_bootstrap,
        seed=given.seed,
        progress=False,
        **given.homes,
    )


def _rows(found: dict[str, Any], *, name: str) -> list[Row]:
    rows = []
    for part in found["components"]:
        alone = len(part["predictors"]) == 1
        what = (
            f"unique {part['predictors'][0]}"
            if alone
            else "shared " + " & ".join(part["predictors"])
        )
        note = f"cross-validated {part['cross_validated']:.3f}"
        ends = part["ci95"]
        interval = None if ends is None else (ends[0], ends[1])
        rows.append(Row(name, what, part["r2"], interval, n=f"{found['n_pairs']} pairs", note=note))
    return rows


RECIPE = Recipe(
    name="variance",
    title="Variance partitioning",
    protocol="R2 on ranks within the test clips, in-sample as published; cross-validated over clips beside it",
    run=run,
    missing=missing,
)
