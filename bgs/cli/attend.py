"""Where a model looks, before and after tuning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.option_groups import Resampled, Shown, Watched, spread
from bgs.cli.output import print_json, print_section

app = typer.Typer(rich_markup_mode=None)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked about attention: of which maps, over which regions, against which chance."""

    part: Annotated[
        Literal["test", "train", "all"],
        typer.Option("--part", help="Which clips are looked at where none are named."),
    ] = "test"
    method: Annotated[
        Literal["rollout", "last", "relevance"],
        typer.Option(
            "--method",
            help="Through all layers, the last layer alone, or weighted by what sets a clip apart.",
        ),
    ] = "rollout"
    regions: Annotated[
        Path | None,
        typer.Option(
            "--regions",
            help="Table of boxes or masks, or a folder of masks "
            "(default: NAME/regions.csv beside the clips).",
        ),
    ] = None
    detector: Annotated[
        str | None,
        typer.Option("--detector", help="module:function that finds boxes in a picture."),
    ] = None
    shuffled: Annotated[
        bool,
        typer.Option(
            "--shuffled",
            help="Also tune on judgments drawn by lot and see how far that moves attention.",
        ),
    ] = False
    num_shown: Annotated[
        int, typer.Option("--show", min=0, help="Clips to draw, the most changed first.")
    ] = 12
    num_permutations: Annotated[
        int, typer.Option("--num-permutations", min=100, help="Rearrangements behind every p.")
    ] = 1000


@app.command("attend")
@spread
def run_attend(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run folder, or the name of a backbone.")
    ],
    asked: Asked,
    watched: Watched,
    resampled: Resampled,
    shown: Shown,
    clips: Annotated[
        str, typer.Option("--clips", help="Ids of clips, with commas (default: the held-out ones).")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for attention.json and pictures (default: in the run)."),
    ] = None,
) -> None:
    """Draw where a model looks, and say how far tuning moved it and onto what.

    Example: bgs attend runs/demo --regions videos/mine/regions.csv
    """
    from bgs.run.attend import attend

    results = attend(
        model,
        clips=[clip.strip() for clip in clips.split(",") if clip.strip()],
        out=out,
        progress=not shown.quiet,
        **vars(watched),
        **vars(asked),
        **vars(resampled),
    )
    if shown.as_json:
        print_json(results)
        return
    _print_tables(results)
    place = out if out is not None else Path(model) / "analyses"
    typer.echo(f"{place / 'attention.json'}: {len(results['shown'])} clips drawn beside it")


def _print_tables(results: dict[str, Any]) -> None:
    if results["simulated"]:
        typer.echo("simulated data: these clips were made by a program")
    print_section("attention", results)
    for what, why in results["left_out"].items():
        typer.echo(f"left out: {what}: {why}")
