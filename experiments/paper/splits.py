"""Would the order of the models stand if other clips had been held out?

What:    models that are not tuned, on many random sets of clips.
Command: python -m experiments.reproduce --data social250 --only splits
Cost:    20 seconds of one core. `python experiments/splits.py` keeps every score.
Expect:  social250: all-MiniLM-L6-v2 ahead of the ratings in every set, the ratings ahead of TF-IDF in nine of ten.
"""

from __future__ import annotations

from collections.abc import Sequence

from bgs.evaluation.robustness import score_splits
from experiments.paper.fixed_models import missing, open_fixed
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.splits import rank


def run(given: Given) -> Sequence[Row]:
    study, sources = open_fixed(given, third="any")
    scores = score_splits(
        {source.model: source.rdm(study.triplets.ids) for source in sources},
        study.triplets,
        num_test=len(study.split.test),
        num_repeats=5 if given.quick else 100,
        seed=given.seed,
    )
    rows = []
    for place in rank(scores):
        ahead = place["ahead of next in"]
        note = "" if ahead is None else f"ahead of the next in {100 * ahead:.0f} % of the sets"
        spread = f"spread {place['spread']:.3f}"
        rows.append(
            Row(
                place["model"],
                "Spearman, mean over random sets of held-out clips",
                place["mean"],
                n=f"{scores.num_test} clips a set",
                note=f"{spread}; {note}" if note else spread,
            )
        )
    return rows


RECIPE = Recipe(
    name="splits",
    title="Other clips held out",
    protocol="100 random sets as large as the published test set; pairs with any third clip",
    run=run,
    missing=missing,
)
