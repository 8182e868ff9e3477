"""How well do captions predict judgments once a head has learnt from people? The captions recipe, five seeds.

What:    the shipped config `social250-captions` from each of five seeds: a square head on embedded captions, 40 of
         the 200 training clips kept to choose the epoch, 50 held-out clips. The captions are embedded once.
Command: OMP_NUM_THREADS=1 python experiments/captions_seeds.py --model sentence-transformers/all-MiniLM-L6-v2
         (`bgs data import social250 --from DIR` first)
Cost:    13 s of one CPU core for all five, imports, captions and scores in it; no bootstrap and no report, which
         `bgs fit` adds (11 s a seed).
Expect:  median Spearman .448 within-test and .556 any-third, odd-one-out three-way .609 and two-way .734; at least
         .42, .52 and .59 three-way (exit 1 where a median is lower).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bgs.backbones.model import embed
from bgs.config import FitConfig
from bgs.evaluation.odd_one_out import odd_one_out
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM
from bgs.run.building import build_model, open_inputs
from bgs.run.configs import resolve_config
from bgs.run.learning import learn
from bgs.run.study import load_study

if TYPE_CHECKING:
    from bgs.run.building import Bank

LEAST = {"spearman_within": 0.42, "spearman_any_third": 0.52, "three_way": 0.59}


def main() -> int:
    """Run every seed, print a line each and the medians."""
    options = parse()
    started = time.perf_counter()
    bank: Bank | None = None
    runs = []
    for seed in options.seeds:
        config = configure(options, seed=seed)
        if bank is None:  # the clips and their captions are the same for every seed
            clips = load_study(config.data, seed=seed).clips
            _, bank = open_inputs(config, clips, progress=False)
        runs.append({"seed": seed, **run(config, bank)})
        print(json.dumps(runs[-1]), flush=True)
    medians = {key: statistics.median(r[key] for r in runs) for key in runs[0] if key != "seed"}
    cost = {
        "seconds_after_imports": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time(), 1),  # since the process began
    }
    print(json.dumps({"median": medians, **cost}))
    return 0 if all(medians[key] >= least for key, least in LEAST.items()) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a sentence-transformers id or folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    return parser.parse_args()


def configure(options: argparse.Namespace, *, seed: int) -> FitConfig:
    """The shipped config with this seed, caption model and homes."""
    return resolve_config(
        "social250-captions",
        overrides=(
            f"seed={seed}",
            f"backbone.name_or_path=caption:{options.model}",
            f"data.triplets_dir={options.triplets_dir}",
            f"data.videos_dir={options.videos_dir}",
        ),
    )


def run(config: FitConfig, bank: Bank) -> dict[str, float]:
    """Train on the training clips, keep the epoch that validation likes best, score on the held-out clips."""
    study = load_study(config.data, seed=config.seed)
    model = build_model(config, bank)
    with tempfile.TemporaryDirectory() as folder:
        learn(model, bank, study, config=config, output_dir=Path(folder), progress=False)
    test = study.split.test
    rdm = RDM.from_embeddings(test, embed(model, bank.select(test)))
    picked = odd_one_out(rdm, study.test_judgments)
    scores = {
        "spearman_within": correlate(rdm, study.test_judgments.rdm(test)),
        "spearman_any_third": correlate(rdm, study.triplets.rdm(test, third="any")),
        "three_way": picked.three_way,
        "two_way": picked.two_way,
    }
    return {key: round(value, 4) for key, value in scores.items()}


if __name__ == "__main__":
    sys.exit(main())
