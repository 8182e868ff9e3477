"""What each participant did: how many judgments, how attentive, how much in agreement with the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from bgs.data.agreement import agree_with_rest
from bgs.data.exclusions import catch_accuracy
from bgs.data.raw_judgments import RawJudgments
from bgs.data.triplets import Triplets


def describe_participants(raw: RawJudgments, triplets: Triplets) -> list[dict[str, Any]]:
    """One entry a participant, in the order of the file; none where participants are not recorded."""
    if triplets.participants is None:
        return []
    people = triplets.participants
    number = len(triplets.participant_ids)
    judged = np.bincount(people, minlength=number)
    agreement, counted = agree_with_rest(triplets)
    passed = catch_accuracy(raw)
    places = np.stack([np.bincount(people[triplets.odd == i], minlength=number) for i in range(3)])
    return [
        {
            "participant": triplets.participant_ids[who],
            "judgments": int(judged[who]),
            "attention_checks_passed": _known(passed[who]),
            "agreement": _known(agreement[who]),
            "agreement_judgments": int(counted[who]),
            "favourite_position_share": _known(places[:, who].max() / judged[who])
            if judged[who]
            else None,
        }
        for who in range(number)
    ]


def summarise_participants(people: list[dict[str, Any]]) -> dict[str, Any]:
    """How many there are, and the spread of what they did."""
    judged = np.array([person["judgments"] for person in people])
    known = [person["agreement"] for person in people if person["agreement"] is not None]
    summary: dict[str, Any] = {
        "number": len(people),
        "judgments_min": int(judged.min()),
        "judgments_median": float(np.median(judged)),
        "judgments_max": int(judged.max()),
    }
    if known:
        summary["agreement_with_rest"] = {
            "min": float(np.min(known)),
            "median": float(np.median(known)),
            "max": float(np.max(known)),
            "chance": 1 / 3,
        }
    return summary


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
