"""Bootstrap of the gain: is the difference between before and after more than chance?

What:    R2 before and after tuning with intervals over pairs, as published, and the difference over clips, which
         is the wider and the more honest: pairs that share a clip are not independent.
Command: python -m experiments.reproduce --data social250 --only deltas
Cost:    10 seconds of one core beside the training.
Expect:  the paper, V-JEPA 2.1, over the 637 pairs: .043 [.016, .080] -> .160 [.109, .216].
"""

from __future__ import annotations

from collections.abc import Sequence

from bgs.run.score import score
from experiments.paper.ablations import missing
from experiments.paper.backbones import change_of
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned


def run(given: Given) -> Sequence[Row]:
    rows = []
    for name, model in subjects(given).items():
        folder, results = tuned(given, name, model)
        found = score(
            [f"before={model}", f"after={folder}"],
            data=given.data,
            interval_over="pairs",
            num_bootstrap=given.num_bootstrap,
            num_permutations=100,
            seed=given.seed,
            progress=False,
            **given.homes,
        )
        for block in found["models"]:
            ends = block["rsa"]["ci95"]
            rows.append(
                Row(
                    name,
                    f"R2 {block['model']}, interval over pairs",
                    block["rsa"]["r2"],
                    (ends[0], ends[1]),
                    n=f"{block['n_pairs']} pairs",
                )
            )
        change = change_of(results)
        rows.append(
            Row(
                name, "R2 after - before, interval over clips", change.ours, change.ci95, n=change.n
            )
        )
    return rows


def subjects(given: Given) -> dict[str, str]:
    """What has a before and an after here: every backbone at hand, or captions where there is none."""
    if given.missing_for_video() is None:
        return given.at_hand()
    name, model = given.caption
    return {name: model}


RECIPE = Recipe(
    name="deltas",
    title="Bootstrap of the gain",
    protocol="1,000 resamples; Spearman squared within the test clips",
    run=run,
    missing=missing,
)
