"""A self-contained page of sections that belong to no run; everything from data is escaped by the template engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

import bgs
from bgs.reports.page import _environment, _policy, _read, _write
from bgs.reports.sections import Section


def write_section_page(
    sections: Sequence[Section], out: Path, *, title: str, summary: str, simulated: str = ""
) -> Path:
    """Write the page; `simulated` says what a program made, where one did."""
    environment = _environment()
    style, script = (_read(environment, name) for name in ("report.css", "report.js"))
    html = environment.get_template("sections.html.j2").render(
        title=title,
        summary=summary,
        simulated=simulated,
        sections=list(sections),
        style=Markup(style),  # files of this package, nothing from data
        script=Markup(script),
        policy=_policy(style, script),
        version=bgs.__version__,
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )
    _write(out, html)
    return out
