"""Options that several commands share, so that they are spelt and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
TripletsDirOption = Annotated[
    Path,
    typer.Option("--triplets-dir", help="Home of judgments (cards NAME.yaml and their files)."),
]
VideosDirOption = Annotated[
    Path, typer.Option("--videos-dir", help="Home of clips (cards NAME.yaml and their files).")
]
DataOption = Annotated[
    str | None, typer.Option("--data", help="Judgments: a card's name, or a file.")
]
VideosOption = Annotated[
    str | None,
    typer.Option(
        "--videos", help="Clips: a card's name, or a folder (default: what the judgments name)."
    ),
]
IntoOption = Annotated[
    Path | None,
    typer.Option("--into", help="File the result in this run's folder, where its report shows it."),
]
RunFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "--output-dir",
        help="Folder of the run (default: what the settings name as output_dir).",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Continue the run from its newest checkpoint.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace an earlier run in this folder.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]

ModelsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="A run folder, a backbone name, caption:tfidf, "
        "caption:<sentence-transformers id or folder> (`caption:` alone: the published one), features:FILE.npz, "
        "low-level:motion|colour|pixels, ratings:all or ratings:NAME,NAME; SHORT=MODEL names it in tables.",
    ),
]
ThirdOption = Annotated[
    Literal["within", "any"],
    typer.Option(
        "--third", help="Judgments that define a pair: all three clips held out, or any third clip."
    ),
]
CaptionsOption = Annotated[
    Literal["mean", "first", "all-pairs"],
    typer.Option("--captions", help="What of a clip's captions caption models compare."),
]
DecoderOption = Annotated[
    Literal["auto", "pyav", "decord", "torchcodec"],
    typer.Option("--decoder", help="What reads the clips."),
]


def _enough(value: int) -> int:
    """Refused where it is typed, and not after models and data were read."""
    if 0 < value < MIN_BOOTSTRAP:
        raise typer.BadParameter(
            f"{value} is too few for percentiles; give 0, or {MIN_BOOTSTRAP} and more"
        )
    return value


MIN_BOOTSTRAP = 100
NumBootstrapOption = Annotated[
    int,
    typer.Option(
        "--num-bootstrap",
        min=0,
        callback=_enough,
        help=f"Resamples behind every interval: {MIN_BOOTSTRAP} or more, or 0 for none.",
    ),
]

TRIPLETS_DIR = Path("triplets")
VIDEOS_DIR = Path("videos")
