"""The command that looks at the machine: doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bgs.cli.options import (
    TRIPLETS_DIR,
    VIDEOS_DIR,
    JsonOption,
    TripletsDirOption,
    VideosDirOption,
)
from bgs.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from bgs.run.machine import Finding

app = typer.Typer(rich_markup_mode=None)

BROKEN = 2


@app.command("doctor")
def run_doctor(
    triplets_dir: TripletsDirOption = TRIPLETS_DIR,
    videos_dir: VideosDirOption = VIDEOS_DIR,
    as_json: JsonOption = False,
) -> None:
    """Say what this machine has and what is missing, with a remedy a line.

    `broken` means that bgs cannot work without it, and exits 2; a `note` is about something optional.

    Example: bgs doctor --json
    """
    from bgs.run.doctor import examine

    findings = examine(triplets_dir=triplets_dir, videos_dir=videos_dir)
    broken = [finding.name for finding in findings if finding.status == "broken"]
    if as_json:
        print_json({"ok": not broken, "findings": [finding.to_dict() for finding in findings]})
    else:
        print_rows([_row(finding) for finding in findings])
        typer.echo(f"broken: {', '.join(broken)}" if broken else "all that is necessary is here")
    if broken:
        raise typer.Exit(BROKEN)


def _row(finding: Finding) -> dict[str, str]:
    found = "; ".join(filter(None, (finding.value, finding.remedy)))
    return {"": finding.status, "what": finding.name, "found": found}
