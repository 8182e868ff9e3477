"""Later analyses of a run: files that `bgs ... --into RUN` has left in RUN/analyses, each a section of the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bgs.reports.document import Document, read_document
from bgs.reports.gallery import view_attention
from bgs.reports.layers import view_layers
from bgs.reports.leaderboard import view_leaderboard
from bgs.reports.partition import view_variance
from bgs.reports.probes import view_probes
from bgs.reports.retention import view_retention
from bgs.reports.sections import Section
from bgs.reports.transfer import view_transfer

FOLDER = "analyses"

# In the order of the page; a kind without its file does not appear.
KINDS: dict[str, Callable[[Document], Section]] = {
    "leaderboard": view_leaderboard,
    "variance": view_variance,
    "probes": view_probes,
    "layers": view_layers,
    "retention": view_retention,
    "transfer": view_transfer,
    "attention": view_attention,
}


def load_analyses(run_dir: Path) -> tuple[Section, ...]:
    """A section for every kind that was filed; a broken file is refused by name."""
    files = {kind: run_dir / FOLDER / f"{kind}.json" for kind in KINDS}
    return tuple(
        view(read_document(files[kind])) for kind, view in KINDS.items() if files[kind].is_file()
    )
