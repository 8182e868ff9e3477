"""What a run is, so that resuming something else under its name is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bgs.config import ObjectiveSettings, TrainingSettings
from bgs.errors import TrainingError
from bgs.training.judged import JudgedClips

# Settings that do not touch a weight may change between two parts of a run.
HARMLESS = (
    "training.save_steps",
    "training.save_interval_seconds",
    "training.save_total_limit",
    "training.report_to",
)


def identify_judgments(judged: JudgedClips, objective: ObjectiveSettings) -> dict[str, Any]:
    """What is learnt from, and by which loss."""
    data = hashlib.sha256()
    data.update("\0".join(judged.ids).encode())
    for array in (judged.triplets, judged.dissimilarities, judged.counts):
        data.update(array.tobytes())
    return {
        "objective": objective.model_dump(mode="json"),
        "judgments (digest)": data.hexdigest()[:16],
    }


def identify_run(
    *,
    work: Mapping[str, Any],
    settings: TrainingSettings,
    seed: int,
    num_processes: int,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that decides the final weights, as plain values."""
    identity = {
        "training": settings.model_dump(mode="json"),
        **work,
        "seed": seed,
        "num_processes": num_processes,
        "config": dict(config),
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def check_same_run(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to resume a run that would not be the same run; says what changed."""
    old, new = dict(_flatten(before)), dict(_flatten(now))
    changes = [
        f"{key}: {old.get(key, 'unset')} -> {new.get(key, 'unset')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, "unset") != new.get(key, "unset") and not _is_harmless(key)
    ]
    if changes:
        raise TrainingError(
            "the run to resume had other settings: " + ", ".join(changes),
            remedy="resume with the old ones, or allow the changes (--allow-changes)",
        )


def _is_harmless(key: str) -> bool:
    return key.removeprefix("config.") in HARMLESS


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
