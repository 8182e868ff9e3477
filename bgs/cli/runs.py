"""Commands about runs and models: demo, fit, embed, export, report, backbones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bgs.cli.option_groups import Shown, Start, spread
from bgs.cli.options import (
    VIDEOS_DIR,
    DecoderOption,
    JsonOption,
    OverwriteOption,
    QuietOption,
    RunFolderOption,
    SeedOption,
    VideosDirOption,
)
from bgs.cli.output import print_json, print_results, print_rows

app = typer.Typer(rich_markup_mode=None)


@app.command("demo")
def run_demo(
    out: RunFolderOption = None,
    seed: SeedOption = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A short rehearsal: fewer clips, steps and resamples.")
    ] = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Simulate a data set, fine-tune a small backbone on it, score it before and after.

    The folder is runs/demo, with --quick runs/rehearsal, where --out names no other.

    Example: bgs demo --out runs/demo
    """
    from bgs.run.demo import demo

    out = out or Path(
        "runs/rehearsal" if quick else "runs/demo"
    )  # a rehearsal takes nobody's place
    results = demo(out, seed=seed, quick=quick, overwrite=overwrite, progress=not quiet)
    print_results(results, as_json=as_json)
    typer.echo(f"report: {out / 'report.html'}", err=as_json)


@app.command("fit")
@spread
def run_fit(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")
    ],
    start: Start,
    shown: Shown,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change.")
    ] = None,
) -> None:
    """Fine-tune a backbone until its geometry agrees with people's.

    Example: bgs fit configs/demo.yaml lora.r=16 --out runs/r16
    """
    from bgs.config import dump_config
    from bgs.run.configs import resolve_config

    settings = resolve_config(config, overrides=overrides or ())
    if start.out is not None:
        settings = settings.model_copy(update={"output_dir": start.out})
    if start.print_config:
        typer.echo(dump_config(settings), nl=False)
        return
    from bgs.run.fit import fit
    from bgs.training.processes import Processes

    results = fit(settings, progress=not shown.quiet, **start.onto)
    if Processes().is_main:
        print_results(results, as_json=shown.as_json)
        if not shown.as_json:
            typer.echo(_size_line(results["parameters"]))
            typer.echo(_training_line(results["training"]))


@app.command("embed")
def run_embed(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, as for `bgs score`.")],
    videos: Annotated[str, typer.Option("--videos", help="Clips: a card's name, or a folder.")],
    out: Annotated[Path, typer.Option("--out", help="NPZ file to write: `ids` and `embeddings`.")],
    videos_dir: VideosDirOption = VIDEOS_DIR,
    decoder: DecoderOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn clips into one embedding each.

    Example: bgs embed bgs-tiny --videos videos/mine --out mine.npz
    """
    from bgs.run.embed import embed_clips

    embeddings = embed_clips(
        model,
        videos=videos,
        videos_dir=videos_dir,
        decoder=decoder,
        out=out,
        progress=not quiet,
    )
    summary = {
        "model": model,
        "clips": len(embeddings.ids),
        "width": embeddings.matrix.shape[1],
        "file": str(out),
    }
    if as_json:
        print_json(summary)
    else:
        typer.echo(f"{out}: {summary['clips']} clips x {summary['width']}")


@app.command("export")
def run_export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the model.")],
    merge: Annotated[
        bool,
        typer.Option(
            "--merge", help="Add the adapter into the weights: usable without peft or bgs."
        ),
    ] = False,
) -> None:
    """Copy a tuned model out of its run, as an adapter or merged into plain weights.

    Example: bgs export runs/demo --merge --out models/social-tiny
    """
    from bgs.run.export import export

    typer.echo(str(export(run, out, merge=merge)))


@app.command("report")
def run_report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The page (default: report.html in the first run).")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="Also write SVG, PDF and CSV figures here.")
    ] = None,
) -> None:
    """Write one self-contained page about one or several runs.

    Example: bgs report runs/demo runs/r16 --out comparison.html
    """
    from bgs.run.report import report

    typer.echo(str(report(runs, out=out, figures=figures)))


@app.command("backbones")
def show_backbones(as_json: JsonOption = False) -> None:
    """The video encoders that can be loaded by name.

    Example: bgs backbones --json
    """
    from bgs.backbones.registry import list_backbones

    rows = list_backbones()
    if as_json:
        print_json(rows)
    else:
        shown = ("name", "family", "num_frames", "image_size", "obtained")
        print_rows([{key: row[key] for key in shown} for row in rows])


def _training_line(training: dict[str, Any]) -> str:
    """Which epoch was kept, and why there are fewer than were asked for."""
    kept = (
        f"kept epoch {training['best_epoch']} of {training['epochs']}, the best on validation clips"
    )
    return (
        f"{kept}; stopped early: later ones were no better" if training["stopped_early"] else kept
    )


def _size_line(parameters: dict[str, int]) -> str:
    """What was trained: the share says whether this was an adaptation or another model."""
    trainable, total = parameters["trainable"], parameters["total"]
    adapters = parameters["adapted_modules"]
    where = f"adapters in {adapters} modules and a head" if adapters else "a head alone"
    return f"trained {trainable:,} of {total:,} parameters ({trainable / total:.2%}): {where}"
