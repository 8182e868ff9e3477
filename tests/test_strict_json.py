"""JSON that others wrote is read, or refused with one line that names the file and the row."""

import re
from pathlib import Path

import pytest

from bgs.errors import DataError
from bgs.strict_json import parse_json, read_json


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'\xef\xbb\xbf{"a": [1, null]}', {"a": [1, None]}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (rb'"\ud83d\ude00"', "\N{GRINNING FACE}"),  # both halves of a letter
        (b"[" * 100 + b"]" * 100, None),
    ],
)
def test_what_is_json_is_read(content: bytes, value: object, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    found = read_json(file)
    assert found == value if value is not None else str(found) == content.decode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a":\n', ", row 2: not JSON: Expecting value; ask for it"),
        (b"", ", row 1: not JSON: Expecting value; ask for it"),
        (b"\n\xe9", ", row 2: byte 0xe9 is not UTF-8; ask for it"),
        (b"[" * 200_000, ": brackets within brackets without end; ask for it"),
        (b"9" * 5000, ": a number of thousands of digits; ask for it"),
        (rb'["\ud800"]', ": a text holds half a letter (a lone surrogate); ask for it"),
        (rb'{"\uDC00": 1}', ": a text holds half a letter (a lone surrogate); ask for it"),
    ],
)
def test_what_is_none_is_refused_with_one_line(
    content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(f'{file}{message}')}$"):
        read_json(file, remedy="ask for it")


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\); check the path"):
        read_json(tmp_path)
    with pytest.raises(DataError, match=r"x\.json: cannot be read \(No such file or directory\)"):
        read_json(tmp_path / "x.json")


def test_a_name_twice_is_refused_where_it_matters(tmp_path: Path) -> None:
    text = '{"a": {"b": 1, "b": 2}}'
    with pytest.raises(DataError, match=r"x, row 3: 'b' appears twice in an object; export it"):
        parse_json(text, path=Path("x"), row=3, unique=True)
    assert parse_json(text, path=Path("x")) == {"a": {"b": 2}}
