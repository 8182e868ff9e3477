"""Commands that look into a score: variance, probe, layers, retention."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.option_groups import Judged, Outcome, spread
from bgs.cli.options import (
    VIDEOS_DIR,
    CaptionsOption,
    DecoderOption,
    ModelsArgument,
    NumBootstrapOption,
    VideosDirOption,
    VideosOption,
)
from bgs.cli.output import print_json, print_rows, print_section

app = typer.Typer(rich_markup_mode=None)

SIMULATED = "simulated data: no people judged or rated these clips"

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A run folder, or any model as for `bgs score`.")
]


@app.command("variance")
@spread
def run_variance(
    model: ModelArgument,
    against: Annotated[
        list[str],
        typer.Option(
            "--against",
            help="Another predictor, up to three: caption:tfidf, ratings:all, low-level:motion, ...",
        ),
    ],
    judged: Judged,
    outcome: Outcome,
    raw: Annotated[
        bool, typer.Option("--raw", help="On the dissimilarities themselves, not their ranks.")
    ] = False,
    captions: CaptionsOption = "mean",
    num_bootstrap: NumBootstrapOption = 1000,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="Write the diagram as SVG, PDF and CSV here.")
    ] = None,
) -> None:
    """Split what is explained of people's geometry into unique and shared parts.

    Example: bgs variance runs/demo --against caption:tfidf --against low-level:motion
    """
    from bgs.run.partition import partition

    results = outcome.file(
        "variance",
        lambda: partition(
            model,
            against=against,
            raw=raw,
            captions=captions,
            num_bootstrap=num_bootstrap,
            seed=outcome.seed,
            figures=figures,
            progress=not outcome.quiet,
            **vars(judged),
        ),
    )
    _show("variance", results, outcome)


@app.command("probe")
@spread
def run_probe(
    models: ModelsArgument,
    outcome: Outcome,
    videos: VideosOption = None,
    attributes: Annotated[
        list[str] | None,
        typer.Option("--attribute", help="A rating of the clip set (default: all of them)."),
    ] = None,
    part: Annotated[
        Literal["all", "train", "test"], typer.Option("--part", help="Which clips are probed.")
    ] = "all",
    axes: Annotated[
        bool, typer.Option("--axes", help="Name the clips at the ends of each attribute.")
    ] = False,
    num_bootstrap: NumBootstrapOption = 1000,
    decoder: DecoderOption = "auto",
    videos_dir: VideosDirOption = VIDEOS_DIR,
) -> None:
    """Read the ratings of clips off embeddings; of a run, before and after tuning.

    Example: bgs probe runs/demo caption:tfidf --attribute valence --axes
    """
    from bgs.run.probing import probe

    results = outcome.file(
        "probes",
        lambda: probe(
            models,
            videos=videos,
            attributes=attributes or (),
            part=part,
            axes=axes,
            num_bootstrap=num_bootstrap,
            decoder=decoder,
            videos_dir=videos_dir,
            seed=outcome.seed,
            progress=not outcome.quiet,
        ),
    )
    _show("probes", results, outcome)
    if not outcome.as_json:
        ends = ("model", "attribute", "lowest", "highest")
        if axes:
            typer.echo("clips at the ends of each attribute")
            print_rows([{key: row[key] for key in ends} for row in results["probes"]])
        for what, why in results["left_out"].items():
            typer.echo(f"left out: {what}: {why}")


def _show(kind: str, results: dict[str, Any], outcome: Outcome) -> None:
    """All of it as JSON, or as the page has it, which says first where nobody judged."""
    if outcome.as_json:
        print_json(results)
        return
    if results.get("simulated"):
        typer.echo(SIMULATED)
    print_section(kind, results)


@app.command("layers")
@spread
def run_layers(
    model: ModelArgument,
    judged: Judged,
    outcome: Outcome,
    probes: Annotated[
        bool, typer.Option("--probes", help="Also read the ratings off every layer.")
    ] = False,
    num_bootstrap: NumBootstrapOption = 1000,
) -> None:
    """Score every layer; the one to quote is chosen on validation clips.

    Example: bgs layers bgs-tiny --data demo --probes
    """
    from bgs.run.layer_sweep import sweep

    results = outcome.file(
        "layers",
        lambda: sweep(
            model,
            probes=probes,
            num_bootstrap=num_bootstrap,
            seed=outcome.seed,
            progress=not outcome.quiet,
            **vars(judged),
        ),
    )
    columns = ("layer", "validation_spearman", "test_spearman", "chosen")
    outcome.show(results, results["layers"], columns)
    if not outcome.as_json:
        print_rows([results["chosen"]])
        print_rows(results["probes"])


@app.command("retention")
@spread
def run_retention(
    model: ModelArgument,
    labelled: Annotated[
        Path,
        typer.Option(
            "--labelled", help="Folder of clips: LABEL/clip, or train/ and val/ of those."
        ),
    ],
    outcome: Outcome,
    train_list: Annotated[
        Path | None,
        typer.Option("--train-list", help="Official list: trainlist01.txt, or Kinetics' train.csv"),
    ] = None,
    test_list: Annotated[
        Path | None,
        typer.Option("--test-list", help="Official list: testlist01.txt, or Kinetics' val.csv"),
    ] = None,
    num_seeds: Annotated[int, typer.Option("--num-seeds", min=1, help="Splits or probes.")] = 3,
    decoder: DecoderOption = "auto",
) -> None:
    """Probe labels of other clips, so that what tuning forgot is seen; of a run, before and after.

    Example: bgs retention runs/demo --labelled UCF-101 --train-list trainlist01.txt --test-list testlist01.txt
    """
    from bgs.run.retention import retention

    results = outcome.file(
        "retention",
        lambda: retention(
            model,
            labelled=labelled,
            train_list=train_list,
            test_list=test_list,
            num_seeds=num_seeds,
            decoder=decoder,
            seed=outcome.seed,
            progress=not outcome.quiet,
        ),
    )
    columns = ("probe", "before", "after", "difference", "ci95", "spread_over_seeds")
    outcome.show(results, results["probes"], columns)
    if not outcome.as_json:
        typer.echo(
            f"{results['n_clips']} clips, {results['n_labels']} labels, chance {results['chance']:.3f}"
        )
