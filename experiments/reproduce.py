"""The paper, result by result, with what is at hand; what cannot run says what it needs.

Command: python -m experiments.reproduce --data social250 --captions tfidf models/all-MiniLM-L6-v2
         python -m experiments.reproduce --data social250 --clips CLIPS --weights WEIGHTS --phase PHASE --actions UCF101
         python -m experiments.reproduce --smoke        every recipe on simulated data with bgs-tiny
Cost:    social250 without clips: a few minutes of one core; --smoke: under 12 minutes of two; with clips and
         weights: GPU hours, most of them in `backbones`. A finished training is not repeated.
Expect:  OUT/RECIPE/results.json, a record in experiments/results/DATA, and experiments/RESULTS.md from all records.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bgs.cli.output import print_rows
from bgs.errors import BgsError
from bgs.run.folder import write_text
from bgs.run.sources import split_name
from experiments.paper import (
    ablations,
    attention,
    backbones,
    ceiling,
    deltas,
    language,
    learning_curve,
    probes,
    retention,
    splits,
    transfer,
    variance,
)
from experiments.paper.given import Given
from experiments.paper.recipe import Recipe, carry_out
from experiments.paper.rehearsal import simulate_all
from experiments.paper.results_page import write_page

RECIPES: tuple[Recipe, ...] = (
    ceiling.RECIPE,
    language.RECIPE,
    backbones.RECIPE,
    ablations.RECIPE,
    deltas.RECIPE,
    variance.RECIPE,
    probes.RECIPE,
    transfer.RECIPE,
    retention.RECIPE,
    attention.RECIPE,
    learning_curve.RECIPE,
    splits.RECIPE,
)
RESULTS = Path(__file__).with_name("results")
PAPER_BACKBONES = ("vjepa2-large", "vjepa2.1-base", "timesformer", "clip", "videomae")


def main(words: Sequence[str] | None = None) -> int:
    """Carry out the recipes in order; exit 2 with one line where nothing can start."""
    options = parse(words)
    try:
        given = gather(options)
        records = [_report(recipe, given) for recipe in RECIPES if recipe.name in options.only]
    except BgsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not given.quick:
        page = _keep(records, options.results)
        print(f"\nall records: {page}")
    failed = [record for record in records if record["not_run"]]
    print(
        f"{len(records) - len(failed)} of {len(records)} recipes ran; {given.out} holds their results"
    )
    return 0


def gather(options: argparse.Namespace) -> Given:
    """What there is, simulated first where a rehearsal is asked for."""
    if options.smoke or options.quick:
        return simulate_all(options.out, seed=options.seed, quick=options.quick)
    return Given(
        data=options.data,
        triplets_dir=options.triplets_dir,
        videos_dir=_with_clips(options),
        out=options.out / options.data,
        captions=dict(split_name(word) for word in options.captions),
        backbones=tuple(options.backbones),
        weights=options.weights,
        phase=options.phase,
        actions=options.actions,
        seed=options.seed,
    )


def _with_clips(options: argparse.Namespace) -> Path:
    """The home of clips; a folder of clips elsewhere is linked into it where the card expects them."""
    home: Path = options.videos_dir
    if options.clips is None:
        return home
    place = home / options.data / "clips"
    if not options.clips.is_dir():
        raise BgsError(
            f"--clips {str(options.clips)!r} is not a folder", remedy="name the folder of the clips"
        )
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(options.clips.resolve(), target_is_directory=True)
    elif not place.samefile(options.clips):
        raise BgsError(
            f"{str(place)!r} exists already and is not {str(options.clips)!r}",
            remedy="remove one of the two, or leave out --clips",
        )
    return home


def _report(recipe: Recipe, given: Given) -> dict[str, Any]:
    print(f"\n{recipe.title}", flush=True)
    record = carry_out(recipe, given)
    if record["not_run"]:
        print(f"not run: {record['not_run']}")
    print_rows(
        [
            {key: row[key] for key in ("model", "quantity", "ours", "ci95", "n")}
            for row in record["rows"]
        ]
    )
    return record


def _keep(records: Sequence[dict[str, Any]], folder: Path) -> Path:
    """Records beside those of earlier runs, and the page made anew from all of them."""
    for record in records:
        file = folder / record["data"] / f"{record['recipe']}.json"
        write_text(file, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    page = folder.with_name("RESULTS.md")
    write_page(folder, page, order=[recipe.name for recipe in RECIPES])
    return page


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.reproduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [recipe.name for recipe in RECIPES]
    parser.add_argument("--data", default="social250", help="a card of judgments")
    parser.add_argument("--clips", type=Path, help="the folder that holds the licensed clips")
    parser.add_argument(
        "--weights", type=Path, help="a folder of weights: org/model folders, .pt files"
    )
    parser.add_argument(
        "--phase", type=Path, help="a folder of PHASE scenes (see videos/phase.yaml)"
    )
    parser.add_argument("--actions", type=Path, help="UCF101 or another labelled folder of clips")
    parser.add_argument(
        "--captions",
        nargs="+",
        default=["tfidf"],
        metavar="[NAME=]MODEL",
        help="tfidf, ids or folders; the first is compared with",
    )
    parser.add_argument(
        "--backbones", nargs="+", default=PAPER_BACKBONES, help="names from `bgs backbones`"
    )
    parser.add_argument(
        "--only", nargs="+", default=names, choices=names, metavar="RECIPE", help=", ".join(names)
    )
    parser.add_argument(
        "--smoke", action="store_true", help="simulated data and bgs-tiny, at full size"
    )
    parser.add_argument(
        "--quick", action="store_true", help="the same on very little: no number means anything"
    )
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument("--out", type=Path, default=Path("runs/reproduce"))
    parser.add_argument("--results", type=Path, default=RESULTS, help="where records are kept")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
