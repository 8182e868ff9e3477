"""Commands that score: models on held-out clips, and people on people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bgs.cli.option_groups import Judged, Outcome, spread
from bgs.cli.options import (
    TRIPLETS_DIR,
    VIDEOS_DIR,
    CaptionsOption,
    JsonOption,
    ModelsArgument,
    NumBootstrapOption,
    SeedOption,
    ThirdOption,
    TripletsDirOption,
    VideosDirOption,
)
from bgs.cli.output import print_ceiling, print_json, print_results, print_rows

app = typer.Typer(rich_markup_mode=None)

RANKING = (
    "alike: models that share a letter cannot be told apart (Holm-corrected p of .05); intervals are not corrected. "
    "p (chance): against clips exchanged by lot. p (Holm): of the difference in Spearman from the best, for all pairs."
)


@app.command("score")
@spread
def run_score(
    models: ModelsArgument,
    judged: Judged,
    outcome: Outcome,
    also: Annotated[
        bool,
        typer.Option(
            "--also",
            help="Also Kendall's tau-a, Pearson, weighting by judgments, shares of the ceilings, likelihood.",
        ),
    ] = False,
    interval_over: Annotated[
        Literal["clips", "pairs", "participants"],
        typer.Option("--interval-over", help="What the intervals of correlations resample."),
    ] = "clips",
    metric: Annotated[
        Literal["cosine", "correlation", "euclidean"],
        typer.Option("--metric", help="Distance between embeddings."),
    ] = "cosine",
    captions: CaptionsOption = "mean",
    num_bootstrap: NumBootstrapOption = 1000,
    num_permutations: Annotated[
        int, typer.Option("--num-permutations", min=100, help="Relabellings behind every p.")
    ] = 1000,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for results.json.")] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write CSV and Parquet tables and an rsatoolbox file here."),
    ] = None,
) -> None:
    """Score models on held-out clips, next to the noise ceiling; several are ranked and compared.

    Example: bgs score runs/demo bgs-tiny caption:tfidf low-level:motion --data demo
    """
    from bgs.run.score import score

    results = outcome.file(
        "leaderboard",
        lambda: score(
            models,
            metric=metric,
            captions=captions,
            interval_over=interval_over,
            also=also,
            num_bootstrap=num_bootstrap,
            num_permutations=num_permutations,
            seed=outcome.seed,
            out=out,
            export=export,
            progress=not outcome.quiet,
            **vars(judged),
        ),
    )
    print_results(results, as_json=outcome.as_json)
    if not outcome.as_json:
        _print_order(results)


@app.command("ceiling")
def show_ceiling(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Judgments: a card's name, or a file.")
    ],
    third: ThirdOption = "within",
    split: Annotated[
        Literal["test", "train", "all"], typer.Option("--split", help="Clips the ceiling is about.")
    ] = "test",
    num_splits: Annotated[
        int, typer.Option("--num-splits", min=2, help="Random split-halves.")
    ] = 1000,
    choice_model: Annotated[
        bool,
        typer.Option("--choice-model", help="Also what a model fitted to other judgments expects."),
    ] = False,
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """How well any model could do: what one half of the people says of the other half.

    Example: bgs ceiling social250 --third any --json
    """
    from bgs.run.ceiling import measure_ceiling

    ceiling = measure_ceiling(
        name,
        third=third,
        split=split,
        num_splits=num_splits,
        choice_model=choice_model,
        seed=seed,
        triplets_dir=triplets_dir,
        videos_dir=videos_dir,
    )
    if as_json:
        print_json(ceiling)
    else:
        print_ceiling(ceiling)


def _ranking(results: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ranking with its numbers as in the table above it, and a p that is as small as it can be told as such."""
    from bgs.reports.numbers import as_interval, format_interval, format_p, format_share

    counted = results["models"][0]["protocol"].get("num_permutations")
    best = rows[0]["model"]
    plain = {pair["from"]: pair["p"] for pair in results["comparisons"] if pair["to"] == best}
    return [
        {
            **row,
            "p (chance)": format_p(row["p (chance)"], permutations=counted),
            "R2 behind best": format_share(row["R2 behind best"]),
            "95 % CI": format_interval(as_interval(row["95 % CI"])),
            "p (Holm)": format_p(
                row["p (Holm)"], permutations=counted, uncorrected=plain.get(row["model"])
            ),
        }
        for row in rows
    ]


def _print_order(results: dict[str, Any]) -> None:
    """Under the table of scores: who cannot be told apart, and what `--also` asked for."""
    from bgs.run.leaderboard import (
        agreement_rows,
        correlation_rows,
        further_rows,
        terminal_rows,
    )
    from bgs.run.recipes import recipe_rows

    if "leaderboard" in results:
        print_rows(_ranking(results, terminal_rows(results)))
        typer.echo(RANKING)
    for title, rows in (
        ("runs of one recipe, over seeds", recipe_rows(results.get("recipes", []))),
        ("other coefficients, with 95 % CI", correlation_rows(results)),
        ("shares of the ceilings, likelihood of people's choices", further_rows(results)),
        ("three-way accuracy by how many people agree about a triad", agreement_rows(results)),
    ):
        if rows:
            typer.echo(f"\n{title}")
            print_rows(rows)
