"""Which judgments are left out and why; every one that goes is counted under one reason.

A row that repeats a clip is an attention check, detected from the row itself and never trusted from a
flag: with two clips the same, the third is the odd one, and picking it passes. With all three the same
there is nothing to pick and the row only goes. A row is counted under the first reason it meets, in the
order of `REASONS`; thresholds on participants look at what the reasons before them left.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.data.cards import ExclusionRules
from bgs.data.cells import BoolArray, FloatArray
from bgs.data.raw_judgments import RawJudgments
from bgs.errors import DataError

REASONS = (
    "not_a_judgment",
    "repeats_a_clip",
    "flagged_catch_trial",
    "participant_fails_attention_checks",
    "response_time_out_of_bounds",
    "duplicate_trial",
    "participant_has_too_few_judgments",
)


@dataclass(frozen=True)
class ExclusionReport:
    """Rows in, rows out by reason, rows left."""

    rows_in: int
    dropped: dict[str, int] = field(default_factory=dict)
    rows_out: int = 0
    participants_in: int | None = None
    participants_out: int | None = None

    def __post_init__(self) -> None:
        if self.rows_in - sum(self.dropped.values()) != self.rows_out:
            raise DataError(
                f"{self.rows_in} rows in, {sum(self.dropped.values())} dropped, {self.rows_out} out",
                remedy="count every row once",
            )

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "rows_in": self.rows_in,
            "dropped": dict(self.dropped),
            "rows_out": self.rows_out,
            "participants_in": self.participants_in,
            "participants_out": self.participants_out,
        }


def exclude(raw: RawJudgments, *, rules: ExclusionRules) -> tuple[BoolArray, ExclusionReport]:
    """Which rows stay, and the count of those that go."""
    _check_rules(raw, rules)
    keep = np.ones(len(raw), dtype=np.bool_)
    dropped = dict.fromkeys(REASONS, 0)
    dropped["not_a_judgment"] = raw.skipped

    def drop(reason: str, rows: NDArray[np.bool_]) -> None:
        dropped[reason] = int((keep & rows).sum())
        np.logical_and(keep, ~rows, out=keep)

    drop("repeats_a_clip", raw.repeats)
    if rules.flagged_catch_trials and raw.catch is not None:
        drop("flagged_catch_trial", raw.catch)
    if rules.min_catch_accuracy is not None:
        accuracy = catch_accuracy(raw)  # NaN for a participant who saw no check: nothing is known
        drop(
            "participant_fails_attention_checks",
            (accuracy < rules.min_catch_accuracy)[raw.participants],
        )
    times = raw.response_time_seconds
    if times is not None and (
        rules.min_response_time is not None or rules.max_response_time is not None
    ):
        low, high = rules.min_response_time or 0.0, rules.max_response_time or np.inf
        drop("response_time_out_of_bounds", (times < low) | (times > high))
    if rules.duplicate_trials:
        drop("duplicate_trial", find_duplicate_trials(raw, among=keep))
    if rules.min_judgments is not None and raw.participants is not None:
        left = np.bincount(raw.participants[keep], minlength=len(raw.participant_ids))
        drop("participant_has_too_few_judgments", (left < rules.min_judgments)[raw.participants])
    report = ExclusionReport(
        rows_in=len(raw) + raw.skipped,
        dropped={reason: count for reason, count in dropped.items() if count},
        rows_out=int(keep.sum()),
        participants_in=None if raw.participants is None else len(raw.participant_ids),
        participants_out=None
        if raw.participants is None
        else len(np.unique(raw.participants[keep])),
    )
    if not keep.any():
        raise DataError(
            f"no judgment is left of {report.rows_in} rows ({_tell(report.dropped)})",
            remedy="loosen the exclusions, or check the file",
            file=raw.file,
        )
    return keep, report


def catch_accuracy(raw: RawJudgments) -> FloatArray:
    """Share of attention checks each participant passes; NaN where none was shown. (participants,)"""
    if raw.participants is None:
        raise DataError(
            "attention checks need a participant column", remedy="name it", file=raw.file
        )
    first, second, third = raw.clips.T
    single = np.where(first == second, third, np.where(first == third, second, first))
    checks = raw.repeats & ~((first == second) & (first == third))
    shown = np.bincount(raw.participants[checks], minlength=len(raw.participant_ids))
    passed_rows = checks & (raw.odd_clip == single)
    passed = np.bincount(raw.participants[passed_rows], minlength=len(raw.participant_ids))
    with np.errstate(invalid="ignore"):
        return np.asarray(passed / shown, dtype=np.float64)


def find_duplicate_trials(raw: RawJudgments, *, among: BoolArray) -> BoolArray:
    """Rows of `among` that record again what one of its earlier rows recorded.

    Either the participant, session and trial number are those of an earlier row, or the row says the
    same as the participant's row before it: the session, the clips in the same places and the choice.
    The second is what a double click leaves behind, under a trial number of its own.
    """
    duplicate = np.zeros(len(raw), dtype=np.bool_)
    if raw.participants is None:
        return duplicate
    kept = np.flatnonzero(among)
    kept = kept[np.argsort(raw.participants[kept], kind="stable")]  # each one's rows, in file order
    person = [raw.participants] if raw.session is None else [raw.participants, raw.session]
    if raw.trial is not None:
        numbered = pd.DataFrame(dict(enumerate([*person, raw.trial]))).iloc[kept]
        duplicate[kept] = numbered.duplicated().to_numpy()
    said = np.column_stack([*person, raw.clips, raw.odd_clip])[kept]
    duplicate[kept[1:]] |= (said[1:] == said[:-1]).all(axis=1)
    return duplicate


def _check_rules(raw: RawJudgments, rules: ExclusionRules) -> None:
    needs = {
        "participant": (
            rules.min_catch_accuracy,
            rules.min_judgments,
            rules.duplicate_trials or None,
        ),
        "response_time": (rules.min_response_time, rules.max_response_time),
    }
    has = {
        "participant": raw.participants is not None,
        "response_time": raw.response_time_seconds is not None,
    }
    for column, asked in needs.items():
        if not has[column] and any(rule is not None for rule in asked):
            raise DataError(
                f"the exclusions need a {column} column, which is not read",
                remedy=f"name the {column} column in the card, or remove the rule",
                file=raw.file,
            )


def _tell(dropped: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in dropped.items())
