"""The command about transfer to abstract animations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.option_groups import Outcome, spread
from bgs.cli.options import (
    VIDEOS_DIR,
    DecoderOption,
    ModelsArgument,
    NumBootstrapOption,
    VideosDirOption,
)
from bgs.cli.output import print_json, print_section

app = typer.Typer(rich_markup_mode=None)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Where scenes known as trajectories are, and how they are drawn."""

    phase_dir: Annotated[
        Path | None,
        typer.Option(
            "--phase-dir", help="Folder with scenes.json, trajectories.npz and ratings.csv."
        ),
    ] = None
    look: Annotated[
        Literal["phase", "heider-simmel", "points", "discs", "random"] | None,
        typer.Option("--look", help="How scenes are drawn (default: as in PHASE)."),
    ] = None
    size: Annotated[
        int,
        typer.Option("--size", min=32, max=1024, help="Pixels a side of rendered scenes (even)."),
    ] = 224


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What a probe of the labels is fitted on."""

    main: Annotated[
        str | None,
        typer.Option(
            "--main", help="Fit the probe on this rated set, as published (default: see above)."
        ),
    ] = None
    train: Annotated[
        list[str] | None,
        typer.Option("--train", help="Also report a probe fitted on this rated set."),
    ] = None


@app.command("transfer")
@spread
def run_transfer(
    models: ModelsArgument,
    probed: Probed,
    rendered: Rendered,
    outcome: Outcome,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="Rated clips: phase, a folder of scenes, or a card whose ratings count "
            "friendly, neutral, adversarial.",
        ),
    ] = "phase",
    num_neighbours: Annotated[
        int, typer.Option("--num-neighbours", min=1, help="Clips that vote in k-NN.")
    ] = 5,
    num_bootstrap: NumBootstrapOption = 1000,
    decoder: DecoderOption = "auto",
    videos_dir: VideosDirOption = VIDEOS_DIR,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for results.json.")] = None,
) -> None:
    """Ask models about abstract animations that people labelled; of a run, before and after tuning.

    The probe is fitted on the set's own training clips where it names some, else it is cross-validated.

    Example: bgs transfer runs/demo --data phase --phase-dir downloads/phase
    """
    from bgs.evaluation.transfer import Protocol
    from bgs.run.transfer import transfer

    protocol = Protocol(
        num_neighbours=num_neighbours, num_bootstrap=num_bootstrap, seed=outcome.seed
    )
    results = outcome.file(
        "transfer",
        lambda: transfer(
            models,
            data=data,
            protocol=protocol,
            decoder=decoder,
            videos_dir=videos_dir,
            out=out,
            progress=not outcome.quiet,
            main=probed.main,
            train=probed.train or (),
            **vars(rendered),
        ),
    )
    if outcome.as_json:
        print_json(results)
    else:
        _print_tables(results)


def _print_tables(results: Mapping[str, Any]) -> None:
    """What was asked, then what the page has: a table a question, the sentence, and what it does not say."""
    if results["simulated"]:
        typer.echo("simulated data: no people rated these clips")
    low, high = results["raters_per_clip"]
    ratings = f"{low}" if low == high else f"{low} to {high}"
    typer.echo(
        f"{results['n_clips']} clips, {ratings} ratings each; look: {results['look'] or 'as on disk'}"
    )
    print_section("transfer", results)
    typer.echo(f"probe: {results['protocol']['probe']}")
