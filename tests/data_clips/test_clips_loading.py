"""Clips from a card or from a folder, with what is known about them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bgs.data.clips import Clips, load_clips
from bgs.errors import DataError

CARD = """
name: study
title: A study
simulated: true
licence: none
obtain: ask the author
clip_path: clips/{clip}.mp4
num_clips: 3
duration_seconds: 1.0
table:
  path: table.csv
  captions: [caption, other]
  ratings: {pleasure: valence}
  split: part
"""
TABLE = """clip,caption,other,valence,part
b,two meet,they meet,1.5,train
a,one leaves,,-2,train
c,nothing,,,test
"""


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "study.yaml").write_text(CARD)
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "clips").mkdir()
    for clip in "abc":
        (tmp_path / "clips" / f"{clip}.mp4").touch()
    return tmp_path


def error_of(home: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_clips("study", videos_dir=home, **options)
    return str(caught.value).replace(f"{home}/", "")


def test_a_card(home):
    clips = load_clips("study", videos_dir=home)
    assert clips.ids == ("b", "a", "c")
    assert clips.paths == tuple(home / "clips" / f"{clip}.mp4" for clip in "bac")
    assert dict(clips.captions) == {
        "b": ("two meet", "they meet"),
        "a": ("one leaves",),
        "c": ("nothing",),
    }
    assert clips.ratings is not None
    np.testing.assert_array_equal(clips.ratings.loc[["a", "b", "c"], "pleasure"], [-2, 1.5, np.nan])
    assert clips.split is not None
    assert (clips.split.train, clips.split.test) == (("b", "a"), ("c",))
    assert clips.simulated
    assert clips.duration_seconds == 1.0
    assert repr(clips) == (
        "Clips('study', 3 clips, 4 captions, 1 ratings,"
        " Split(2 train, 0 validation, 1 test clips), simulated)"
    )


def test_restricting_keeps_everything_by_id(home):
    part = load_clips("study", videos_dir=home).restrict(["c", "b"])
    assert part.ids == ("c", "b")
    assert part.paths[1].name == "b.mp4"
    assert list(part.captions) == ["c", "b"]
    assert list(part.ratings.index) == ["c", "b"]
    assert part.obtain == "ask the author"
    with pytest.raises(DataError) as caught:
        part.restrict(["a"])
    assert str(caught.value) == "clip 'a' is not among the 2 clips of 'study'; check the id"


def test_captions_from_a_file_of_their_own(home):
    card = CARD.replace("  captions: [caption, other]\n", "") + "captions: {path: captions.csv}\n"
    (home / "study.yaml").write_text(card)
    (home / "captions.csv").write_text('clip,caption\nc,"one, two"\nb,first\nb,second\nb,\n')
    clips = load_clips("study", videos_dir=home)
    assert dict(clips.captions) == {"b": ("first", "second"), "c": ("one, two",)}
    (home / "captions.csv").write_text("clip,caption\nb,first\nz,second\n")
    assert error_of(home) == (
        "captions.csv, row 3: a caption is about 'z', which is no clip of 'study'; correct the id"
    )


def test_checksums_of_the_card(home):
    listed = CARD + f"files:\n  - {{path: clips/a.mp4, sha256: {'a' * 64}}}\n"
    (home / "study.yaml").write_text(listed)
    assert dict(load_clips("study", videos_dir=home).checksums) == {"a": "a" * 64}


def test_missing_clips(home):
    (home / "clips" / "a.mp4").unlink()
    (home / "clips" / "c.mp4").unlink()
    assert error_of(home) == (
        "clips/a.mp4: 2 of 3 clips of 'study' are missing, this one first; ask the author"
    )
    clips = load_clips("study", videos_dir=home, need_files=False)
    assert len(clips) == 3
    with pytest.raises(DataError, match="2 of 3 clips"):
        clips.check_files()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a,one", "b,one", "table.csv, row 3: clip 'b' is listed twice; name each clip once"),
        ("a,one", " ,one", "table.csv, row 3: clip is ' '; fill the cell"),
        (
            "c,nothing,,,test\n",
            "c,nothing,,,test\nd,more,,,test\n",
            "table.csv: lists 4 clips where the card says 3;"
            " get the file again, or correct num_clips in the card",
        ),
        (
            ",-2,",
            ",nice,",
            "table.csv, row 3: rating 'pleasure' is 'nice', which is no number;"
            " write a number, or leave the field empty",
        ),
        (
            "valence",
            "mood",
            "table.csv, row 1: there is no column 'valence' (columns: clip, caption, other, mood, part);"
            " correct the card, or the header",
        ),
    ],
)
def test_a_wrong_table(home, old, new, message):
    (home / "table.csv").write_text(TABLE.replace(old, new))
    assert error_of(home) == message


def test_a_folder(studio, tmp_path):
    for name in ("b.mp4", "a.WEBM", ".hidden.mp4", "notes.txt"):
        (tmp_path / name).touch()
    clips = load_clips(tmp_path)
    assert clips.ids == ("a", "b")
    assert clips.name == tmp_path.name
    assert clips.split is clips.ratings is None
    assert load_clips(str(tmp_path) + "/").ids == ("a", "b")


def test_a_folder_by_its_bare_name(tmp_path, monkeypatch):
    (tmp_path / "stimuli").mkdir()
    (tmp_path / "stimuli" / "a.mp4").touch()
    monkeypatch.chdir(tmp_path)
    assert load_clips("stimuli").ids == ("a",)


def test_a_card_wins_over_a_folder_of_its_name(home, monkeypatch):
    monkeypatch.chdir(home)
    (home / "study").mkdir()
    (home / "demo").mkdir()
    assert load_clips("study", videos_dir=".").simulated
    with pytest.raises(DataError, match="run `bgs data fetch demo`"):  # the card that is shipped
        load_clips("demo", videos_dir=".")


def test_wrong_folders(tmp_path):
    with pytest.raises(DataError) as caught:
        load_clips(tmp_path / "no")
    assert str(caught.value) == (
        f"'{tmp_path}/no' is not a folder; name a folder of videos or a card"
    )
    with pytest.raises(
        DataError, match=r"the folder holds no videos; videos end in one of \.avi \.gif"
    ):
        load_clips(tmp_path)
    for name in ("a.mp4", "a.webm"):
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        load_clips(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: a.mp4 and a.webm would both be clip 'a'; rename or remove one"
    )


def test_values_are_checked_at_birth():
    paths = (Path("a.mp4"), Path("b.mp4"))
    with pytest.raises(DataError, match="3 ids for 2 files; give one file a clip"):
        Clips(ids=("a", "b", "c"), paths=paths)
    with pytest.raises(DataError, match="clip 'a' appears twice; give every clip an id of its own"):
        Clips(ids=("a", "a"), paths=paths)
    with pytest.raises(DataError, match="a caption is about 'z', which is no clip; correct the id"):
        Clips(ids=("a", "b"), paths=paths, captions={"z": ("text",)})
    with pytest.raises(DataError, match="ratings are not indexed by the clip ids"):
        Clips(ids=("a", "b"), paths=paths, ratings=pd.DataFrame({"x": [1, 2]}, index=["b", "a"]))


def test_values_cannot_be_changed():
    clips = Clips(ids=("a",), paths=(Path("a.mp4"),), captions={"a": ("text",)})
    with pytest.raises(TypeError):
        clips.captions["a"] = ()  # type: ignore[index]
    assert replace(clips, name="other").name == "other"


def test_loading_clips_needs_no_torch():
    code = (
        "import sys, bgs.data.clips, bgs.data.features; print({'torch', 'av'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
