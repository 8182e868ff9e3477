"""A JSON object read with care: what is missing or of the wrong kind is named by file and place.

Files of analyses are written by other commands, copied between machines and edited by hand; a page must
never show what it could not read, nor fail on it with a KeyError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from bgs.errors import DataError
from bgs.reports.numbers import Interval
from bgs.strict_json import read_json

RERUN = "run the command that wrote it again"
LARGEST = 10**300  # a whole number may be written that is too large for a float


@dataclass(frozen=True)
class Document:
    """One object of a file; `place` says where in the file it stands, as `probes[3].`."""

    data: Mapping[str, Any]
    file: Path | None = None
    place: str = ""

    def has(self, key: str) -> bool:
        """Whether there is a value, null not counted."""
        return self.data.get(key) is not None

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.data.get(key)
        return value if isinstance(value, str) else self._refuse(key, "a text")

    def number(self, key: str) -> float:
        """A finite number that must be there."""
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(key, "a number")
        if (isinstance(value, int) and abs(value) > LARGEST) or not isfinite(value):
            self._refuse(key, "a number")
        return float(value)

    def maybe_number(self, key: str) -> float | None:
        """A number, or None where it is absent or null."""
        return self.number(key) if self.has(key) else None

    def count(self, key: str) -> int:
        """A whole number that must be there."""
        value = self.number(key)
        return int(value) if value.is_integer() else self._refuse(key, "a whole number")

    def interval(self, key: str = "ci95") -> Interval | None:
        """Two ends; None where there is no interval or one end is unknown."""
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2:
            self._refuse(key, "a list of two numbers")
        if None in value:
            return None
        ends = Document({"low": value[0], "high": value[1]}, self.file, f"{self.place}{key}.")
        return ends.number("low"), ends.number("high")

    def flag(self, key: str) -> bool:
        """True only where the file says so."""
        return self.data.get(key) is True

    def part(self, key: str) -> Document:
        """An object inside; an empty one where it is absent."""
        value = self.data.get(key)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            self._refuse(key, "an object")
        return Document(value, self.file, f"{self.place}{key}.")

    def rows(self, key: str, *, needed: bool = True) -> list[Document]:
        """A list of objects; `needed` says whether it may be absent or empty."""
        value = self.data.get(key) or []
        if (
            not isinstance(value, list)
            or not all(isinstance(row, Mapping) for row in value)
            or (needed and not value)
        ):
            self._refuse(key, "a list of objects" + (" with at least one" if needed else ""))
        return [
            Document(row, self.file, f"{self.place}{key}[{index}].")
            for index, row in enumerate(value)
        ]

    def texts(self, key: str) -> list[str]:
        """A list of texts that must be there."""
        value = self.data.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(key, "a list of texts")
        return list(value)

    def _refuse(self, key: str, kind: str) -> NoReturn:
        found = repr(self.data[key]) if key in self.data else "not there"
        raise DataError(
            f"{self.place}{key} is {found}, where {kind} is needed", remedy=RERUN, file=self.file
        )


def read_document(file: Path) -> Document:
    """The object a JSON file holds."""
    data = read_json(file, remedy=RERUN)
    if not isinstance(data, Mapping):
        raise DataError("not a JSON object", remedy=RERUN, file=file)
    return Document(data, file)
