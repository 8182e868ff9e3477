"""Twins are read by the readers of the real data sets, say that they are simulated, and can be drawn again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.fusion.pictures import read_picture
from bgs.fusion.tasks import TASKS, load_task
from bgs.fusion.twins import TINY, TWINS, TwinSize, write_twin


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return found.hexdigest()


@pytest.mark.parametrize("name", TASKS)
def test_every_task_reads_its_twin(name, twins):
    data = load_task(name, home=twins)
    assert data.simulated
    assert "simulated" in repr(data)
    assert all(len(data[split]) > 0 for split in ("train", "val", "test"))
    ids = [example.id for split in data.splits for example in data[split]]
    assert len(ids) == len(set(ids))
    for example in data["test"]:
        picture = read_picture(example.pictures[0])
        assert picture.ndim == 3
        assert picture.shape[2] == 3


@pytest.mark.parametrize("name", TASKS)
def test_no_group_is_on_both_sides_of_a_split(name, twins):
    assert set(load_task(name, home=twins).shared_groups().values()) == {0}


@pytest.mark.parametrize("name", TASKS)
def test_every_label_that_is_drawn_can_be_learnt_and_tested(name, twins):
    counts = load_task(name, home=twins).counts()
    train, test = counts["train"], counts["test"]
    assert {label for label, count in test.items() if count} <= {
        label for label, count in train.items() if count
    }


@pytest.mark.parametrize("name", TWINS)
def test_the_same_seed_draws_the_same_files(name, tmp_path):
    size = TwinSize(train=8, val=2, test=4)
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_twin(name, tmp_path / folder, seed=seed, size=size)
        (tmp_path / folder / "SIMULATED.txt").unlink()
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_a_twin_never_mixes_with_what_is_there(tmp_path):
    (tmp_path / "real.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="is not empty; a twin never mixes with what is there"):
        write_twin("pisc", tmp_path, size=TINY)
    assert [file.name for file in tmp_path.iterdir()] == ["real.jpg"]


def test_raters_agree_about_where_a_drawn_person_looks(twins):
    for example in load_task("gazefollow", home=twins)["test"]:
        assert len(example.points) == 10
        assert np.std(np.array(example.points), axis=0).max() < 0.06


def test_tracks_are_windows_around_a_frame(twins):
    for example in load_task("lam", home=twins)["train"]:
        assert len(example.pictures) == len(example.boxes) == 7
        frames = [int(file.stem.removeprefix("face_")) for file in example.pictures]
        assert frames == sorted(frames)


def test_pisc_coarse_joins_what_fine_tells_apart(twins):
    fine = {e.id: e.label for e in load_task("pisc", home=twins)["test"]}
    coarse = {e.id: e.label for e in load_task("pisc-coarse", home=twins)["test"]}
    joined = {"friends": "intimate", "family": "intimate", "couple": "intimate",
              "professional": "not intimate", "commercial": "not intimate", "no relation": "no relation"}  # fmt: skip
    assert {name: joined[label] for name, label in fine.items()} == coarse


def test_data_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match="the data of task 'lam' are not here"):
        load_task("lam", home=tmp_path)
    with pytest.raises(DataError, match="unknown task 'smell'; the tasks are affectnet, "):
        load_task("smell", home=tmp_path)
