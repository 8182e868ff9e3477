"""Every model at hand on one table: backbones, caption models, low-level features, ratings.

What:    R2 and odd-one-out of every model on the held-out clips, sorted, with letters for what cannot be told
         apart (Holm). Backbones are embedded once into OUT/embeddings; what is not at hand is named, not hidden.
Command: python experiments/leaderboard.py demo [--backbones all] [--captions tfidf FOLDER] [--out runs/leaderboard]
         python experiments/leaderboard.py social250 --third any --captions tfidf path/to/all-MiniLM-L6-v2
Cost:    demo: half a minute on one CPU core; social250 without clips: 20 s; a large backbone: minutes on a GPU.
Expect:  social250, pairs within the 50 test clips: MiniLM .129 a, ratings .064 ab, TF-IDF .029 b; ceiling .198.
         demo (simulated participants): ratings and bgs-tiny ahead of captions and low-level features.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bgs.backbones.registry import list_backbones
from bgs.cli.output import print_rows
from bgs.config import DataSettings
from bgs.errors import BgsError
from bgs.reports.terminal import print_results
from bgs.run.embed import embed_clips, write_embeddings
from bgs.run.leaderboard import terminal_rows
from bgs.run.low_level import FEATURES, LOW_LEVEL
from bgs.run.score import score
from bgs.run.study import Study, load_study


def main() -> int:
    """Embed, score, print; results.json and the tables of `--export` go to the output folder."""
    arguments = parse()
    homes = {"triplets_dir": arguments.triplets_dir, "videos_dir": arguments.videos_dir}
    study = load_study(
        DataSettings(triplets=arguments.data, third=arguments.third, **homes), seed=arguments.seed
    )
    models, absent = list_models(study, arguments)
    results = score(
        models,
        data=arguments.data,
        third=arguments.third,
        num_bootstrap=arguments.num_bootstrap,
        seed=arguments.seed,
        out=arguments.out,
        export=arguments.out / "tables",
        progress=False,
        **homes,
    )
    print_results(results)
    if "leaderboard" in results:
        print_rows(terminal_rows(results))
    for name, why in absent.items():
        print(f"not at hand: {name}: {why}")
    record = {"leaderboard": results.get("leaderboard", []), "absent": absent}
    (arguments.out / "leaderboard.json").write_text(
        json.dumps({"simulated": results["simulated"], **record}, indent=2) + "\n", encoding="utf-8"
    )
    return 0


def list_models(study: Study, arguments: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """What can be scored here, and why the rest cannot."""
    models = [_caption_model(name) for name in arguments.captions] if study.clips.captions else []
    if study.clips.ratings is not None:
        models.append("ratings:all")
    backbones = arguments.backbones
    if "all" in backbones:
        backbones = [str(row["name"]) for row in list_backbones()]
    low_level = [LOW_LEVEL + kind for kind in FEATURES]
    if not all(path.exists() for path in study.clips.paths):
        return models, dict.fromkeys([*backbones, *low_level], "the clips are not here")
    absent = {}
    for name in backbones:
        file = arguments.out / "embeddings" / f"{name}.npz"
        try:
            _embed(name, study, file, videos_dir=arguments.videos_dir)
        except BgsError as error:
            absent[name] = str(error)
        else:
            models.append(f"{name}=features:{file}")
    return [*models, *low_level], absent


def _embed(name: str, study: Study, file: Path, *, videos_dir: Path) -> None:
    """A finished embedding is read, not repeated."""
    if not file.is_file():
        found = embed_clips(name, videos=study.clips.name, videos_dir=videos_dir, progress=False)
        write_embeddings(found, file)


def _caption_model(name: str) -> str:
    """A folder gets a short name in the table."""
    folder = Path(name)
    return f"{_short(folder)}=caption:{name}" if folder.is_dir() else f"caption:{name}"


def _short(folder: Path) -> str:
    return (folder.parent if folder.name == "model" else folder).name


def parse() -> argparse.Namespace:
    parser: Any = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a card of judgments: demo, social250, ...")
    parser.add_argument("--backbones", nargs="+", default=["bgs-tiny"], help="names, or `all`")
    parser.add_argument("--captions", nargs="+", default=["tfidf"], help="tfidf, ids or folders")
    parser.add_argument("--third", choices=("within", "any"), default="within")
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument("--num-bootstrap", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/leaderboard"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
