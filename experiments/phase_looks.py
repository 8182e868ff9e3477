"""The log of looks at what people said about the 60 PHASE scenes: nobody scores a model of ours there unrecorded."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOG = Path(__file__).with_name("phase_looks.json")
REAL = "real ratings of 60 PHASE scenes"


def read_looks(log: Path = LOG) -> list[dict[str, Any]]:
    """Every look so far, oldest first."""
    return json.loads(log.read_text(encoding="utf-8")) if log.is_file() else []


def refuse_second_look(design: str, *, log: Path = LOG) -> None:
    """A design is looked at once; whoever wants another look makes another design."""
    for look in read_looks(log):
        if look["design"] == design:
            raise SystemExit(f"design {design!r} was looked at on {look['date']}; see {log.name}")


def announce_look(
    design: str,
    *,
    look: str,
    seeds: list[int],
    decided_before: str,
    frozen: str | None,
    log: Path = LOG,
) -> int:
    """Write the look down before it is taken; returns its number. What it shows is added by `complete_look`."""
    looks = read_looks(log)
    looks.append(
        {
            "number": len(looks) + 1,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "design": design,
            "drawn_as": look,
            "seeds": seeds,
            "scored_against": REAL,
            "decided_before": decided_before,
            "frozen_sha256": frozen,
            "figures": None,
        }
    )
    _write(looks, log)
    return len(looks)


def complete_look(number: int, figures: dict[str, Any], *, log: Path = LOG) -> None:
    """What an announced look showed."""
    looks = read_looks(log)
    looks[number - 1]["figures"] = figures
    _write(looks, log)


def hash_of(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _write(looks: list[dict[str, Any]], log: Path) -> None:
    draft = log.with_name(log.name + ".part")
    draft.write_text(json.dumps(looks, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, log)
