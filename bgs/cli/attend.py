"""Where a model looks, before and after tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.options import (
    TRIPLETS_DIR,
    VIDEOS_DIR,
    DataOption,
    DecoderOption,
    JsonOption,
    NumBootstrapOption,
    QuietOption,
    SeedOption,
    TripletsDirOption,
    VideosDirOption,
    VideosOption,
)
from bgs.cli.output import print_json, print_rows

app = typer.Typer(rich_markup_mode=None)

PartOption = Annotated[
    Literal["test", "train", "all"],
    typer.Option("--part", help="Which clips are looked at where none are named."),
]
MethodOption = Annotated[
    Literal["rollout", "last", "relevance"],
    typer.Option(
        "--method",
        help="Through all layers, the last layer alone, or weighted by what sets a clip apart.",
    ),
]
RegionsOption = Annotated[
    Path | None,
    typer.Option("--regions", help="Table of boxes (default: NAME/regions.csv beside the clips)."),
]
ShuffledOption = Annotated[
    bool,
    typer.Option(
        "--shuffled",
        help="Also tune on judgments drawn by lot and see how far that moves attention.",
    ),
]


@app.command("attend")
def run_attend(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run folder, or the name of a backbone.")
    ],
    data: DataOption = None,
    videos: VideosOption = None,
    clips: Annotated[
        str, typer.Option("--clips", help="Ids of clips, with commas (default: the held-out ones).")
    ] = "",
    part: PartOption = "test",
    method: MethodOption = "rollout",
    regions: RegionsOption = None,
    detector: Annotated[
        str | None,
        typer.Option("--detector", help="module:function that finds boxes in a picture."),
    ] = None,
    shuffled: ShuffledOption = False,
    num_shown: Annotated[
        int, typer.Option("--show", min=0, help="Clips to draw, the most changed first.")
    ] = 12,
    num_bootstrap: NumBootstrapOption = 1000,
    num_permutations: Annotated[
        int, typer.Option("--num-permutations", min=100, help="Rearrangements behind every p.")
    ] = 1000,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for attention.json and pictures (default: in the run)."),
    ] = None,
    decoder: DecoderOption = "auto",
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw where a model looks, and say how far tuning moved it and onto what.

    Example: bgs attend runs/demo --regions videos/mine/regions.csv
    """
    from bgs.run.attend import attend

    results = attend(
        model,
        data=data,
        videos=videos,
        clips=[clip.strip() for clip in clips.split(",") if clip.strip()],
        part=part,
        method=method,
        regions=regions,
        detector=detector,
        shuffled=shuffled,
        num_shown=num_shown,
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        decoder=decoder,
        triplets_dir=triplets_dir,
        videos_dir=videos_dir,
        out=out,
        seed=seed,
        progress=not quiet,
    )
    if as_json:
        print_json(results)
        return
    _print_tables(results)
    place = out if out is not None else Path(model) / "analyses"
    typer.echo(f"{place / 'attention.json'}: {len(results['shown'])} clips drawn beside it")


def _print_tables(results: dict[str, Any]) -> None:
    if results["simulated"]:
        typer.echo("simulated data: these clips were made by a program")
    if results["divergence"] is not None:
        shown = ("mean", "ci95", "least", "most", "between_clips", "mismatched")
        typer.echo(f"divergence of maps, untuned and tuned, over {results['n_clips']} clips")
        print_rows([{key: results["divergence"][key] for key in shown}])
        if results["divergence"]["shuffled"] is not None:
            typer.echo("the same after tuning on judgments drawn by lot, and tuned minus that")
            print_rows([results["divergence"]["shuffled"]])
    if results["regions"] is not None:
        columns: tuple[str, ...] = ("region", "n_clips", "area", "base", "p_base")
        if results["tuned"] is not None:
            columns += ("tuned", "p_tuned", "difference", "ci95", "p", "p_difference")
        typer.echo(f"attention on regions of {results['regions']['file']}")
        print_rows([{key: row[key] for key in columns} for row in results["regions"]["shares"]])
    for what, why in results["left_out"].items():
        typer.echo(f"left out: {what}: {why}")
