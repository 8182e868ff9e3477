"""Splits are by clip, disjoint, and validation comes from train alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.data.card_files import load_videos_card
from bgs.data.splits import Split, carve_validation, find_split, load_split
from bgs.errors import DataError

SPLIT = Split(train=tuple(f"t{i}" for i in range(20)), validation=(), test=("x", "y", "z"))
COMMON = "name: mine\ntitle: A study\nlicence: none\nobtain: ask\n"


def write(tmp_path: Path, *, triplets: str, table: str, rows: str) -> dict[str, Path]:
    homes = {"triplets_dir": tmp_path / "t", "videos_dir": tmp_path / "v"}
    for home in homes.values():
        home.mkdir()
    (homes["triplets_dir"] / "mine.yaml").write_text(
        COMMON + "judgments: {path: j.csv}\n" + triplets
    )
    (homes["videos_dir"] / "mine.yaml").write_text(
        COMMON + "clip_path: '{clip}.mp4'\n" + f"table: {{path: clips.csv{table}}}\n"
    )
    (homes["videos_dir"] / "clips.csv").write_text(rows)
    return homes


def test_carving_takes_from_train_only_and_is_seeded() -> None:
    carved = carve_validation(SPLIT, fraction=0.2, seed=3)
    assert len(carved.validation) == 4
    assert set(carved.train) | set(carved.validation) == set(SPLIT.train)
    assert carved.test == SPLIT.test
    assert carved == carve_validation(SPLIT, fraction=0.2, seed=3)
    assert carved != carve_validation(SPLIT, fraction=0.2, seed=4)
    assert repr(carved) == "Split(16 train, 4 validation, 3 test clips)"
    assert carved.ids == carved.train + carved.validation + carved.test


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(DataError, match="clip 'b' is in train and in test; put it in one part"):
        Split(train=("a", "b"), validation=(), test=("b",))
    with pytest.raises(DataError, match="clip 'a' is in train and in train"):
        Split(train=("a", "a"), validation=(), test=("b",))
    with pytest.raises(DataError, match="the test part of the split is empty; put clips in it"):
        Split(train=("a", "b"), validation=(), test=())
    with pytest.raises(
        DataError, match=r"a fraction of 0\.05 of 20 training clips is 1; leave 3 clips or more"
    ):
        carve_validation(SPLIT, fraction=0.05, seed=0)
    with pytest.raises(DataError, match="the split has 4 validation clips; carve it only once"):
        carve_validation(carve_validation(SPLIT, fraction=0.2, seed=3), fraction=0.2, seed=3)


def test_the_split_of_the_clips(tmp_path: Path) -> None:
    rows = "clip,part\na,train\nb,test\nc,validation\nd,train\n"
    homes = write(tmp_path, triplets="clips: mine\n", table=", split: part", rows=rows)
    assert find_split("mine", **homes) == Split(("a", "d"), ("c",), ("b",))


def test_the_split_of_the_judgments_comes_first(tmp_path: Path) -> None:
    more = "clips: mine\nsplit: {train: {path: train.csv}, test: {path: test.csv, id: name}}\n"
    homes = write(
        tmp_path, triplets=more, table=", split: part", rows="clip,part\na,train\nb,test\n"
    )
    (homes["triplets_dir"] / "train.csv").write_text("clip\nb\n")
    (homes["triplets_dir"] / "test.csv").write_text("name\na\n")
    assert find_split("mine", **homes) == Split(("b",), (), ("a",))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "clip,part\na,train\nb,held out\n",
            "clips.csv, row 3: part is 'held out'; write one of train, validation",
        ),
        ("clip,set\na,train\n", r"clips.csv: no column 'part' \(for split\); name it in the card"),
        ("name,part\na,train\n", "clips.csv: no column 'clip'; the columns are 'name', 'part'"),
        ("clip,part\na,train\n,test\n", "clips.csv, row 3: clip is ''; fill the cell"),
        ("clip,part\na,train\nb,train\n", "the test part of the split is empty"),
    ],
)
def test_broken_split_columns(rows: str, message: str, tmp_path: Path) -> None:
    homes = write(tmp_path, triplets="clips: mine\n", table=", split: part", rows=rows)
    with pytest.raises(DataError, match=message):
        find_split("mine", **homes)


def test_no_split_anywhere(tmp_path: Path) -> None:
    homes = write(tmp_path, triplets="clips: mine\n", table="", rows="clip\na\n")
    card = load_videos_card("mine", videos_dir=homes["videos_dir"])
    assert load_split(card, home=homes["videos_dir"]) is None
    with pytest.raises(
        DataError, match="neither the card of 'mine' nor that of its clips states a split"
    ):
        find_split("mine", **homes)
