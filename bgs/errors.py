"""What a user's mistake looks like: the value, the rule, the remedy, and where to find it.

Every error a user can cause is a `BgsError`. The command line prints it as one line and exits 2;
anything else that escapes is a bug and exits 1.
"""

from __future__ import annotations

from pathlib import Path

MOST_SHOWN = 400  # characters of one part of a message; a longer value is cut in its middle


def show_line(text: str) -> str:
    """Text on one line that a terminal cannot be misled by: control characters as escapes, and not too long.

    Ids, cells and file names come from outside and may hold line breaks, colours or reversed writing.
    """
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    if len(line) <= MOST_SHOWN:
        return line
    half = MOST_SHOWN // 2
    return f"{line[:half]} [... {len(line) - 2 * half:,} characters ...] {line[-half:]}"


class BgsError(ValueError):
    """A mistake the user can mend.

    `what` states the value and the rule it breaks, `remedy` the way out. `file` and `row` say where;
    rows are counted as an editor counts lines, so the header of a CSV file is row 1.
    """

    def __init__(
        self, what: str, *, remedy: str, file: str | Path | None = None, row: int | None = None
    ) -> None:
        self.what = what
        self.remedy = remedy
        self.file = None if file is None else str(file)
        self.row = row
        line = f"{show_line(what)}; {show_line(remedy)}"
        if self.file is not None:
            line = f"{show_line(self.file)}{'' if row is None else f', row {row}'}: {line}"
        super().__init__(line)


class ConfigError(BgsError):
    """A setting that does not exist or has an impossible value."""


class DataError(BgsError):
    """A judgment, caption, rating or split that cannot be what it claims to be."""


class VideoDecodeError(DataError):
    """A clip whose frames cannot be read, or are not the frames that were promised."""


class BackboneError(BgsError):
    """A model that is unknown, incomplete, or fed something it was not built for."""


class TrainingError(BgsError):
    """A run that cannot start, continue or resume as asked."""
