"""How many judgments, and how many participants, are enough to score a model?

What:    Spearman of models that are not tuned, from random tenths of the judgments about the held-out clips and
         from all judgments of some of the participants.
Command: python -m experiments.reproduce --data social250 --only learning_curve
Cost:    20 seconds of one core. `python experiments/learning_curve.py` draws all points.
Expect:  social250, any third clip: nothing has flattened, more judgments would raise every score.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.learning_curve import curves
from experiments.paper.fixed_models import missing, open_fixed
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row


def run(given: Given) -> Sequence[Row]:
    study, sources = open_fixed(given, third="any")
    rows = []
    for source in sources:
        model = source.rdm(study.split.test)
        for point in curves(study, model, repeats=3 if given.quick else 20, seed=given.seed):
            rows.append(
                Row(
                    source.model,
                    f"Spearman from {point['size']} {point['over']}",
                    point["spearman"],
                    n=f"{point['num_pairs']:.0f} pairs",
                    note=f"spread {point['spread']:.3f} over {point['num_repeats']} parts",
                )
            )
    return rows


RECIPE = Recipe(
    name="learning_curve",
    title="Learning curve",
    protocol="pairs of test clips with any third clip; mean over random parts of the judgments",
    run=run,
    missing=missing,
)
