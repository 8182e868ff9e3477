"""Two lenses on visual encoders, before anything is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bgs.cli.option_groups import Resampled, Shown, spread
from bgs.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from bgs.run.fusion_diagnose import Request

app = typer.Typer(rich_markup_mode=None)

EncodersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENCODER]...",
        help="A backbone, random:BACKBONE, or a run folder (its tuned encoder); SHORT=ENCODER names it in "
        "tables. The first is what the others are compared with.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Examined:
    """Which tasks, where they are, and how many of their examples."""

    tasks: Annotated[str, typer.Option("--tasks", help="Tasks, with commas.")] = (
        "affectnet,gazefollow,hagrid,lam,pisc"
    )
    home: Annotated[
        Path, typer.Option("--home", help="Where the data sets are, as downloaded.")
    ] = Path("videos")
    twins: Annotated[
        bool, typer.Option("--twins", help="On simulated twins, drawn into OUT/data.")
    ] = False
    max_examples: Annotated[
        int,
        typer.Option(
            "--max-examples", min=8, help="Training and validation examples a task, drawn by seed."
        ),
    ] = 2000
    max_test: Annotated[
        int, typer.Option("--max-test", min=8, help="Test examples a task, drawn by seed.")
    ] = 5000


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """The brief training behind the second lens."""

    language: Annotated[
        str,
        typer.Option(
            "--language", help="Language model behind the connector: an id, a folder, or tiny."
        ),
    ] = "tiny"
    steps: Annotated[
        int, typer.Option("--steps", min=0, help="Steps that all tasks are learnt together.")
    ] = 200
    batches: Annotated[
        int, typer.Option("--batches", min=4, help="Batches a task that gradients are taken of.")
    ] = 16
    run: Annotated[
        Path | None,
        typer.Option("--run", help="A run of `bgs fusion train`: gradients of its model, too."),
    ] = None


@app.command("diagnose")
@spread
def run_diagnose(
    examined: Examined,
    learnt: Learnt,
    resampled: Resampled,
    shown: Shown,
    encoders: EncodersArgument = None,
    lens: Annotated[
        Literal["both", "decodability", "compatibility"],
        typer.Option("--lens", help="Linear probes, agreement of gradients, or both."),
    ] = "both",
    out: Annotated[
        Path, typer.Option("--out", help="Folder for results.json and report.html.")
    ] = Path("runs/diagnosis"),
) -> None:
    """Look at encoders through two lenses: what a line reads off, and whether tasks agree.

    Decodability: a linear probe a task and layer on the frozen encoder, layer chosen on validation examples.
    Compatibility: cosines between the tasks' gradients on a shared connector and language model, next to how well
    each task agrees with itself.

    Example: bgs fusion diagnose bgs-tiny random:bgs-tiny --twins --out runs/diagnosis
    """
    from bgs.run.fusion_diagnose import diagnose

    request = _request(examined, learnt, resampled, lens=lens)
    results = diagnose(encoders or [], out=out, request=request, progress=not shown.quiet)
    if shown.as_json:
        print_json(results)
        return
    _print_tables(results)
    typer.echo(f"{out / 'report.html'}: the same as a page")


def _request(examined: Examined, learnt: Learnt, resampled: Resampled, *, lens: Any) -> Request:
    from bgs.fusion.diagnosis import BriefTraining
    from bgs.fusion.twins import SMALL
    from bgs.run.fusion_diagnose import Request

    names = examined.tasks.split(",")
    seed = resampled.seed
    return Request(
        tasks=tuple(name.strip() for name in names if name.strip()),
        lens=lens,
        home=examined.home,
        twins=SMALL if examined.twins else None,
        max_examples=examined.max_examples,
        max_test=examined.max_test,
        language=learnt.language,
        training=BriefTraining(steps=learnt.steps, num_batches=learnt.batches, seed=seed),
        run=learnt.run,
        num_bootstrap=resampled.num_bootstrap,
        seed=seed,
    )


def _print_tables(results: dict[str, Any]) -> None:
    if results["simulated"]:
        typer.echo("simulated data: a program drew these pictures")
    columns = ("score", "ci95", "chance", "layer")
    rows = [
        {
            "task": row["task"],
            "encoder": row["encoder"],
            **{key: row["chosen"][key] for key in columns},
        }
        for row in results["probes"]
    ]
    if rows:
        typer.echo("read off by a line (balanced accuracy, or minus the mean distance)")
        print_rows(sorted(rows, key=lambda row: row["task"]))
    if results["gaps"]:
        typer.echo(f"against {results['encoders'][0]['name']}")
        print_rows([_gap_row(row) for row in results["gaps"]])
    rows = [
        {"encoder": row["encoder"], "step": moment["step"], **moment["parts"]["overall"]}
        for row in results["compatibility"]
        for moment in row["moments"]
    ]
    if rows:
        typer.echo("agreement of tasks' gradients, means over pairs")
        print_rows(rows)


def _gap_row(row: dict[str, Any]) -> dict[str, Any]:
    """A comparison; a p as small as the draws allow is printed as the bound that it is."""
    from bgs.reports.numbers import format_p

    shown = {key: row[key] for key in ("task", "encoder", "difference", "ci95")}
    for key in ("p", "p_holm"):
        shown[key] = format_p(
            row[key], permutations=row["num_permutations"], uncorrected=row["p"], brief=True
        )
    return shown
