"""A self-contained page of sections that belong to no run; everything from data is escaped by the template engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bgs.reports.sections import Section
from bgs.reports.templating import fill_page


def write_section_page(
    sections: Sequence[Section], out: Path, *, title: str, summary: str, simulated: str = ""
) -> Path:
    """Write the page; `simulated` says what a program made, where one did."""
    return fill_page(
        "sections.html.j2",
        out,
        title=title,
        summary=summary,
        simulated=simulated,
        sections=list(sections),
    )
