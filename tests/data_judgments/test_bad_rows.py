"""A file with several bad rows: the first is the error, all of them are there for whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.data.bad_rows import MOST_LISTED, BadRowsError
from bgs.data.triplets import load_triplets

HEADER = "clip_1,clip_2,clip_3,odd,participant,response_time"
GOOD = "a,b,c,a,p1,1.5"


def write(folder: Path, *rows: str) -> Path:
    file = folder / "mine.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return file


def find_bad(file: Path) -> BadRowsError:
    with pytest.raises(BadRowsError) as caught:
        load_triplets(file)
    return caught.value


def test_rows_that_break_different_rules_are_found_together(tmp_path: Path) -> None:
    rows = (
        GOOD,
        "a,b,c,nobody,p1,1.5",
        GOOD,
        "a,b,c,a,p1,soon",
        ",b,c,b,p1,1",
        GOOD,
        "a,b,c,d,p2,2",
    )
    found = find_bad(write(tmp_path, *rows))
    assert [bad.row for bad in found.listed] == [3, 5, 6, 8]
    assert [bad.what for bad in found.listed] == [
        "the odd clip 'nobody' is not among the three shown ('a', 'b', 'c')",
        "response_time is 'soon', a response time is a number of 0 or more, or empty",
        "clip_1 is ''",
        "the odd clip 'd' is not among the three shown ('a', 'b', 'c')",
    ]
    assert found.count == 4
    assert str(found) == (
        f"{tmp_path}/mine.csv, row 3: the odd clip 'nobody' is not among the three shown ('a', 'b', 'c') "
        "(4 bad rows in all); correct the row"
    )


def test_one_bad_row_is_told_as_ever(tmp_path: Path) -> None:
    found = find_bad(write(tmp_path, GOOD, "a,b,c,d,p1,1"))
    assert (found.count, found.row) == (1, 3)
    assert "in all" not in str(found)


def test_more_than_twenty_are_counted(tmp_path: Path) -> None:
    found = find_bad(write(tmp_path, *[f"a,b,c,x{k},p1,1" for k in range(50)], GOOD))
    assert found.count == 50
    assert [bad.row for bad in found.listed] == list(range(2, 2 + MOST_LISTED))


def test_a_file_of_bad_rows_alone_ends(tmp_path: Path) -> None:
    found = find_bad(write(tmp_path, "a,b,c,d,p1,1", "a,b,,a,p1,1"))
    assert [bad.row for bad in found.listed] == [2, 3]
