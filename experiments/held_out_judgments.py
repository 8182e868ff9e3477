"""Does a fitted geometry predict judgments it has not seen better than proportions do? Prints JSON.

python experiments/held_out_judgments.py social250     about ten seconds on one core

Judgments are left out in five random folds (repeats of a triad stay in one fold). Three geometries are
made from the rest: the raw proportions of `Triplets.rdm`, the shrunk ones, and the choice model with its
default settings. Each predicts the pair with the smallest dissimilarity to be left together; ties share
the credit, a pair nobody saw gets the mean. Chance is one in three.

Expected on social250 (47,126 judgments): raw .510, shrunk .520, fitted .645; the standard deviation over
folds is .01.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from bgs.data.choice_model import fit_choice_model, folds
from bgs.data.estimators import shrunk_rdm
from bgs.data.triplets import LEFT, Triplets, load_triplets
from bgs.rdm import RDM


def predict(rdm: RDM, judgments: Triplets) -> float:
    """Share of judgments in which the pair left together is the one with the smallest dissimilarity."""
    square = rdm.square()
    square = np.where(np.isnan(square), np.nanmean(rdm.dissimilarities), square)
    apart = np.stack(
        [square[judgments.clips[:, a], judgments.clips[:, b]] for a, b in LEFT], axis=1
    )
    best = np.isclose(apart, apart.min(axis=1, keepdims=True))
    return float((best[np.arange(len(judgments)), judgments.odd] / best.sum(axis=1)).mean())


def compare(triplets: Triplets, *, num_folds: int, seed: int) -> dict[str, dict[str, float]]:
    scores: dict[str, list[float]] = {"raw": [], "shrunk": [], "fitted": [], "fitted_rdm": []}
    surprises = []
    for fitted_on, left_out in folds(triplets, num_folds=num_folds, seed=seed):
        geometry = fit_choice_model(fitted_on, num_refits=0, seed=seed)
        right = geometry.probabilities(left_out).argmax(axis=1) == left_out.odd
        scores["fitted"].append(float(right.mean()))
        scores["fitted_rdm"].append(predict(geometry.rdm, left_out))
        scores["raw"].append(predict(fitted_on.rdm(), left_out))
        scores["shrunk"].append(predict(shrunk_rdm(fitted_on), left_out))
        surprises.append(geometry.surprise(left_out))
    result = {
        name: {"three_way": float(np.mean(values)), "sd_over_folds": float(np.std(values, ddof=1))}
        for name, values in scores.items()
    }
    result["fitted"]["surprise"] = float(np.mean(surprises))  # log 3 = 1.099 is knowing nothing
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="a card, or a file of judgments")
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    triplets = load_triplets(options.name, triplets_dir=options.triplets_dir)
    scores = compare(triplets, num_folds=options.folds, seed=options.seed)
    print(json.dumps({"data": options.name, "judgments": len(triplets), **scores}, indent=2))


if __name__ == "__main__":
    main()
