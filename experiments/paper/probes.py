"""Attribute probes: can what people rated of the clips be read off a model by a line?

What:    ridge from embeddings to every rating, clips held out in turn, before and after tuning; captions beside.
Command: python -m experiments.reproduce --data social250 --only probes --captions FOLDER_OF_A_MODEL
Cost:    20 seconds of one core a model.
Expect:  social250, all-MiniLM-L6-v2: R2 from .30 (facingness) to .68 (intimacy, dominance).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bgs.run.probing import probe
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import tuned


def run(given: Given) -> Sequence[Row]:
    models = given.caption_models[:1] if given.clips.captions else []
    if given.missing_for_video() is None:
        models += [str(tuned(given, name, place)[0]) for name, place in given.at_hand().items()]
    found = probe(
        models,
        videos=given.data,
        num_bootstrap=given.num_bootstrap,
        num_permutations=20 if given.quick else 200,
        videos_dir=given.videos_dir,
        seed=given.seed,
        progress=False,
    )
    rows = []
    for block in found["probes"]:
        ends = block["ci95"]
        interval = None if ends is None else (ends[0], ends[1])
        note = f"r {block['pearson']:.2f}, permutation p {block['p']:.3f}"
        clips = f"{block['n_clips']} clips"
        rows.append(
            Row(
                _called(block["model"]),
                f"R2 of {block['attribute']}",
                block["r2"],
                interval,
                n=clips,
                note=note,
            )
        )
    return rows


def _called(model: str) -> str:
    """A run folder goes by its name."""
    return Path(model).name


def missing(given: Given) -> str | None:
    if given.clips.ratings is None:
        return "needs ratings of the clips"
    return None if given.clips.captions else given.missing_for_video()


RECIPE = Recipe(
    name="probes",
    title="Attribute probes",
    protocol="ridge, penalty inside 5 outer folds of all clips; interval over clips",
    run=run,
    missing=missing,
)
