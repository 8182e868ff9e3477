"""Commands that look into a score: variance, probe, layers, retention."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.options import (
    TRIPLETS_DIR,
    VIDEOS_DIR,
    CaptionsOption,
    DataOption,
    DecoderOption,
    JsonOption,
    ModelsArgument,
    NumBootstrapOption,
    QuietOption,
    SeedOption,
    ThirdOption,
    TripletsDirOption,
    VideosDirOption,
    VideosOption,
)
from bgs.cli.output import print_json, print_rows

app = typer.Typer(rich_markup_mode=None)

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A run folder, or any model as for `bgs score`.")
]


@app.command("variance")
def run_variance(
    model: ModelArgument,
    against: Annotated[
        list[str],
        typer.Option(
            "--against",
            help="Another predictor, up to three: caption:tfidf, ratings:all, low-level:motion, ...",
        ),
    ],
    data: DataOption = None,
    videos: VideosOption = None,
    third: ThirdOption = "within",
    raw: Annotated[
        bool, typer.Option("--raw", help="On the dissimilarities themselves, not their ranks.")
    ] = False,
    captions: CaptionsOption = "mean",
    num_bootstrap: NumBootstrapOption = 1000,
    decoder: DecoderOption = "auto",
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="Write the diagram as SVG, PDF and CSV here.")
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Split what is explained of people's geometry into unique and shared parts.

    Example: bgs variance runs/demo --against caption:tfidf --against low-level:motion
    """
    from bgs.run.partition import partition

    results = partition(
        model,
        against=against,
        data=data,
        videos=videos,
        third=third,
        raw=raw,
        captions=captions,
        num_bootstrap=num_bootstrap,
        decoder=decoder,
        triplets_dir=triplets_dir,
        videos_dir=videos_dir,
        seed=seed,
        figures=figures,
        progress=not quiet,
    )
    total = {"component": "all together", "kind": "total", **results["total"]}
    _print(
        results,
        [*results["components"], total],
        ("component", "kind", "r2", "ci95", "cross_validated"),
        as_json=as_json,
    )


@app.command("probe")
def run_probe(
    models: ModelsArgument,
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
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read the ratings of clips off embeddings; of a run, before and after tuning.

    Example: bgs probe runs/demo caption:tfidf --attribute valence --axes
    """
    from bgs.run.probing import probe

    results = probe(
        models,
        videos=videos,
        attributes=attributes or (),
        part=part,
        axes=axes,
        num_bootstrap=num_bootstrap,
        decoder=decoder,
        videos_dir=videos_dir,
        seed=seed,
        progress=not quiet,
    )
    columns = ("model", "attribute", "r2", "ci95", "pearson", "p")
    ends = ("lowest", "highest") if axes else ()
    _print(results, results["probes"], columns + ends, as_json=as_json)
    if not as_json:
        changed = ("attribute", "before_r2", "after_r2", "r2", "ci95")
        print_rows([{key: row[key] for key in changed} for row in results["comparisons"]])
        for what, why in results["left_out"].items():
            typer.echo(f"left out: {what}: {why}")


@app.command("layers")
def run_layers(
    model: ModelArgument,
    data: DataOption = None,
    videos: VideosOption = None,
    third: ThirdOption = "within",
    probes: Annotated[
        bool, typer.Option("--probes", help="Also read the ratings off every layer.")
    ] = False,
    num_bootstrap: NumBootstrapOption = 1000,
    decoder: DecoderOption = "auto",
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score every layer; the one to quote is chosen on validation clips.

    Example: bgs layers bgs-tiny --data demo --probes
    """
    from bgs.run.layer_sweep import sweep

    results = sweep(
        model,
        data=data,
        videos=videos,
        third=third,
        probes=probes,
        num_bootstrap=num_bootstrap,
        decoder=decoder,
        triplets_dir=triplets_dir,
        videos_dir=videos_dir,
        seed=seed,
        progress=not quiet,
    )
    columns = ("layer", "validation_spearman", "test_spearman", "chosen")
    _print(results, results["layers"], columns, as_json=as_json)
    if not as_json:
        print_rows([results["chosen"]])
        print_rows(results["probes"])


@app.command("retention")
def run_retention(
    model: ModelArgument,
    labelled: Annotated[
        Path,
        typer.Option(
            "--labelled", help="Folder of clips: LABEL/clip, or train/ and val/ of those."
        ),
    ],
    train_list: Annotated[
        Path | None, typer.Option("--train-list", help="Official list, e.g. trainlist01.txt.")
    ] = None,
    test_list: Annotated[
        Path | None, typer.Option("--test-list", help="Official list, e.g. testlist01.txt.")
    ] = None,
    num_seeds: Annotated[int, typer.Option("--num-seeds", min=1, help="Splits or probes.")] = 3,
    decoder: DecoderOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Probe labels of other clips, so that what tuning forgot is seen; of a run, before and after.

    Example: bgs retention runs/demo --labelled UCF-101 --train-list trainlist01.txt --test-list testlist01.txt
    """
    from bgs.run.retention import retention

    results = retention(
        model,
        labelled=labelled,
        train_list=train_list,
        test_list=test_list,
        num_seeds=num_seeds,
        decoder=decoder,
        seed=seed,
        progress=not quiet,
    )
    columns = ("probe", "before", "after", "difference", "spread_over_seeds")
    _print(results, results["probes"], columns, as_json=as_json)
    if not as_json:
        typer.echo(
            f"{results['n_clips']} clips, {results['n_labels']} labels, chance {results['chance']:.3f}"
        )


def _print(
    results: dict[str, Any],
    rows: Sequence[dict[str, Any]],
    columns: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """All of it as JSON, or a table that says first where nobody judged."""
    if as_json:
        print_json(results)
        return
    if results.get("simulated"):
        typer.echo("simulated data: no people judged or rated these clips")
    print_rows([{key: row[key] for key in columns} for row in rows])
