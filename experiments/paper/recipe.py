"""A recipe turns what is given into rows; its record says when, with what and how, or why not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bgs.errors import BgsError
from bgs.run.folder import write_results
from bgs.run.results import used_versions
from experiments.paper.given import Given


@dataclass(frozen=True)
class Row:
    """One figure: of which model, what it is, and how sure."""

    model: str
    quantity: str
    ours: float
    ci95: tuple[float, float] | None = None
    n: str = ""
    note: str = ""


@dataclass(frozen=True)
class Recipe:
    """One result of the paper. `missing` says why it cannot run with what is given, None where it can."""

    name: str
    title: str
    protocol: str
    run: Callable[[Given], Sequence[Row]]
    missing: Callable[[Given], str | None] = field(default=lambda given: None)


def carry_out(recipe: Recipe, given: Given) -> dict[str, Any]:
    """Run a recipe and write its results.json; what cannot run leaves a record that says why."""
    started = time.perf_counter()
    why, rows = recipe.missing(given), []
    if why is None:
        try:
            rows = [_plain(row) for row in recipe.run(given)]
        except BgsError as error:
            why = str(error)
    record = {
        "recipe": recipe.name,
        "title": recipe.title,
        "data": given.data,
        "simulated": given.simulated,
        "rehearsal": given.quick,
        "protocol": recipe.protocol,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": given.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "versions": used_versions(),
        "not_run": why,
        "rows": rows,
    }
    write_results(given.out / recipe.name, record)
    return record


def read_record(file: Path) -> Mapping[str, Any]:
    """A record as `carry_out` wrote it."""
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _plain(row: Row) -> dict[str, Any]:
    return {**asdict(row), "ci95": None if row.ci95 is None else list(row.ci95)}
