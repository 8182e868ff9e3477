"""Language baselines: captions of the clips through sentence encoders, nothing tuned.

What:    R2 and odd-one-out of the mean caption embedding on the held-out clips, by both ways to count a pair.
Command: python -m experiments.reproduce --data social250 --only language --captions tfidf FOLDER_OF_A_MODEL
Cost:    10 seconds of one core a model.
Expect:  social250, all-MiniLM-L6-v2: R2 .129 within and .178 with any third clip, three-way .549, two-way .712.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bgs.run.score import score
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row


def run(given: Given) -> Sequence[Row]:
    rows = []
    for third in ("within", "any"):
        results = score(
            given.caption_models,
            data=given.data,
            third=third,
            num_bootstrap=given.num_bootstrap,  # type: ignore[arg-type]
            num_permutations=100,
            seed=given.seed,
            progress=False,
            **given.homes,
        )
        for block in results["models"]:
            rows += rows_of(block, third=third)
    return rows


def rows_of(block: dict[str, Any], *, third: str = "within", when: str = "") -> list[Row]:
    """R2 with its interval and, for judgments within the held-out clips, both accuracies in per cent."""
    model, said = block["model"], f" {when}" if when else ""
    rsa, pairs = block["rsa"], f"{block['n_pairs']} pairs"
    rows = [Row(model, f"R2{said} ({third})", rsa["r2"], _interval(rsa["ci95"]), n=pairs)]
    if third == "within":
        picks, judged = block["odd_one_out"], f"{block['n_triplets']} judgments"
        chosen = block["protocol"]["two_way_paper"]
        interval = _interval(picks["ci95"])
        share = None if interval is None else (100 * interval[0], 100 * interval[1])
        rows += [
            Row(model, f"two-way %, one anchor{',' if when else ''}{said}", 100 * chosen, n=judged),
            Row(model, f"three-way %{said}", 100 * picks["three_way"], share, n=judged),
        ]
    return rows


def _interval(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (ends[0], ends[1])


def missing(given: Given) -> str | None:
    return None if given.clips.captions else "needs captions of the clips"


RECIPE = Recipe(
    name="language",
    title="Language baselines",
    protocol="cosine between mean caption embeddings; two-way over one anchor, as published",
    run=run,
    missing=missing,
)
