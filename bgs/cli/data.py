"""Commands about data: what is there, is it sound, what does it look like, where does it come from.

Longer than most, for the options and help of five commands; what each prints is short and stands below them.
"""

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
    from bgs.data.bad_rows import BadRowsError
    from bgs.data.check import CheckReport
    from bgs.data.clip_check import ClipReport
    from bgs.fusion.checking import TaskReport
    from bgs.run.inventory import DataReport

KINDS = {"triplets": "judgments", "videos": "clips", "task": "pictures"}
MENDABLE = 2  # the exit code of what the user can mend
MOST_NAMED = 5  # missing clips that are named
MOST_LISTED = 20  # problems of clips that are printed; --json has them all

app = typer.Typer(
    help="Judgments and clips: list, check, show, import, fetch.",
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

    Judgments are here when their file is; of clips it says how many of those in their table have a file. `bgs data
    check` looks closer. Data sets of `bgs fusion` come last.

    Example: bgs data list --triplets-dir ~/lab/triplets
    """
    from bgs.run.listing import list_data_sets, say_here

    rows = list_data_sets(triplets_dir=triplets_dir, videos_dir=videos_dir)
    if as_json:
        print_json(rows)
        return
    shown = [
        {
            "name": row["name"],
            "kind": KINDS[str(row["kind"])],
            "here": say_here(row),
            "simulated": row["simulated"],
            "title": row["title"],
        }
        for row in rows
    ]
    tasks = [row for row in shown if row["kind"] == KINDS["task"]]
    print_rows([row for row in shown if row not in tasks])
    if tasks:
        typer.echo("\ndata sets of `bgs fusion`")
        print_rows(tasks)


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
    Exits 2 after all of that if a clip has a problem, or if rows are no judgments (the first 20 are named);
    clips of which none is here are no fault of the judgments.
    Of a data set of `bgs fusion` (affectnet, gazefollow, hagrid, lam, pisc) every picture is opened; one that is
    missing or broken is a problem.

    Example: bgs data check social250 --json
    """
    from bgs.run.inventory import check_data_set

    report = check_data_set(
        name, triplets_dir=triplets_dir, videos_dir=videos_dir, progress=not quiet
    )
    if as_json:
        print_json(report.to_dict())
    else:
        if report.bad_rows is not None:
            _print_bad_rows(report.bad_rows)
        if report.triplets is not None:
            _print_judgments(report.triplets)
        if report.videos is not None:
            _print_clips(report.videos)
        if report.task is not None:
            _print_task(report.task)
    if report.bad_rows is not None or _has_bad_clips(report):
        raise typer.Exit(MENDABLE)


@app.command("import")
def import_data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The card to fill, e.g. social250.")],
    source: Annotated[
        Path, typer.Option("--from", help="Folder that holds the release as downloaded.")
    ],
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    quiet: QuietOption = False,
) -> None:
    """Copy a release that you have into the homes.

    For cards that list the files of a release, each verified by its checksum, and for scenes such as `phase`,
    which are rendered to clips.

    Example: bgs data import social250 --from ~/downloads/similarity-judgments-finetuning/data
    """
    from bgs.run.inventory import import_data_set

    print_rows(
        import_data_set(
            name, source, triplets_dir=triplets_dir, videos_dir=videos_dir, progress=not quiet
        )
    )


@app.command("fetch")
def fetch_data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The card to fetch, e.g. social250; `demo` and `demo-phase` are simulated.",
        ),
    ],
    twin: Annotated[
        bool,
        typer.Option(
            "--twin",
            help="Draw a small simulated twin of a data set of `bgs fusion`, in the layout of the real one.",
        ),
    ] = False,
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Download a release into the homes.

    Each file is verified by its checksum; `demo` and `demo-phase` are simulated on the spot. The data sets of `bgs
    fusion` are their authors' to give; `--twin` draws a simulated one in their layout, never over what is there.

    Example: bgs data fetch demo --seed 1
    """
    from bgs.run.inventory import fetch_data_set

    print_rows(
        fetch_data_set(
            name,
            triplets_dir=triplets_dir,
            videos_dir=videos_dir,
            twin=twin,
            seed=seed,
            progress=not quiet,
        )
    )


@app.command("show")
def show_data(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A card's name, or a folder of clips or of scenes."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The picture to write (default: NAME.png).")
    ] = None,
    clips: Annotated[
        int, typer.Option("--clips", min=1, max=200, help="Rows: clips, or rows of examples.")
    ] = 8,
    frames: Annotated[
        int, typer.Option("--frames", min=1, max=60, help="Columns: frames, or examples.")
    ] = 6,
    look: Annotated[
        str | None,
        typer.Option(
            "--look",
            help="Draw scenes in this look (phase, heider-simmel, points, discs, random) instead of showing clips.",
        ),
    ] = None,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Draw a contact sheet: frames of some clips, with captions and ratings.

    Of a data set of `bgs fusion`: rows and columns of examples of every label, with boxes, points and answers.

    The seed chooses the clips; `demo` and `demo-phase` with a look are simulated from it.

    Example: bgs data show demo --look heider-simmel --out looks.png
    """
    from bgs.run.show import show_data_set

    shown = show_data_set(
        name,
        out or Path(f"{Path(name).name or 'clips'}.png"),
        videos_dir=videos_dir,
        num_clips=clips,
        num_frames=frames,
        look=look,
        seed=seed,
    )
    if as_json:
        print_json(shown)
    else:
        print_rows([{**shown, "clips": len(shown["clips"])}])


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


def _print_bad_rows(error: BadRowsError) -> None:
    rows = "1 row is no judgment" if error.count == 1 else f"{error.count:,} rows are no judgments"
    typer.echo(f"{show_line(error.file or '')}: {rows}")
    for bad in error.listed:
        typer.echo(f"row {bad.row}: {show_line(bad.what)}; {show_line(bad.remedy)}")
    if error.count > len(error.listed):
        typer.echo(f"... and {error.count - len(error.listed):,} more")


def _has_bad_clips(report: DataReport) -> bool:
    if report.task is not None:
        return not report.task.ok
    clips = report.videos
    if clips is None or clips.ok:
        return False
    none_here = len(clips.of_kind("missing")) == clips.num_clips
    return report.triplets is None or not none_here


def _print_task(report: TaskReport) -> None:
    said = " (simulated)" if report.simulated else ""
    broken = f"{len(report.problems)} of {report.num_pictures} cannot be read"
    typer.echo(f"data set {report.name}{said}: {report.num_pictures} pictures, {broken}")
    for part in report.to_dict()["tasks"]:
        typer.echo(f"task {part['task']}: {part['title']}")
        labels = next(iter(part["counts"].values()))
        rows = [
            {"answer": label, **{split: row[label] for split, row in part["counts"].items()}}
            for label in labels
        ]
        totals = {split: sum(row.values()) for split, row in part["counts"].items()}
        print_rows([*rows, {"answer": "all", **totals}])
        for reason, count in part["left_out"].items():
            typer.echo(f"left out: {count} because {show_line(reason)}")
        for pair, count in part["groups_shared"].items():
            if count:
                typer.echo(f"look at: {count} groups are in both {pair}")
        if part["ids_twice"]:
            typer.echo(f"look at: {part['ids_twice']} examples have the id of another")
        for note in part["notes"]:
            typer.echo(f"note: {note}")
    for problem in report.problems[:MOST_LISTED]:
        typer.echo(f"broken: {problem.file}: {show_line(problem.what)}")
    if len(report.problems) > MOST_LISTED:
        typer.echo(f"... and {len(report.problems) - MOST_LISTED} more (all of them with --json)")


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
