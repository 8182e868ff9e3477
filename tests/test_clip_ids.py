"""An id that names a file names one in its folder, and nothing else."""

import pytest

from bgs.clip_ids import find_file_problem, find_id_problem


@pytest.mark.parametrize("text", ["a", "F8 [1]", "wave_01.take-2", "Ä", "x" * 200, "a,b", "7"])
def test_a_plain_name_is_fine(text: str) -> None:
    assert find_file_problem(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("../x", "is '../x', which is a path"),
        ("sub/x", "is 'sub/x', which is a path"),
        ("/abs/x", "is '/abs/x', which is a path"),
        ("C:x", "is 'C:x', which is a path"),
        ("..", "is '..', which begins with '.'"),
        (".part", "is '.part', which begins with '.'"),
        ("-rf", "is '-rf', which begins with '-'"),
        ("ä" * 150, "... of 300 bytes"),
    ],
)
def test_an_id_that_is_no_file_name_is_told_so(text: str, says: str) -> None:
    assert find_id_problem(text) is None  # it may stand in a table
    problem = find_file_problem(text)
    assert problem is not None
    assert problem[0].endswith(says)


def test_what_is_no_id_is_no_file_name() -> None:
    for text in ("", " x", "a\nb", "x" * 201, "e\N{COMBINING ACUTE ACCENT}"):
        assert find_file_problem(text) == find_id_problem(text) is not None
