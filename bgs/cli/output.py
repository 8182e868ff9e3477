"""Rows to a terminal table, values to JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer


def print_json(value: object) -> None:
    """Strict JSON on stdout: NaN becomes null, so that any parser can read it."""
    typer.echo(json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False))


def print_results(results: dict[str, object], *, as_json: bool) -> None:
    """What results.json holds, as JSON or as a sentence and a table."""
    if as_json:
        print_json(results)
        return
    from bgs.reports import terminal

    terminal.print_results(results)


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A plain table, one line a row and never cut, so that it can be read, searched and piped."""
    if not rows:
        return
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_cell(item) for item in value)}]"
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return _plain(value.item())  # a NumPy scalar
    return value
