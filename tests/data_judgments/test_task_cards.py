"""Cards of the data sets that `bgs fusion` reads: strict, listed, and never taken for clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.data.card_files import list_cards, load_task_card, task_names
from bgs.data.clips import load_clips
from bgs.errors import DataError
from bgs.fusion.tasks import SOURCES

NAMES = ("affectnet", "gazefollow", "hagrid", "lam", "pisc")
GOOD = """\
name: mine
task: lam
title: Faces
licence: mine
obtain: ask me
page: https://example.org/faces
layout: [pictures]
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_where_the_data_are_and_how_they_look(name, repository: Path, tmp_path: Path):
    card = load_task_card(name, videos_dir=tmp_path)  # the one that ships
    assert card == load_task_card(name, videos_dir=repository / "videos")
    assert card.task == name == SOURCES[name].folder
    assert card.citation
    assert card.page.startswith("http")
    assert card.folder(videos_dir=tmp_path) == tmp_path / name
    assert not card.simulated


def test_every_data_set_of_a_task_has_a_card(tmp_path: Path):
    assert set(task_names(home=tmp_path)) == {source.folder for source in SOURCES.values()}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_no_set_of_clips(name, tmp_path: Path):
    with pytest.raises(DataError) as caught:
        load_clips(name, videos_dir=tmp_path)
    assert str(caught.value) == (
        f"{name!r} is a data set of `bgs fusion`, not a set of clips; "
        "use it with `bgs fusion`, or name a set of clips"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t + "clip_path: mine/{clip}.mp4\n", "unknown key 'clip_path'"),
        (lambda t: t.replace("layout: [pictures]", "layout: []"), "key 'layout'"),
        (lambda t: t.replace("page: https://example.org/faces\n", ""), "key 'page' is missing"),
        (
            lambda t: t.replace("https://example.org/faces", "ftp://x"),
            "an address begins with https",
        ),
        (lambda t: t.replace("name: mine", "name: yours"), "calls itself 'yours'"),
    ],
)
def test_a_broken_card_is_refused_in_one_line(change, text, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(change(GOOD), encoding="utf-8")
    with pytest.raises(DataError, match=text) as caught:
        load_task_card("mine", videos_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_card_of_clips_is_no_task(tmp_path: Path):
    with pytest.raises(DataError, match=r"unknown key|is missing"):
        load_task_card("demo", videos_dir=tmp_path)


def test_listing_tells_a_twin_from_the_real_one(tmp_path: Path):
    def row() -> dict[str, object]:
        rows = list_cards(triplets_dir=tmp_path, videos_dir=tmp_path)
        return next(found for found in rows if found["name"] == "pisc")

    assert (row()["kind"], row()["present"], row()["simulated"]) == ("task", False, False)
    (tmp_path / "pisc").mkdir()
    assert row()["present"] is False  # an empty folder holds nothing
    (tmp_path / "pisc" / "image").mkdir()
    assert (row()["present"], row()["simulated"]) == (True, False)
    (tmp_path / "pisc" / "SIMULATED.txt").write_text("drawn")
    assert (row()["present"], row()["simulated"]) == (True, True)
