"""The application, its exit codes, and the options that several commands share.

Exit 0: done. Exit 2: the user can mend it, one line says how. Exit 130: stopped by Ctrl-C. Anything else that escapes
is a bug and keeps its traceback (exit 1).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import bgs
from bgs.errors import BgsError

app = typer.Typer(
    name="bgs",
    help="Make video models see social life the way people do.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
TripletsDirOption = Annotated[
    Path, typer.Option("--triplets-dir", help="Home of judgments (cards NAME.yaml and their files).")
]
VideosDirOption = Annotated[
    Path, typer.Option("--videos-dir", help="Home of clips (cards NAME.yaml and their files).")
]
DataOption = Annotated[str | None, typer.Option("--data", help="Judgments: a card's name, or a file.")]
VideosOption = Annotated[
    str | None, typer.Option("--videos", help="Clips: a card's name, or a folder (default: what the judgments name).")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]

STOPPED = 130
TRIPLETS_DIR = Path("triplets")
VIDEOS_DIR = Path("videos")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bgs {bgs.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Make video models see social life the way people do."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # The commands register themselves on `app`; importing them here keeps this module free of cycles.
    from bgs.cli import data, runs  # noqa: F401

    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments, standalone_mode=False, prog_name="bgs")
    except BgsError as error:
        return _complain(str(error))
    except typer.TyperException as error:
        return _complain(_usage_line(error))
    except BrokenPipeError:
        # The reader (head, less) went away: nothing is wrong, but Python would say so while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if code == STOPPED:  # how typer reports Ctrl-C
        typer.echo("stopped", err=True)
    return code if isinstance(code, int) else 0


def _complain(line: str) -> int:
    typer.echo(f"error: {line}", err=True)
    return 2


def _usage_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "bgs"
    message = " ".join(error.format_message().split()) if hasattr(error, "format_message") else str(error)
    return f"{message.rstrip('.')}; see `{command} --help`"
