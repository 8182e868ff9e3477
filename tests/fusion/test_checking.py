"""Data sets with pictures that are broken in known places."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bgs.errors import DataError
from bgs.fusion.checking import check_task_set, count_twice, pictures_of
from bgs.fusion.example import TaskData
from bgs.fusion.reading import UNREADABLE
from bgs.fusion.tasks import load_task


@pytest.fixture
def copy(twins: Path, tmp_path: Path):
    def make(name: str) -> Path:
        shutil.copytree(twins / name, tmp_path / name)
        return tmp_path / name

    return make


def check(folder: Path):
    return check_task_set(folder.name, folder, num_workers=2, progress=False)


@pytest.mark.parametrize("name", ["affectnet", "gazefollow", "hagrid", "lam", "pisc"])
def test_a_sound_data_set_is_sound(name, twins):
    report = check(twins / name)
    assert report.ok
    assert report.simulated
    files = len(list((twins / name).rglob("*.jpg")))
    assert 0 < report.num_pictures <= files
    assert all(count == 0 for data in report.tasks for count in data.left_out.values()) or (
        name == "affectnet"  # contempt is left out of the task with seven classes
    )


def test_both_tasks_of_a_data_set_are_read(twins):
    report = check(twins / "pisc")
    assert [data.task.name for data in report.tasks] == ["pisc", "pisc-coarse"]
    first, second = report.to_dict()["tasks"]
    assert sum(first["counts"]["train"].values()) == sum(second["counts"]["train"].values()) == 60
    assert report.num_pictures == 110  # each once


def test_a_picture_that_is_cut_short_is_named(copy):
    folder = copy("pisc")
    broken = folder / "image" / "00003.jpg"
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    report = check(folder)
    assert not report.ok
    (problem,) = report.problems
    assert problem.file == broken
    assert problem.what == "not a picture that can be read (OSError)"


def test_of_several_broken_pictures_all_are_named_and_cost_their_examples_alone(copy):
    """GazeFollow needs the size of a picture to read its boxes: reading must not stop at the first."""
    folder = copy("gazefollow")
    spoilt = {folder / "train/00000000" / f"{k:08d}.jpg" for k in (2, 7)}
    for file in spoilt:
        file.write_text("no picture")
    report = check(folder)
    assert {problem.file for problem in report.problems} == spoilt
    (data,) = report.tasks
    assert data.left_out == {UNREADABLE: 2}
    assert sum(map(len, data.splits.values())) == 108
    assert sum(map(len, load_task("gazefollow", home=folder.parent).splits.values())) == 108


def test_a_missing_picture_is_counted_and_not_sound(copy):
    folder = copy("hagrid")
    example = load_task("hagrid", home=folder.parent)["train"][0]
    example.pictures[0].unlink()
    report = check(folder)
    assert not report.ok
    assert report.num_missing >= 1
    assert report.problems == ()


def test_examples_with_the_same_id_are_counted(twins):
    data = load_task("pisc", home=twins)
    assert count_twice(data) == 0
    twice = TaskData(data.task, {"train": data["train"], "val": data["train"][:3]})
    assert count_twice(twice) == 3
    assert len(pictures_of([twice])) == 60


def test_a_name_that_no_task_reads(tmp_path):
    with pytest.raises(DataError, match="no task reads 'faces'; there are affectnet, gazefollow"):
        check_task_set("faces", tmp_path)
