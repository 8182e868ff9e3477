"""`bgs fusion`: a bridge from a frozen encoder to a language model, trained on five social tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from bgs.cli import fusion_diagnose
from bgs.cli.option_groups import Shown, Start, spread
from bgs.cli.options import JsonOption, QuietOption, RunFolderOption
from bgs.cli.output import print_json, print_rows

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Five social tasks on a frozen encoder: a connector and a language model, or probes.",
)
app.add_typer(fusion_diagnose.app)
SEVERAL = ("--train-on", "--val-on", "--on")


class SeveralWords(TyperCommand):
    """Lets `--train-on a b c` mean what `--train-on a --train-on b --train-on c` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before every word after it, up to the next option or KEY=VALUE; commas part words too."""
        words: list[str] = []
        option = None
        for word in args:
            if word.startswith("-") or "=" in word:
                option = word if word in SEVERAL else None
                words.append(word)
                continue
            for part in word.split(",") if option else [word]:
                if option is not None and words[-1] != option:
                    words.append(option)
                words.append(part)
        return super().parse_args(ctx, words)


ConfigArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[CONFIG]", help="A YAML file, or the name fusion-twins (default: the defaults)."
    ),
]
OverridesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change.")
]
TrainOnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--train-on",
        metavar="TASK...",
        help="affectnet, affectnet-7, gazefollow, hagrid, lam, pisc, pisc-coarse (default: the config's).",
    ),
]
ValOnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--val-on",
        metavar="TASK...",
        help="Tasks that choose the epoch and are scored (default: those trained on).",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What stands on both sides of the connector, and where absent data come from."""

    backbone: Annotated[
        str | None,
        typer.Option("--backbone", help="A backbone's name, or a run folder: its tuned encoder."),
    ] = None
    language: Annotated[
        str | None,
        typer.Option("--language", help="A causal model's folder or id; `tiny` for a random one."),
    ] = None
    use_heatmap: Annotated[
        bool, typer.Option("--use-heatmap", help="A decoder of gaze beside the words.")
    ] = False
    twins: Annotated[
        bool,
        typer.Option("--twins", help="Draw a simulated twin of every data set that is absent."),
    ] = False


@app.command("train", cls=SeveralWords)
@spread
def run_train(
    parts: Parts,
    start: Start,
    shown: Shown,
    config: ConfigArgument = None,
    overrides: OverridesArgument = None,
    train_on: TrainOnOption = None,
    val_on: ValOnOption = None,
) -> None:
    """Train one model on several social tasks and score it on each.

    Example: bgs fusion train fusion-twins --out runs/twins training.num_train_epochs=3
    """
    settings = _resolve(config, overrides, parts, train_on=train_on, val_on=val_on, out=start.out)
    if start.print_config:
        from bgs.run.fusion_config import dump_fusion

        typer.echo(dump_fusion(settings), nl=False)
        return
    from bgs.run.fusion import train_fusion
    from bgs.training.processes import Processes

    results = train_fusion(settings, progress=not shown.quiet, **start.onto)
    if Processes().is_main:
        _show(results, as_json=shown.as_json)
        typer.echo(f"report: {settings.output_dir / 'report.html'}", err=shown.as_json)


@app.command("eval", cls=SeveralWords)
def run_eval(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run.")],
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="TASK...", help="Tasks (default: those of the run)."),
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"], typer.Option("--split", help="Part of the data.")
    ] = "test",
    home: Annotated[
        Path | None, typer.Option("--home", help="Where the data sets are (default: the run's).")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score a trained run on its tasks, or on others.

    Example: bgs fusion eval runs/twins --on pisc lam --split val
    """
    from bgs.run.fusion import evaluate_fusion

    results = evaluate_fusion(run, on=on or (), split=split, home=home, progress=not quiet)
    _show(results, as_json=as_json)


@app.command("table", cls=SeveralWords)
@spread
def run_table(
    parts: Parts,
    shown: Shown,
    config: ConfigArgument = None,
    overrides: OverridesArgument = None,
    train_on: TrainOnOption = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out/--no-leave-one-out", help="Also who helps whom.")
    ] = True,
    out: RunFolderOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the runs of the table that are there.")
    ] = False,
) -> None:
    """Who helps whom: every task trained alone, all together, and all but one, each for the same steps a task.

    Example: bgs fusion table fusion-twins --out runs/table training.num_train_epochs=3
    """
    from bgs.run.fusion_table import make_table

    settings = _resolve(config, overrides, parts, train_on=train_on, out=out)
    results = make_table(
        settings, leave_one_out=leave_one_out, resume=resume, progress=not shown.quiet
    )
    if shown.as_json:
        print_json(results)
        return
    _say_simulated(results)
    _print_gains(results["from_all"], before="alone", after="together")
    _print_gains(results["from_each"], before="without", after="with")
    typer.echo(f"budget: {results['budget']}")
    typer.echo(f"intervals: {results['intervals']}")
    typer.echo(f"table: {settings.output_dir / 'table.json'}, figure: {results['figure']}")


def _resolve(
    config: str | None,
    overrides: list[str] | None,
    parts: Parts,
    *,
    train_on: list[str] | None,
    val_on: list[str] | None = None,
    out: Path | None,
) -> Any:
    from bgs.run.fusion_config import resolve_fusion

    words = list(overrides or ())
    if config is not None and "=" in config:  # no config: the first word is a setting
        words, config = [config, *words], None
    return resolve_fusion(
        config,
        overrides=words,
        changes={
            "train_on": train_on or None,
            "val_on": val_on or None,
            "backbone.name_or_path": parts.backbone,
            "language.name_or_path": parts.language,
            "use_heatmap": parts.use_heatmap or None,
            "output_dir": None if out is None else str(out),
        },
        twins=parts.twins,
    )


def _show(results: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(results)
        return
    _say_simulated(results)
    print_rows(
        [
            {
                "task": task,
                "metric": name,
                "value": found["value"],
                "95% CI": found["ci95"],
                "chance": found["chance"],
                "above chance": found["above_chance"],
                "n": block["n"],
                "groups": block["n_groups"],
                **({} if block["trained"] else {"trained on": "no"}),
                "data": "simulated" if block["simulated"] else "real",
            }
            for task, block in results["tasks"].items()
            for name, found in block["metrics"].items()
        ]
    )
    if "parameters" in results:
        typer.echo(_size_line(results["parameters"]))
        typer.echo(_training_line(results["training"]))


def _print_gains(rows: Sequence[Mapping[str, Any]], *, before: str, after: str) -> None:
    names = {"first": before, "second": after, "ci95": "95% CI"}
    if rows:
        typer.echo("")
        print_rows([{names.get(key, key): value for key, value in row.items()} for row in rows])


def _say_simulated(results: Mapping[str, Any]) -> None:
    if results["simulated"]:
        typer.echo("simulated data: these pictures are drawings, no person is shown")


def _size_line(parts: Mapping[str, Any]) -> str:
    """How little stands between the encoder and the language model."""
    return (
        f"trained {parts['trained']:,} of {parts['total']:,} parameters; encoder {parts['encoder']:,} (frozen), "
        f"connector {parts['connector']:,} ({parts['connector_share']:.2%} of all)"
    )


def _training_line(training: Mapping[str, Any]) -> str:
    return f"kept epoch {training['best_epoch']} of {training['epochs']}, the best on validation"
