"""What looks wrong in a set of judgments, each as one sentence with its number and a way to act on it."""

from __future__ import annotations

from typing import Any

import numpy as np

LONG_SECONDS = 600.0  # nobody looks at three short clips for ten minutes
POSITION_GAP = 0.05  # a share of odd ones this far from 1/3 is no accident of the clips
ONE_POSITION = 0.8  # a participant who picks one place this often does not look
FEWEST = 20  # judgments below which a participant's own figures say little
CHANCE = 1 / 3


def find_flags(
    sections: dict[str, dict[str, Any]], people: list[dict[str, Any]]
) -> tuple[str, ...]:
    """Sentences about rows, positions, response times, coverage, published matrices and participants."""
    flags = [
        *_flag_checks(sections["attention_checks"]),
        *_flag_duplicates(sections["trials"], sections["rows"]),
        *_flag_positions(sections["position_of_odd"]),
        *_flag_times(sections.get("response_time_seconds", {})),
        *_flag_coverage(sections["clips"], sections.get("split", {})),
        *_flag_geometry(sections.get("geometry", {})),
        *_flag_people(people),
    ]
    return tuple(flags)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _flag_checks(checks: dict[str, Any]) -> list[str]:
    if not checks["flag_disagrees"]:
        return []
    return [
        f"the file flags {checks['flagged_in_file']:,} rows as catch trials, "
        f"{checks['rows_that_repeat_a_clip']:,} repeat a clip; the rows decide"
    ]


def _flag_duplicates(trials: dict[str, Any], rows: dict[str, Any]) -> list[str]:
    left = trials["recorded_twice"] - rows["dropped"].get("duplicate_trial", 0)
    if left <= 0:
        return []
    return [
        f"{_count(left, 'judgment')} recorded twice; set `duplicate_trials: true` to keep the first"
    ]


def _flag_positions(positions: dict[str, Any]) -> list[str]:
    if not positions["order_recorded"]:
        return ["the odd one always stands in the same place: the order presented is not recorded"]
    counts = {name: positions[name] for name in ("first", "second", "third")}
    total = sum(counts.values())
    name = max(counts, key=lambda place: abs(counts[place] / total - CHANCE))
    share = counts[name] / total
    if abs(share - CHANCE) < POSITION_GAP or positions["p_value"] > 0.001:
        return []
    return [f"the {name} position is odd in {share:.1%} of judgments, a third was expected"]


def _flag_times(times: dict[str, Any]) -> list[str]:
    flags = []
    if times.get("max", 0.0) > LONG_SECONDS:
        flags.append(
            f"the longest response took {_say_seconds(times['max'])} seconds ({times['over_60']:,} over a minute); "
            "set `max_response_time` if that matters"
        )
    if times.get("missing"):
        flags.append(f"{_count(times['missing'], 'judgment')} without a response time")
    return flags


def _say_seconds(seconds: float) -> str:
    return f"{seconds:,.2f}" if seconds < 1e6 else f"{seconds:.4g}"


def _flag_coverage(clips: dict[str, Any], split: dict[str, dict[str, Any]]) -> list[str]:
    flags = []
    if clips["judged"] < clips["in_catalogue"]:
        flags.append(
            f"{_count(clips['in_catalogue'] - clips['judged'], 'clip')} of the catalogue never judged"
        )
    for part, counts in split.items():
        share = counts["pairs_within"] / counts["pairs"]
        if share < 0.75:
            flags.append(
                f"only {counts['pairs_within']:,} of {counts['pairs']:,} {part} pairs are seen with a third "
                f"{part} clip; {counts['pairs_any_third']:,} with any third"
            )
    return flags


def _flag_geometry(geometry: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"the published {name} matrix differs from the judgments in {found['pairs_that_differ']:,} of "
        f"{found['pairs_from_judgments']:,} pairs, and has {found['pairs_published']:,} pairs as observed"
        for name, found in geometry.items()
        if found["pairs_that_differ"] or found["pairs_published"] != found["pairs_from_judgments"]
    ]


def _flag_people(people: list[dict[str, Any]]) -> list[str]:
    flags = []
    enough = [p for p in people if p["agreement_judgments"] >= FEWEST]
    # Two standard errors above chance is the least a participant who looks should reach.
    guessing = [
        p
        for p in enough
        if p["agreement"] < CHANCE + 2 * np.sqrt(CHANCE * (1 - CHANCE) / p["agreement_judgments"])
    ]
    if guessing:
        worst = min(guessing, key=lambda p: p["agreement"])
        flags.append(
            f"no more agreement with the rest than chance allows: {_count(len(guessing), 'participant')} "
            f"(least: {worst['participant']!r}, {worst['agreement']:.3f})"
        )
    stuck = [
        p
        for p in people
        if p["judgments"] >= FEWEST and p["favourite_position_share"] > ONE_POSITION
    ]
    if stuck:
        flags.append(
            f"one position picked in over {ONE_POSITION:.0%} of judgments: {_count(len(stuck), 'participant')} "
            f"(such as {stuck[0]['participant']!r})"
        )
    return flags
