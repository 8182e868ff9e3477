"""Rows of a table that are not what they claim to be: the first one as an error, all of them for whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError

if TYPE_CHECKING:
    from bgs.data.tables import Table

BoolArray = NDArray[np.bool_]
MOST_LISTED = 20


@dataclass(frozen=True)
class BadRow:
    """One row, by its line in the file."""

    row: int
    what: str
    remedy: str


class BadRowsError(DataError):
    """Some rows break a rule. The message is about the first; `listed` has up to 20 of the `count`.

    `is_bad` (rows,) says which rows of the table it is about, so that the others can be looked at.
    """

    def __init__(self, listed: list[BadRow], *, is_bad: BoolArray, file: str) -> None:
        first = listed[0]
        self.listed = tuple(listed[:MOST_LISTED])
        self.is_bad = is_bad
        self.count = int(is_bad.sum())
        others = f" ({self.count:,} bad rows in all)" if self.count > 1 else ""
        super().__init__(f"{first.what}{others}", remedy=first.remedy, file=file, row=first.row)


def refuse_rows(table: Table, bad: BoolArray, say: Callable[[int], tuple[str, str]]) -> None:
    """Raise about the rows where `bad` (rows,) holds; `say` tells what is wrong with one, and the remedy."""
    if not bad.any():
        return
    places = np.flatnonzero(bad)[:MOST_LISTED]
    listed = [BadRow(int(table.rows[place]), *say(int(place))) for place in places]
    raise BadRowsError(listed, is_bad=bad, file=table.file)


def find_all(table: Table, parse: Callable[[Table], object], error: BadRowsError) -> BadRowsError:
    """Every bad row of a table of which `parse` refused some: the rest is parsed until nothing more is found."""
    listed, is_bad = list(error.listed), error.is_bad.copy()
    while not is_bad.all():
        left = np.flatnonzero(~is_bad)
        rest = replace(
            table, frame=table.frame.iloc[left].reset_index(drop=True), rows=table.rows[left]
        )
        try:
            parse(rest)
        except BadRowsError as found:
            listed += found.listed
            is_bad[left[found.is_bad]] = True
        except DataError:  # about the table as a whole, which has lost rows
            break
        else:
            break
    listed.sort(key=lambda bad: bad.row)
    return BadRowsError(listed, is_bad=is_bad, file=table.file)
