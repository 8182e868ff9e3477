"""How many judgments, and how many participants, are enough to score a model?

What:    the agreement of fixed models with people, from random parts of the judgments about the held-out clips and
         from all judgments of some of the participants. Nothing is trained. A curve that is flat has enough.
Command: python experiments/learning_curve.py social250 [--models caption:tfidf ratings:all] [--third any]
Cost:    20 s on one CPU core for three models of social250, captions embedded in it.
Expect:  social250, any third clip, Spearman from a tenth, two fifths and all of the judgments: MiniLM .31 .35 .42,
         ratings .23 .26 .32, TF-IDF .18 .19 .22. Nothing has flattened: more judgments would raise every score.
         The spread between random parts falls from .03-.05 to .01; by participants it is the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from bgs.cli.output import print_rows
from bgs.config import DataSettings
from bgs.evaluation.robustness import learning_curve
from bgs.run.sources import open_sources
from bgs.run.study import Study, load_study

OVER: tuple[Literal["judgments", "participants"], ...] = ("judgments", "participants")


def main() -> int:
    """Print both curves of every model and write them as JSON."""
    arguments = parse()
    settings = DataSettings(
        triplets=arguments.data,
        third=arguments.third,
        triplets_dir=arguments.triplets_dir,
        videos_dir=arguments.videos_dir,
    )
    study = load_study(settings, seed=arguments.seed)
    sources = open_sources(arguments.models, study.clips, settings, progress=False)
    rows = [
        {"model": source.model, **point}
        for source in sources
        for point in curves(
            study, source.rdm(study.split.test), repeats=arguments.repeats, seed=arguments.seed
        )
    ]
    who = "simulated participants" if study.simulated else "people"
    print(f"{study.name}: agreement with {who} by how much they judged")
    print_rows(rows)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "data": study.name,
            "simulated": study.simulated,
            "third": study.third,
            "seed": arguments.seed,
            "points": rows,
        }
        arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def curves(study: Study, model: Any, *, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Points of both curves; the one over participants only where judgments name them."""
    test = study.split.test
    triplets = study.test_judgments if study.third == "within" else study.triplets
    kinds = OVER if triplets.participants is not None else OVER[:1]
    return [
        {"over": over, **asdict(point)}
        for over in kinds
        for point in learning_curve(
            model, triplets, test, over=over, third=study.third, num_repeats=repeats, seed=seed
        )
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a card of judgments: demo, social250, ...")
    parser.add_argument("--models", nargs="+", default=["caption:tfidf", "ratings:all"])
    parser.add_argument("--third", choices=("within", "any"), default="any")
    parser.add_argument("--repeats", type=int, default=20, help="random parts of each size")
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="also write the points as JSON here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
