"""Would the order of the models stand if other clips had been held out, or other people had judged?

What:    fixed models (trained on none of these clips) on many random sets of held-out clips, or (`--over participants`)
         on the held-out clips as half of the participants judged them: mean and spread of Spearman, and in what share
         of the sets each model is ahead of the next. A tuned run belongs to the latter only.
Command: python experiments/splits.py social250 [--models caption:tfidf ratings:all] [--num-test 50] [--repeats 100]
         python experiments/splits.py social250 --over participants [--share 0.5]
Cost:    20 s on one CPU core for three models of social250, captions embedded in it.
Expect:  social250, 100 sets of 50 clips, any third clip, mean Spearman (spread .04): MiniLM .468, ahead of ratings
         in every set; ratings .343, ahead of TF-IDF in .91 of them; TF-IDF .290.
         100 halves of the 215 participants, the 50 test clips, any third clip, mean Spearman (spread .02):
         MiniLM .353, ahead of ratings in every half; ratings .267, ahead of TF-IDF in .99; TF-IDF .192.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bgs.cli.output import print_rows
from bgs.config import DataSettings
from bgs.evaluation.robustness import SplitScores, score_crowds, score_splits
from bgs.run.sources import Source, open_sources
from bgs.run.study import Study, load_study


def main() -> int:
    """Print the models from best to worst and write every score as JSON."""
    arguments = parse()
    settings = DataSettings(
        triplets=arguments.data,
        third="any",
        triplets_dir=arguments.triplets_dir,
        videos_dir=arguments.videos_dir,
    )
    study = load_study(settings, seed=arguments.seed)
    sources = open_sources(arguments.models, study.clips, settings, progress=False)
    scores = draw_scores(study, sources, arguments)
    who = "simulated participants" if study.simulated else "people"
    what = f"sets of {scores.num_test} {arguments.over}"
    print(f"{study.name}: Spearman with {who} on {arguments.repeats} {what}")
    print_rows(rank(scores))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "data": study.name,
            "simulated": study.simulated,
            "over": arguments.over,
            "num_test": scores.num_test,
            "seed": arguments.seed,
            "spearman": scores.spearman,
        }
        arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def draw_scores(
    study: Study, sources: Sequence[Source], arguments: argparse.Namespace
) -> SplitScores:
    """All models on the same random sets, of clips or of participants."""
    options: dict[str, Any] = {"num_repeats": arguments.repeats, "seed": arguments.seed}
    if arguments.over == "participants":
        test = study.split.test
        rdms = {source.model: source.rdm(test) for source in sources}
        return score_crowds(rdms, study.triplets, test, share=arguments.share, **options)
    rdms = {source.model: source.rdm(study.triplets.ids) for source in sources}
    return score_splits(rdms, study.triplets, num_test=arguments.num_test, **options)


def rank(scores: SplitScores) -> list[dict[str, Any]]:
    """Models by mean, each with the share of the sets in which it is ahead of the next."""
    summary = scores.summary()
    order = sorted(summary, key=lambda name: -summary[name]["mean"])
    return [
        {
            "model": name,
            **summary[name],
            "ahead of next in": None if after is None else scores.share_better(name, after),
        }
        for name, after in zip(order, [*order[1:], None], strict=True)
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a card of judgments: demo, social250, ...")
    parser.add_argument("--models", nargs="+", default=["caption:tfidf", "ratings:all"])
    parser.add_argument("--over", choices=("clips", "participants"), default="clips")
    parser.add_argument("--share", type=float, default=0.5, help="of the participants in each set")
    parser.add_argument("--num-test", type=int, default=50, help="clips held out in each set")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=None, help="also write every score as JSON here"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
