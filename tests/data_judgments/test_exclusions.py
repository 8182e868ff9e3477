"""Every row that goes is counted under one reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bgs.data.cards import ExclusionRules
from bgs.data.exclusions import ExclusionReport
from bgs.data.triplets import Triplets
from bgs.errors import DataError

COLUMNS = ["clip_1", "clip_2", "clip_3", "odd", "participant", "trial", "response_time", "catch"]
ROWS = [
    ("a", "b", "c", "a", "good", 1, 2.0, False),
    ("a", "a", "c", "c", "good", 2, 2.0, False),  # an attention check, passed, not flagged
    ("a", "b", "d", "a", "good", 3, 90.0, False),  # slow
    ("a", "b", "d", "b", "good", 4, None, True),  # flagged
    ("b", "c", "d", "b", "good", 5, 3.0, False),
    ("b", "c", "d", "b", "good", 6, 3.4, False),  # a double click
    ("b", "c", "d", "c", "good", 5, 3.0, False),  # a trial number again
    ("a", "c", "d", "a", "sloppy", 1, 1.0, False),
    ("d", "a", "d", "d", "sloppy", 2, 1.0, False),  # failed
    ("d", "d", "d", "d", "sloppy", 3, 1.0, False),  # nothing to pick
    ("a", "c", "d", "d", "brief", 1, None, False),
]


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=COLUMNS)


def test_repeats_and_flags_always_go() -> None:
    report = Triplets.from_frame(frame()).exclusions
    assert report is not None
    assert report.to_dict() == {
        "rows_in": 11,
        "dropped": {"repeats_a_clip": 3, "flagged_catch_trial": 1},
        "rows_out": 7,
        "participants_in": 3,
        "participants_out": 3,
    }


def test_a_flag_can_be_ignored() -> None:
    report = Triplets.from_frame(
        frame(), exclusions=ExclusionRules(flagged_catch_trials=False)
    ).exclusions
    assert report is not None
    assert report.dropped == {"repeats_a_clip": 3}


def test_all_reasons_in_order() -> None:
    rules = ExclusionRules(
        min_catch_accuracy=0.5,
        max_response_time=60,
        min_response_time=0.5,
        duplicate_trials=True,
        min_judgments=2,
    )
    triplets = Triplets.from_frame(frame(), exclusions=rules)
    assert triplets.exclusions is not None
    assert triplets.exclusions.dropped == {
        "repeats_a_clip": 3,
        "flagged_catch_trial": 1,
        "participant_fails_attention_checks": 1,
        "response_time_out_of_bounds": 1,
        "duplicate_trial": 2,
        "participant_has_too_few_judgments": 1,
    }
    assert triplets.to_frame()["trial"].tolist() == [1, 5]
    assert triplets.exclusions.participants_out == 1


def test_duplicates_without_trial_numbers_are_consecutive_rows() -> None:
    bare = frame().drop(columns=["trial", "catch"])
    report = Triplets.from_frame(bare, exclusions=ExclusionRules(duplicate_trials=True)).exclusions
    assert report is not None
    assert report.dropped == {"repeats_a_clip": 3, "duplicate_trial": 1}


def test_a_double_click_is_found_when_participants_are_interleaved() -> None:
    rows = pd.DataFrame(
        {
            "clip_1": ["a"] * 4,
            "clip_2": ["b"] * 4,
            "clip_3": ["c"] * 4,
            "odd": ["a", "a", "a", "b"],
            "participant": ["p", "q", "p", "p"],
        }
    )
    triplets = Triplets.from_frame(rows, exclusions=ExclusionRules(duplicate_trials=True))
    assert triplets.to_frame()[["participant", "odd"]].to_numpy().tolist() == [
        ["p", "a"],
        ["q", "a"],
        ["p", "b"],
    ]


def test_nothing_left_says_why() -> None:
    with pytest.raises(DataError) as caught:
        Triplets.from_frame(frame(), exclusions=ExclusionRules(min_judgments=9))
    assert str(caught.value) == (
        "data frame: no judgment is left of 11 rows (3 repeats a clip, 1 flagged catch trial, "
        "7 participant has too few judgments); loosen the exclusions, or check the file"
    )


def test_a_report_must_add_up() -> None:
    with pytest.raises(DataError, match="3 rows in, 1 dropped, 3 out; count every row once"):
        ExclusionReport(rows_in=3, dropped={"repeats_a_clip": 1}, rows_out=3)


def test_thresholds_at_their_bounds_keep_the_row() -> None:
    rows = frame().iloc[[0]].assign(response_time=2.0)
    rules = ExclusionRules(min_response_time=2.0, max_response_time=2.0)
    assert len(Triplets.from_frame(rows, exclusions=rules)) == 1
    assert np.isfinite(rows["response_time"]).all()
