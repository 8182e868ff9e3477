"""Commands about data: what is there, is it sound, where does it come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bgs.cli.options import (
    TRIPLETS_DIR,
    VIDEOS_DIR,
    JsonOption,
    QuietOption,
    SeedOption,
    TripletsDirOption,
    VideosDirOption,
)
from bgs.cli.output import print_json, print_rows
from bgs.errors import show_line

if TYPE_CHECKING:
    from bgs.data.check import CheckReport
    from bgs.data.clip_check import ClipReport

MOST_NAMED = 5  # missing clips that are named
MOST_LISTED = 20  # problems of clips that are printed; --json has them all

app = typer.Typer(
    help="Judgments and clips: list, check, import, fetch.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_data(
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    as_json: JsonOption = False,
) -> None:
    """What data sets there are, and whether they are here.

    A data set is here when its judgments, or the table of its clips, are; `bgs data check` looks closer.

    Example: bgs data list --triplets-dir ~/lab/triplets
    """
    from bgs.data.card_files import list_cards

    rows = list_cards(triplets_dir=triplets_dir, videos_dir=videos_dir)
    if as_json:
        print_json(rows)
    else:
        shown = ("name", "kind", "present", "simulated", "title")
        print_rows([{key: row[key] for key in shown} for row in rows])


@app.command("check")
def check_data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A card's name, a file of judgments, or a folder of clips."
        ),
    ],
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Count and cross-check judgments and clips.

    Prints what there is, what is left out and why, and lines that begin with `look at` for what looks wrong.

    Example: bgs data check social250 --json
    """
    from bgs.run.inventory import check_data_set

    report = check_data_set(
        name, triplets_dir=triplets_dir, videos_dir=videos_dir, progress=not quiet
    )
    if as_json:
        print_json(report.to_dict())
        return
    if report.triplets is not None:
        _print_judgments(report.triplets)
    if report.videos is not None:
        _print_clips(report.videos)


@app.command("import")
def import_data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The card to fill, e.g. social250.")],
    source: Annotated[
        Path, typer.Option("--from", help="Folder that holds the release as downloaded.")
    ],
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
) -> None:
    """Copy a release that you have into the homes.

    For cards that list the files of a release; each is verified by its checksum.

    Example: bgs data import social250 --from ~/downloads/similarity-judgments-finetuning/data
    """
    from bgs.data.releases import import_release

    print_rows(import_release(name, source, triplets_dir=triplets_dir, videos_dir=videos_dir))


@app.command("fetch")
def fetch_data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The card to fetch, e.g. social250; `demo` is simulated on the spot.",
        ),
    ],
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Download a release into the homes.

    Each file is verified by its checksum; `demo` is simulated on the spot.

    Example: bgs data fetch demo --seed 1
    """
    from bgs.run.inventory import fetch_data_set

    print_rows(
        fetch_data_set(
            name, triplets_dir=triplets_dir, videos_dir=videos_dir, seed=seed, progress=not quiet
        )
    )


def _print_judgments(report: CheckReport) -> None:
    said = " (simulated participants)" if report.simulated else ""
    typer.echo(f"judgments {report.name}{said}")
    rows, section = [], ""
    for title, what, value in report.table_rows():
        rows.append({"section": "" if title == section else title, "what": what, "value": value})
        section = title
    print_rows(rows)
    for flag in report.flags:
        typer.echo(f"look at: {flag}")
    for note in report.notes:
        typer.echo(f"note: {note}")


def _print_clips(report: ClipReport) -> None:
    typer.echo(f"clips {report.name}")
    missing = report.of_kind("missing")
    if len(missing) == report.num_clips:
        folder = report.problems[0].file.parent
        typer.echo(f"none of the {report.num_clips} clips is in {folder}; {report.obtain}")
        return
    facts = report.to_dict()
    shown = ("num_clips", "ok", "counts", "seconds", "num_frames", "sizes")
    print_rows([{"what": key.replace("_", " "), "value": facts[key]} for key in shown])
    if missing:
        named = ", ".join(missing[:MOST_NAMED]) + (", ..." if len(missing) > MOST_NAMED else "")
        typer.echo(f"missing: {len(missing)} of {report.num_clips} ({named}); {report.obtain}")
    others = [problem for problem in report.problems if problem.kind != "missing"]
    for problem in others[:MOST_LISTED]:
        typer.echo(f"{problem.kind}: {problem.clip}: {show_line(problem.what)}")
    if len(others) > MOST_LISTED:
        typer.echo(f"... and {len(others) - MOST_LISTED} more (all of them with --json)")
