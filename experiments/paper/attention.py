"""Where the model looks, before and after tuning.

What:    attention rollout of the untuned and the tuned backbone on the held-out clips; how far the two maps are apart,
         and what share of attention lies on agents and objects where the clips come with regions.
Command: python -m experiments.reproduce --data social250 --clips DIR --weights DIR --only attention
Cost:    V-JEPA 2.1 base: a minute of a GPU for 50 clips; `--smoke`: ten seconds of one core.
Expect:  the paper: 1 - r between base and tuned maps of .18 +- .03 over 250 clips.
"""

from __future__ import annotations

from collections.abc import Sequence

from bgs.run.attend import attend
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned


def run(given: Given) -> Sequence[Row]:
    rows = []
    for name, place in given.at_hand().items():
        folder, _ = tuned(given, name, place)
        found = attend(
            str(folder),
            num_bootstrap=given.num_bootstrap,
            num_permutations=given.num_bootstrap,
            seed=given.seed,
            progress=False,
        )
        divergence, clips = found["divergence"], f"{found['n_clips']} clips"
        rows.append(
            Row(
                name,
                "divergence between base and tuned maps",
                divergence["mean"],
                None if divergence["ci95"] is None else tuple(divergence["ci95"]),
                n=clips,
                note=f"between maps of two clips {divergence['between_clips']:.3f}",
            )
        )
        for share in (found["regions"] or {"shares": []})["shares"]:
            rows.append(
                Row(
                    name,
                    f"attention on {share['region']}, after - before",
                    share["difference"],
                    None if share["ci95"] is None else tuple(share["ci95"]),
                    n=clips,
                    note=f"before {share['base']:.3f}, covers {share['area']:.3f} of the picture",
                )
            )
    return rows


RECIPE = Recipe(
    name="attention",
    title="Where the model looks",
    protocol="attention rollout on the held-out clips; 1 - Pearson r over all positions; interval over clips",
    run=run,
    missing=Given.missing_for_video,
)
