"""Ablations: which part of the objective earns the gain, and what other answers would have earned.

What:    hybrid, triplet-only, RSA-only and budget-matched training, beside the same training on shuffled judgments,
         on a caption model's answers (language-distilled) and on what captions leave over (caption residual).
         Without clips the variants tune caption embeddings, a strong language control and no video model.
Command: python -m experiments.reproduce --data social250 --only ablations --captions FOLDER_OF_A_MODEL
Cost:    on captions 5 seconds of one core a variant and seed; `--smoke`: four minutes.
Expect:  social250, all-MiniLM-L6-v2 (.129 untuned), median R2 of 5 seeds: hybrid .201, RSA-only .204, triplet-only
         .183, budget-matched .139, shuffled judgments .129 (no epoch beats the untuned model).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, Row
from experiments.paper.training import VARIANTS, tuned

VIDEO_CONTROLS = ("shuffled_judgments", "language_distilled", "caption_residual")
CAPTION_CONTROLS = ("shuffled_judgments",)  # answers of captions would teach a caption model itself


def run(given: Given) -> Sequence[Row]:
    name, model, controls = _subject(given)
    rows = []
    for variant in VARIANTS:
        beside = controls if variant == "hybrid" else ()
        runs = [
            tuned(given, name, model, variant=variant, seed=seed, controls=beside)[1]
            for seed in _seeds(given)
        ]
        rows += _rows(name, variant, [results["after"] for results in runs])
        for place, control in enumerate(_controls_of(runs[0])):
            blocks = [_controls_of(results)[place] for results in runs]
            rows += _rows(name, control["model"], blocks)
    return rows


def _subject(given: Given) -> tuple[str, str, tuple[str, ...]]:
    """What is tuned: the first backbone at hand, or captions where there is none."""
    if given.missing_for_video() is None:
        name, place = next(iter(given.at_hand().items()))
        return name, place, VIDEO_CONTROLS
    return *given.caption, CAPTION_CONTROLS


def _seeds(given: Given) -> tuple[int, ...]:
    """A head on captions costs seconds, so every seed is run; a video model is run once."""
    return given.seeds[:1] if given.missing_for_video() is None else given.seeds


def _controls_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in results["models"] if block["role"] == "control"]


def _rows(name: str, variant: str, blocks: Sequence[dict[str, Any]]) -> list[Row]:
    """The median over seeds with its range, or the one run with its interval."""
    model, first = f"{name}, {variant}", blocks[0]
    figures = {
        "R2 after (within)": [block["rsa"]["r2"] for block in blocks],
        "two-way %, one anchor, after": [
            100 * block["protocol"]["two_way_paper"] for block in blocks
        ],
        "three-way % after": [100 * block["odd_one_out"]["three_way"] for block in blocks],
    }
    note = f"median of {len(blocks)} seeds" if len(blocks) > 1 else ""
    rows = []
    for quantity, values in figures.items():
        spread = f"; {min(values):.3g} to {max(values):.3g}" if note else ""
        at = values.index(sorted(values)[len(values) // 2]) if quantity.startswith("R2") else None
        interval = None if at is None else blocks[at]["rsa"]["ci95"]
        pairs = (
            f"{first['n_pairs']} pairs" if at is not None else f"{first['n_triplets']} judgments"
        )
        ends = None if interval is None else (interval[0], interval[1])
        rows.append(Row(model, quantity, median(values), ends, n=pairs, note=note + spread))
    return rows


def missing(given: Given) -> str | None:
    return None if given.clips.captions else given.missing_for_video()


RECIPE = Recipe(
    name="ablations",
    title="Ablations of the objective",
    protocol="scored within the test clips; two-way over one anchor; best epoch by validation clips",
    run=run,
    missing=missing,
)
