"""Retention: does a tuned backbone still tell actions apart?

What:    linear probe and nearest neighbours on labelled clips, before and after tuning, three seeds.
Command: python -m experiments.reproduce --data social250 --clips DIR --weights DIR --actions UCF101 --only retention
Cost:    UCF101: 13,320 clips embedded twice, an hour of a GPU; `--smoke`: half a minute of one core.
Expect:  the paper, V-JEPA 2.1, UCF101 split 1: 78.17 -> 80.31.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bgs.run.retention import retention
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned

PROBES = {"linear": "linear probe", "knn": "nearest neighbours"}


def run(given: Given) -> Sequence[Row]:
    assert given.actions is not None  # `missing` has seen to it
    rows = []
    for name, place in given.at_hand().items():
        folder, _ = tuned(given, name, place)
        lists = official_lists(given.actions)
        found = retention(
            str(folder), labelled=given.actions, seed=given.seed, progress=False, **lists
        )
        test = f"{found['n_test']} clips, {found['n_labels']} labels"
        for probe in found["probes"]:
            for when in ("before", "after"):
                rows.append(
                    Row(name, f"{PROBES[probe['probe']]} % {when}", 100 * probe[when], n=test)
                )
        rows.append(Row(name, "chance %", 100 * found["chance"], n=test))
    return rows


def official_lists(folder: Path) -> dict[str, Path]:
    """The published lists of UCF101's first split, where the folder has them."""
    train, test = (folder / f"{part}list01.txt" for part in ("train", "test"))
    return {"train_list": train, "test_list": test} if train.is_file() and test.is_file() else {}


def missing(given: Given) -> str | None:
    if given.actions is None:
        return "needs a labelled folder of clips, UCF101 as published (--actions DIR)"
    return given.missing_for_video()


RECIPE = Recipe(
    name="retention",
    title="Retention on actions",
    protocol="frozen encoder; the folder's own split, or three random ones",
    run=run,
    missing=missing,
)
