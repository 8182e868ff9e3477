"""Options that come together: a command names the group once and gets its values in one object.

    @app.command("variance")
    @spread
    def run_variance(model: ModelArgument, judged: Judged, outcome: Outcome) -> None: ...

takes `MODEL --data --videos ... --into --seed --json --quiet`, one option a field of the two groups.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, Literal, get_type_hints

import typer

from bgs.cli.options import (
    TRIPLETS_DIR,
    VIDEOS_DIR,
    DataOption,
    DecoderOption,
    IntoOption,
    JsonOption,
    NumBootstrapOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    RunFolderOption,
    SeedOption,
    ThirdOption,
    TripletsDirOption,
    VideosDirOption,
    VideosOption,
)
from bgs.cli.output import print_json, print_rows

Results = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Which judgments and clips, and how the clips are read."""

    data: DataOption = None
    videos: VideosOption = None
    third: ThirdOption = "within"
    decoder: DecoderOption = "auto"
    triplets_dir: TripletsDirOption = TRIPLETS_DIR
    videos_dir: VideosDirOption = VIDEOS_DIR


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Which clips are looked at and how they are read, where judgments only name them."""

    data: DataOption = None
    videos: VideosOption = None
    decoder: DecoderOption = "auto"
    triplets_dir: TripletsDirOption = TRIPLETS_DIR
    videos_dir: VideosDirOption = VIDEOS_DIR


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a run is written and how it begins: anew, over an earlier one, from a checkpoint, or not at all."""

    out: RunFolderOption = None
    resume: ResumeOption = False
    overwrite: OverwriteOption = False
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="Resume although settings have changed.")
    ] = False
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Show the resolved settings and stop.")
    ] = False

    @property
    def onto(self) -> dict[str, Any]:
        """What becomes of an earlier run."""
        return {name: getattr(self, name) for name in ("resume", "overwrite", "allow_changes")}


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """What intervals rest on."""

    num_bootstrap: NumBootstrapOption = 1000
    seed: SeedOption = 0


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a result is printed."""

    as_json: JsonOption = False
    quiet: QuietOption = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What becomes of a result: filed in a run, printed as JSON or as a table."""

    into: IntoOption = None
    seed: SeedOption = 0
    as_json: JsonOption = False
    quiet: QuietOption = False

    def file(
        self,
        kind: Literal["leaderboard", "variance", "probes", "layers", "retention", "transfer"],
        analyse: Callable[[], Results],
    ) -> Results:
        """Run the analysis and file what it found; the run's folder is looked at before the work."""
        from bgs.run.filing import check_run, file_analysis

        if self.into is not None:
            check_run(self.into)
        results = analyse()
        if self.into is not None:
            file_analysis(self.into, kind, results)
        return results

    def show(self, results: Results, rows: Sequence[Results], columns: tuple[str, ...]) -> None:
        """All of it as JSON, or a table that says first where nobody judged."""
        if self.as_json:
            print_json(results)
            return
        if results.get("simulated"):
            typer.echo("simulated data: no people judged or rated these clips")
        print_rows([{key: row[key] for key in columns} for row in rows])


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The same command with an option for every field of the groups among its parameters."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters = list(_spread_parameters(command, hints))

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            of_group = {field.name: given.pop(field.name) for field in fields(group)}
            given[name] = group(**of_group)  # type: ignore[operator]  # a class, not an instance
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _spread_parameters(
    command: Callable[..., None], hints: dict[str, Any]
) -> Iterator[inspect.Parameter]:
    """What is the command's own first, so that its help begins with what it is about; then the groups."""
    alone = inspect.signature(command).parameters
    for name, parameter in alone.items():
        if not is_dataclass(hints[name]):
            yield parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[name])
    for group in filter(is_dataclass, map(hints.__getitem__, alone)):
        inside = get_type_hints(group, include_extras=True)
        for field in fields(group):
            yield inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=inside[field.name],
            )
