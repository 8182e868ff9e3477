"""The application and its exit codes.

Exit 0: done. Exit 2: the user can mend it, one line says how. Exit 130: stopped by Ctrl-C. Anything else that escapes
is a bug and keeps its traceback (exit 1).
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.main import get_command

import bgs
from bgs.cli import analyses, attend, data, doctor, fusion, runs, scores
from bgs.cli.transfer import app as transfer_app
from bgs.cli.verbosity import hush, speak
from bgs.errors import BgsError

app = typer.Typer(
    name="bgs",
    help="Make video models see social life the way people do.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(runs.app)
app.add_typer(scores.app)
app.add_typer(analyses.app)
app.add_typer(transfer_app)
app.add_typer(attend.app)
app.add_typer(data.app, name="data")
app.add_typer(fusion.app, name="fusion")
app.add_typer(doctor.app)

STOPPED = 130


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bgs {bgs.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            help="Say on stderr what is being done; twice for more.",
        ),
    ] = 0,
) -> None:
    """Make video models see social life the way people do.

    Example: bgs --verbose fit configs/demo.yaml
    """
    speak(verbose)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
    finally:
        hush()
    sys.exit(code)


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
        typer.echo(_stopped_line(arguments), err=True)
    return code if isinstance(code, int) else 0


def _stopped_line(arguments: list[str]) -> str:
    """What Ctrl-C has ended; of a command that can go on, how."""
    command: Any = get_command(app)
    words = []
    for word in arguments:  # what stands before a command's own words has no values
        child = getattr(command, "commands", {}).get(word)
        if child is not None:
            command = child
            words.append(word)
    if not any("--resume" in parameter.opts for parameter in command.params):
        return "stopped"
    again = " ".join(["bgs", *words])
    return f"stopped; a run that was training goes on with the same `{again}` and --resume"


def _complain(line: str) -> int:
    typer.echo(f"error: {line}", err=True)
    return 2


def _usage_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "bgs"
    message = (
        " ".join(error.format_message().split()) if hasattr(error, "format_message") else str(error)
    )
    message = message.replace("Value error, ", "")
    return f"{message.rstrip('.')}; see `{command} --help`"
