"""Later analyses of a run: files that `bgs ... --into RUN` has left in RUN/analyses, each a section of the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bgs.errors import DataError
from bgs.reports.document import RERUN, Document, read_document
from bgs.reports.gallery import view_attention
from bgs.reports.layers import view_layers
from bgs.reports.leaderboard import view_leaderboard
from bgs.reports.partition import view_variance
from bgs.reports.probes import view_probes
from bgs.reports.retention import view_retention
from bgs.reports.sections import Section
from bgs.reports.transfer import view_transfer

FOLDER = "analyses"
LARGEST = 32_000_000  # bytes of a file

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
    return tuple(_view(kind, file) for kind, file in files.items() if file.is_file())


def _view(kind: str, file: Path) -> Section:
    """What a file holds; one that no command of ours can have written is a mistake of the file, not of the page."""
    if file.stat().st_size > LARGEST:
        raise DataError(
            f"larger than {LARGEST // 10**6} MB, which no analysis is", remedy=RERUN, file=file
        )
    document = read_document(file)
    try:
        return KINDS[kind](document)
    except DataError as error:
        if error.file is not None:
            raise
        raise DataError(error.what, remedy=error.remedy, file=file) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"does not hold what `bgs` files as {kind} ({type(error).__name__}: {error})",
            remedy=RERUN,
            file=file,
        ) from error
