"""Every broken file gets one line that names the file, the row, the rule and the remedy."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from bgs.data.cards import JudgmentColumns
from bgs.data.triplets import Triplets, load_triplets
from bgs.errors import DataError

# Test files stand alone (importlib mode), so the corpus beside this one is loaded by its path.
_spec = importlib.util.spec_from_file_location(
    "broken_files", Path(__file__).with_name("broken_files.py")
)
assert _spec is not None
assert _spec.loader is not None
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)


def test_the_corpus_is_large_and_complete() -> None:
    assert len(corpus.BROKEN) >= 40
    assert set(corpus.BROKEN) == set(corpus.EXPECTED)


@pytest.mark.parametrize("what", corpus.BROKEN)
def test_a_broken_file_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    name, content = corpus.BROKEN[what]
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        load_triplets(tmp_path / name)
    assert str(caught.value).replace(f"{tmp_path}/", "") == corpus.EXPECTED[what]
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet", "x.txt", "x.npy"])
def test_a_missing_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_triplets(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: does not exist; check the path"


def test_a_data_frame_is_refused_by_row_position() -> None:
    frame = pd.DataFrame(
        {"clip_1": ["a", "a"], "clip_2": ["b", "b"], "clip_3": ["c", "c"], "odd": ["c", "d"]},
        index=[7, 8],
    )
    with pytest.raises(DataError) as caught:
        Triplets.from_frame(frame)
    assert str(caught.value) == (
        "data frame, row 1: the odd clip 'd' is not among the three shown ('a', 'b', 'c'); correct the row"
    )
    with pytest.raises(DataError, match="the data frame has no rows; pass one row a judgment"):
        Triplets.from_frame(frame.iloc[:0])
    with pytest.raises(DataError, match="column 'odd' appears twice; name each column once"):
        Triplets.from_frame(pd.concat([frame, frame["odd"]], axis=1))
    with pytest.raises(
        DataError, match=r"no column 'who' \(for participant\); the columns are 'clip_1'"
    ):
        Triplets.from_frame(frame, columns=JudgmentColumns(participant="who"))
    with pytest.raises(DataError, match="row 0: clip_3 is 'c', which is not one of the 2 clips"):
        Triplets.from_frame(frame, ids=["a", "b"])
    with pytest.raises(DataError, match="catch is 2"):
        Triplets.from_frame(frame.assign(odd="c", catch=[0, 2]))
    with pytest.raises(DataError, match="row 0: trial is True, which is not a whole number"):
        Triplets.from_frame(frame.assign(odd="c", trial=[True, False]))
