"""Rows to a terminal table, values to JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from bgs.reports.sections import Table


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
    _print_lines([list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)])


def print_section(kind: str, results: Mapping[str, Any]) -> None:
    """An analysis as its section of the page has it: the same tables, the same sentence, and what it does not say."""
    from bgs.reports.analyses import KINDS
    from bgs.reports.document import Document

    section = KINDS[kind](Document(_mapping(results)))
    print_tables(section.tables)
    typer.echo(f"{section.says} {section.says_not}")


def print_ceiling(bounds: Mapping[str, Any]) -> None:
    """How well any model could do, with chance beside it and a sentence."""
    from bgs.reports.ceiling import say_ceiling, tabulate_ceiling
    from bgs.reports.document import Document

    document = Document(_mapping(bounds))
    typer.echo(
        f"data {document.text('data')}{' (simulated)' if document.flag('simulated') else ''}"
    )
    print_tables(tabulate_ceiling(document))
    typer.echo(say_ceiling(document))


def print_tables(tables: Iterable[Table]) -> None:
    """Tables of a page, a caption above each, and a blank line below."""
    for table in tables:
        typer.echo(table.caption)
        rows = [*table.rows, *table.foot]
        heads = [column.name for column in table.columns]
        _print_lines([heads, *([cell.text for cell in row] for row in rows)])
        typer.echo()


def _print_lines(lines: Sequence[Sequence[str]]) -> None:
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


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    """As its file would have it: lists in the place of tuples."""
    return {key: _plain(item) for key, item in value.items()}


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
