"""What results hold, as rows: every model with its scores, the ceilings, and who judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bgs.reports.numbers import Interval, as_interval, polish_note

Results = Mapping[str, Any]

# On screen, on the page and in the model card alike.
REHEARSAL = "A run made with few clips, few steps and few resamples, to see every part work. Its numbers mean nothing."

CONTENDERS = ("model", "before", "after", "baseline")

# A model may pass the first, which is about two halves of the judgments; none is expected to pass the second.
CEILINGS = {"paper": "split-half ceiling", "max_model": "bound for a perfect model"}


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One line of the table."""

    label: str
    role: str
    note: str
    r2: float | None
    r2_ci: Interval | None
    spearman: float | None
    two_way: float | None
    three_way: float | None
    three_way_ci: Interval | None

    @property
    def is_reference(self) -> bool:
        """Whether it stands in the table to be compared with, and is set in grey."""
        return self.role not in CONTENDERS


@dataclass(frozen=True)
class CeilingLine:
    """An R² that noise in the judgments keeps models from passing."""

    name: str
    r2: float
    ci: Interval | None
    key: str = ""  # what results.json and `bgs ceiling` call it


def score_rows(results: Results) -> list[ScoreRow]:
    """Every model of a run, controls included, in the order they were scored."""
    blocks: Sequence[Results] = results.get("models") or [
        results[name] for name in ("before", "after") if name in results
    ]
    if not blocks and "rsa" in results:
        blocks = [results]
    return [view_row(block) for block in blocks]


def view_row(block: Results) -> ScoreRow:
    """One model's block as a row."""
    rsa, odd = block.get("rsa") or {}, block.get("odd_one_out") or {}
    return ScoreRow(
        label=str(block.get("label") or block.get("model", "")),
        role=str(block.get("role", "model")),
        note=polish_note(str(block.get("note") or "")),
        r2=rsa.get("r2"),
        r2_ci=as_interval(rsa.get("ci95")),
        spearman=rsa.get("spearman"),
        two_way=odd.get("two_way"),
        three_way=odd.get("three_way"),
        three_way_ci=as_interval(odd.get("ci95")),
    )


def people(results: Results) -> str:
    """Who judged: never "people" where nobody did."""
    return "simulated participants" if is_simulated(results) else "people"


def whose(results: Results) -> str:
    """The same, for what is theirs."""
    return "simulated participants'" if is_simulated(results) else "people's"


def ceilings(results: Results) -> list[CeilingLine]:
    """The published split-half ceiling, and the bound that holds for any model."""
    found = find_ceiling(results)
    lines = []
    for key, name in CEILINGS.items():
        line = found.get(key) or {}
        if line.get("r2") is not None:
            lines.append(CeilingLine(name, float(line["r2"]), as_interval(line.get("ci95")), key))
    return lines


def find_ceiling(results: Results) -> Results:
    """The noise ceiling of the judgments, the same in every block."""
    return _find(results, "ceiling")


def find_protocol(results: Results) -> Results:
    """How the numbers were made."""
    return _find(results, "protocol")


def is_simulated(results: Results) -> bool:
    """Whether simulated participants judged; either place that can say so is enough."""
    return (
        bool(results.get("simulated")) or find_protocol(results).get("participants") == "simulated"
    )


def is_rehearsal(results: Results) -> bool:
    """Whether the run was made to see every part work, so that its numbers mean nothing."""
    return results.get("rehearsal") is True


def _find(results: Results, key: str) -> Results:
    """What the results, or else the first of their blocks that has it, hold under this key."""
    blocks = [results, results.get("after") or {}, *(results.get("models") or ())]
    return next((block[key] for block in blocks if block.get(key)), {})
