"""The command about transfer to abstract animations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.options import (
    VIDEOS_DIR,
    DecoderOption,
    IntoOption,
    JsonOption,
    ModelsArgument,
    NumBootstrapOption,
    QuietOption,
    SeedOption,
    VideosDirOption,
)
from bgs.cli.output import print_json, print_rows

app = typer.Typer(rich_markup_mode=None)

QUESTIONS = ("rsa", "odd_one_out", "knn", "probe")


@app.command("transfer")
def run_transfer(
    models: ModelsArgument,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="Rated clips: phase, a folder of scenes, or a card whose ratings count "
            "friendly, neutral, adversarial.",
        ),
    ] = "phase",
    phase_dir: Annotated[
        Path | None,
        typer.Option(
            "--phase-dir", help="Folder with scenes.json, trajectories.npz and ratings.csv."
        ),
    ] = None,
    look: Annotated[
        Literal["phase", "heider-simmel", "points", "discs", "random"] | None,
        typer.Option("--look", help="How scenes are drawn (default: as in PHASE)."),
    ] = None,
    main: Annotated[
        str | None,
        typer.Option(
            "--main", help="Fit the probe on this rated set, as published (default: see below)."
        ),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option("--train", help="Also report a probe fitted on this rated set."),
    ] = None,
    size: Annotated[
        int,
        typer.Option("--size", min=32, max=1024, help="Pixels a side of rendered scenes (even)."),
    ] = 224,
    num_neighbours: Annotated[
        int, typer.Option("--num-neighbours", min=1, help="Clips that vote in k-NN.")
    ] = 5,
    num_bootstrap: NumBootstrapOption = 1000,
    decoder: DecoderOption = "auto",
    videos_dir: VideosDirOption = VIDEOS_DIR,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for results.json.")] = None,
    into: IntoOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Ask models about abstract animations that people labelled; of a run, before and after tuning.

    The probe is fitted on the set's own training clips where it names some, else it is cross-validated.

    Example: bgs transfer runs/demo --data phase --phase-dir downloads/phase
    """
    from bgs.evaluation.transfer import Protocol
    from bgs.run.filing import check_run, file_analysis
    from bgs.run.transfer import transfer

    if into is not None:
        check_run(into)
    results = transfer(
        models,
        data=data,
        phase_dir=phase_dir,
        look=look,
        main=main,
        train=train or (),
        size=size,
        protocol=Protocol(num_neighbours=num_neighbours, num_bootstrap=num_bootstrap, seed=seed),
        decoder=decoder,
        videos_dir=videos_dir,
        out=out,
        progress=not quiet,
    )
    if into is not None:
        file_analysis(into, "transfer", results)
    if as_json:
        print_json(results)
    else:
        _print_tables(results)


def _print_tables(results: Mapping[str, Any]) -> None:
    """Scores beside chance and ceiling, then what changed, then how to read it."""
    if results["simulated"]:
        typer.echo("simulated data: no people rated these clips")
    low, high = results["raters_per_clip"]
    typer.echo(
        f"{results['n_clips']} clips, {low} to {high} ratings each; {results['n_triads']} triads of "
        f"{results['n_clear_clips']} clear clips; look: {results['look'] or 'as on disk'}"
    )
    print_rows([*map(_score_row, results["models"]), *_bounds(results)])
    print_rows(list(_difference_rows(results["differences"])))
    typer.echo(f"probe: {results['protocol']['probe']}")


def _score_row(block: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"model": block["model"], "role": block["role"]}
    for question in QUESTIONS:
        row[question] = block[question]["value"]
        row[f"{question}_ci95"] = block[question]["ci95"]
    return row | {f"probe from {name}": score["value"] for name, score in block["probe_on"].items()}


def _bounds(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Chance and people in the columns of the scores."""
    chance, ceiling = results["chance"], results["ceiling"]
    label = chance["majority_label"]
    empty = dict.fromkeys(_score_row(results["models"][0]))
    yield empty | {
        "model": "chance",
        "role": "chance",
        "rsa": chance["rsa"],
        "odd_one_out": chance["odd_one_out"],
        "knn": label,
        "probe": label,
    }
    yield empty | {
        "model": "half of the raters",
        "role": "ceiling",
        "rsa": ceiling["split_half_spearman"],
        "odd_one_out": ceiling["odd_one_out"],
        "knn": ceiling["accuracy"],
        "probe": ceiling["accuracy"],
    }


def _difference_rows(differences: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """From what tuning began with to what it made; the other comparisons are in the JSON."""
    for found in differences:
        if found["from_role"] != "before":
            continue
        row = {"from": found["from"], "to": found["to"]}
        for question in QUESTIONS:
            row[question] = found[question]["value"]
            row[f"{question}_ci95"] = found[question]["ci95"]
        yield row
