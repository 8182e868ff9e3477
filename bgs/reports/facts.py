"""What was run, what was left out, and what made the numbers: pairs of a name and a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bgs.reports.numbers import format_count, format_percent, format_share
from bgs.reports.rows import find_ceiling, find_protocol, is_simulated

THIRDS = {
    "within": "from judgments whose three clips are all held out",
    "any": "from judgments in which both clips appear, whatever the third",
}


def say_facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run, on how much."""
    data = results.get("data_counts") or {}
    name = data.get("name") or results.get("data")
    facts = [("Data", str(name))] if name else []
    for title, key in (("Clips", "n_clips"), ("Judgments", "n_judgments")):
        if key in data:
            facts.append((title, _count(data[key])))
    if "n_participants" in data:
        who = "Simulated participants" if is_simulated(results) else "Participants"
        facts.append((who, _count(data["n_participants"])))
    third = data.get("third") or find_protocol(results).get("third")
    if third in THIRDS:
        facts.append(("Pairs", THIRDS[third]))
    after = results.get("after") or results
    if "n_pairs" in after:
        facts.append(
            (
                "Scored on",
                f"{_count(after.get('n_pairs'))} pairs, {_count(after.get('n_triplets'))} judgments",
            )
        )
    facts += _say_size(results.get("parameters") or {})
    training = results.get("training") or {}
    if "best_epoch" in training:
        score = format_share(training.get("validation_spearman"))
        facts.append(
            (
                "Epoch kept",
                f"{training['best_epoch']} (validation Spearman {score}; test clips played no part)",
            )
        )
    return facts


def _say_size(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How much was trained: the share says whether this was an adaptation or another model."""
    if not {"trainable", "total"} <= parameters.keys():
        return []
    trainable, total = int(parameters["trainable"]), int(parameters["total"])
    adapted = parameters.get("adapted_modules")
    where = f"adapters in {adapted} modules and a head" if adapted else "a head alone"
    share = f"{format_count(trainable)} of {format_count(total)} parameters"
    return [("Trained", f"{share} ({format_percent(trainable / max(total, 1))} %): {where}")]


def _count(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_count(number)} {name}" for name, number in value.items())
    return format_count(value) if isinstance(value, int) else str(value)


def count_rows(results: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Rows in, what was dropped and why, rows out: the sum must be plain to see."""
    report = (results.get("data_counts") or {}).get("exclusions") or {}
    dropped = report.get("dropped") or {}
    if "rows_in" not in report:
        return []
    reasons = [
        (str(reason).replace("_", " "), -int(number))
        for reason, number in dropped.items()
        if number
    ]
    return [("rows read", int(report["rows_in"])), *reasons, ("rows used", int(report["rows_out"]))]


def say_provenance(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What it takes to get the same numbers again."""
    after = results.get("after") or {}
    protocol = find_protocol(results)
    ceiling = find_ceiling(results)
    pairs = [
        ("seed", results.get("seed", after.get("seed"))),
        ("commit", results.get("commit")),
        ("intervals", protocol.get("interval")),
        ("resamples", protocol.get("num_bootstrap")),
        (
            "ceilings",
            f"{ceiling['num_splits']} splits over {ceiling.get('over')}"
            if "num_splits" in ceiling
            else None,
        ),
    ]
    versions = results.get("versions") or after.get("versions") or {}
    return [(name, str(value)) for name, value in [*pairs, *versions.items()] if value is not None]
