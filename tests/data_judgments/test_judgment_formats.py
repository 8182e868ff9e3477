"""Formats in the wild: each is read, and what is read is what was written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bgs.data.triplets import Triplets, load_triplets
from bgs.errors import DataError

FRAME = pd.DataFrame(
    {
        "clip_1": ["b", "a", "d"],
        "clip_2": ["é x", "b", "a"],
        "clip_3": ["a", "d", "é x"],
        "odd": ["é x", "d", "d"],
        "participant": ["p2", "p2", "p1"],
        "trial": [0, 1, 0],
        "response_time": [1.5, np.nan, 0.25],
        "session": ["s1", "s1", "s2"],
    }
)
CARD = """
name: mine
title: A study
licence: none
obtain: ask
judgments:
"""


def write_card(home: Path, judgments: str, *, more: str = "") -> None:
    indented = "\n".join("  " + line for line in judgments.strip().splitlines())
    (home / "mine.yaml").write_text(f"{CARD}{indented}\n{more}", encoding="utf-8")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("quoting", [0, 1])
def test_csv_round_trip(line_end: str, encoding: str, quoting: int, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    FRAME.to_csv(file, index=False, lineterminator=line_end, encoding=encoding, quoting=quoting)
    pd.testing.assert_frame_equal(load_triplets(file).to_frame(), FRAME, check_dtype=False)


@pytest.mark.parametrize("suffix", ["tsv", "parquet", "jsonl", "ndjson"])
def test_round_trip(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"mine.{suffix}"
    if suffix == "tsv":
        FRAME.to_csv(file, index=False, sep="\t")
    elif suffix == "parquet":
        FRAME.to_parquet(file)
    else:
        FRAME.to_json(file, orient="records", lines=True)
    triplets = load_triplets(file)
    pd.testing.assert_frame_equal(triplets.to_frame(), FRAME, check_dtype=False)
    assert triplets == Triplets.from_frame(FRAME, name="mine")


def test_whole_numbers_are_ids(tmp_path: Path) -> None:
    numbers = pd.DataFrame({"clip_1": [3, 10], "clip_2": [10, 2], "clip_3": [2, 3], "odd": [2, 3]})
    numbers.to_parquet(tmp_path / "n.parquet")
    numbers.to_csv(tmp_path / "n.csv", index=False)
    first, second = load_triplets(tmp_path / "n.parquet"), load_triplets(tmp_path / "n.csv")
    assert first == second
    assert first.ids == ("2", "3", "10")


@pytest.mark.parametrize("suffix", ["txt", "npy"])
def test_index_files_of_things_spose_and_vice(suffix: str, tmp_path: Path) -> None:
    array = np.array([[0, 2, 1], [1, 2, 0]])
    if suffix == "txt":
        np.savetxt(tmp_path / "train.txt", array, fmt="%d")
    else:
        np.save(tmp_path / "train.npy", array.astype(float))
    triplets = load_triplets(tmp_path / f"train.{suffix}")
    assert triplets.odd.tolist() == [2, 2]
    assert triplets.participants is None
    assert np.array_equal(np.column_stack([triplets.pair, triplets.odd_clip]), array)
    (tmp_path / "names.txt").write_text("bee\nant\ncat\n", encoding="utf-8")
    write_card(tmp_path, f"path: train.{suffix}\nformat: index", more="id_map: {path: names.txt}\n")
    named = load_triplets("mine", triplets_dir=tmp_path)
    assert named.ids == ("bee", "ant", "cat")
    assert named.to_frame()["odd"].tolist() == ["ant", "bee"]


def test_an_id_map_from_a_column(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "train.txt", np.array([[0, 2, 1]]), fmt="%d")
    (tmp_path / "map.csv").write_text("name\nbee\nant\ncat\n")
    write_card(
        tmp_path, "path: train.txt\nformat: index", more="id_map: {path: map.csv, to: name}\n"
    )
    assert load_triplets("mine", triplets_dir=tmp_path).to_frame().iloc[0].tolist() == [
        "bee",
        "cat",
        "ant",
        "ant",
    ]


JSPSYCH = [
    {"trial_type": "instructions", "rt": 4000, "subject": "s1", "trial_index": 0},
    {
        "trial_type": "button",
        "rt": 1500,
        "subject": "s1",
        "trial_index": 1,
        "response": 2,
        "shown": ["a", "b", "c"],
    },
    {
        "trial_type": "button",
        "rt": None,
        "subject": "s1",
        "trial_index": 2,
        "response": 0,
        "shown": ["c", "d", "a"],
    },
]
JSPSYCH_CARD = """
path: run.{suffix}
format: jspsych
where: {{trial_type: button}}
odd_is: position
first_position: 0
response_time_unit: milliseconds
columns: {{clips: shown, odd: response, participant: subject, trial: trial_index, response_time: rt}}
"""


def write_jspsych(home: Path, *, suffix: str, trials: list[dict[str, object]]) -> None:
    if suffix == "json":
        (home / "run.json").write_text(json.dumps(trials))
    else:
        frame = pd.DataFrame(trials)
        frame["shown"] = [
            json.dumps(cell) if isinstance(cell, list) else "" for cell in frame["shown"]
        ]
        frame["response"] = frame["response"].astype("Int64")
        frame.to_csv(home / "run.csv", index=False)
    write_card(home, JSPSYCH_CARD.format(suffix=suffix))


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_jspsych_exports(suffix: str, tmp_path: Path) -> None:
    write_jspsych(tmp_path, suffix=suffix, trials=JSPSYCH)
    triplets = load_triplets("mine", triplets_dir=tmp_path)
    assert triplets.to_frame()["odd"].tolist() == ["c", "c"]
    assert triplets.response_time_seconds is not None
    assert np.allclose(triplets.response_time_seconds, [1.5, np.nan], equal_nan=True)
    assert triplets.exclusions is not None
    assert triplets.exclusions.to_dict()["dropped"] == {"not_a_judgment": 1}


def test_jspsych_columns_and_no_filter(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "run.csv", index=False)
    write_card(tmp_path, "path: run.csv\nformat: jspsych")
    assert len(load_triplets("mine", triplets_dir=tmp_path)) == 3


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        (
            "{",
            "run.json, row 1: not JSON: Expecting property name enclosed in double quotes; export it again",
        ),
        ("[]", r"run.json: not a list of trials; export jsPsych.data.get\(\).json\(\)"),
        (
            '[{"rt": 1}]',
            "no column 'trial_type' to tell judgments from other rows; correct `where`",
        ),
        ('[{"trial_type": "html"}]', "run.json: no row has trial_type = button; correct `where`"),
        (
            '[{"trial_type": "button"}]',
            r"run.json: no column 'shown' \(for clips\); correct the card",
        ),
        (
            '[{"trial_type": "x"}, {"trial_type": "button", "shown": "[1, 2"}]',
            "run.json, row 2: shown is '.1, 2', not a JSON list of three clips; correct the row, or `where`",
        ),
        (
            '[{"trial_type": "button", "shown": ["a", "b", "c"], "response": 3, "subject": "s",'
            ' "trial_index": 1, "rt": 1}]',
            "run.json, row 1: response is 3, the positions are 0 to 2; correct the row, or `first_position`",
        ),
    ],
)
def test_broken_jspsych_exports(trials: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(trials)
    write_card(tmp_path, JSPSYCH_CARD.format(suffix="json"))
    with pytest.raises(DataError, match=message):
        load_triplets("mine", triplets_dir=tmp_path)


def test_a_separator_of_its_own(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "run.csv", index=False, sep=";")
    write_card(tmp_path, 'path: run.csv\nseparator: ";"')
    assert len(load_triplets("mine", triplets_dir=tmp_path)) == 3


def test_flags_and_numbers_in_words(tmp_path: Path) -> None:
    text = "clip_1,clip_2,clip_3,odd,catch\na,b,c,c,TRUE\na,b,c,c,0\n"
    (tmp_path / "run.csv").write_text(text)
    triplets = load_triplets(tmp_path / "run.csv")
    assert triplets.exclusions is not None
    assert triplets.exclusions.dropped == {"flagged_catch_trial": 1}


def test_lines_are_right_whichever_way_a_file_is_split(tmp_path: Path) -> None:
    """A file without quotes is split by Arrow, one with quotes by the csv module."""
    plain = "clip_1,clip_2,clip_3,odd,session\n" + "a,b,c,c,s\n" * 5 + "a,b,c,x,s\n"
    for text, row in [
        (plain, 7),
        (plain.replace("a,b,c,c,s\n", 'a,b,c,c,"s"\n', 1), 7),
        (plain.replace("a,b,c,c,s\n", "\n\na,b,c,c,s\n", 1), 9),
        (plain.replace("\n", "\r"), 7),
        (plain.replace("session", '"a session\nin two lines"'), 8),
    ]:
        (tmp_path / "x.csv").write_bytes(text.encode())
        name = "session" if "two" not in text else '"a session\\nin two lines"'
        write_card(
            tmp_path,
            "path: x.csv\ncolumns: {clip_1: clip_1, clip_2: clip_2, clip_3: clip_3, odd: odd, session: "
            + name
            + "}",
        )
        with pytest.raises(DataError, match=f"x.csv, row {row}: the odd clip 'x' is not among"):
            load_triplets("mine", triplets_dir=tmp_path)
