"""Labelled clips as UCF101 and Kinetics have them: labels, recordings, and splits that part no recording."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.retention import hold_out_groups
from bgs.run.labelled import Labelled, read_labelled
from experiments.labelled_clips import LABELS, Take, simulate_takes, write_kinetics, write_ucf101


def blank_takes(*, recordings: int = 3, clips: int = 2) -> list[Take]:
    """The names of a set without the work of simulating it: the layouts are what is tested."""
    grey = np.full((2, 128, 128, 3), 128, dtype=np.uint8)
    return [
        Take(label, recording, number, grey)
        for label in LABELS[:3]
        for recording in range(1, recordings + 1)
        for number in range(1, clips + 1)
    ]


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ucf101")
    write_ucf101(folder, iter(blank_takes()))
    return folder


@pytest.fixture(scope="module")
def kinetics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinetics")
    write_kinetics(folder, iter(blank_takes()))
    return folder


def test_ucf101_by_its_lists(ucf101):
    lines = (ucf101 / "trainlist01.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "Chase/v_Chase_g03_c01.avi 1"
    assert (ucf101 / "classInd.txt").read_text(encoding="utf-8").startswith("1 Chase\n2 Flee\n")
    lists = {"train_list": ucf101 / "trainlist01.txt", "test_list": ucf101 / "testlist01.txt"}
    found = read_labelled(ucf101, **lists)
    assert repr(found) == "LabelledClips(18 clips, 3 labels, 12 for testing)"
    assert found.clips.ids[0] == "Chase/v_Chase_g03_c01.avi"
    assert found.recordings[:2] == ("Chase/Chase_g03",) * 2
    assert len(set(found.recordings)) == 9


def test_windows_line_ends_and_blank_lines_are_read(ucf101, tmp_path):
    for name in ("trainlist01.txt", "testlist01.txt"):
        text = (ucf101 / name).read_text(encoding="utf-8").replace("\n", "\r\n\r\n")
        (tmp_path / name).write_bytes(text.encode())
    lists = {"train_list": tmp_path / "trainlist01.txt", "test_list": tmp_path / "testlist01.txt"}
    assert len(read_labelled(ucf101, **lists).labels) == 18


@pytest.mark.parametrize("seed", range(5))
def test_a_random_split_parts_no_recording(ucf101, seed):
    found = read_labelled(ucf101)
    assert found.is_test is None
    test = hold_out_groups(
        np.array(found.labels), np.array(found.recordings), test_fraction=0.3, seed=seed
    )
    sides = defaultdict(set)
    for recording, held in zip(found.recordings, test, strict=True):
        sides[recording].add(bool(held))
    assert all(len(side) == 1 for side in sides.values())
    assert [sum(test[np.array(found.labels) == label]) for label in LABELS[:3]] == [2, 2, 2]


def test_lists_that_part_a_recording_are_refused(ucf101, tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("Chase/v_Chase_g01_c01.avi 1\nFlee/v_Flee_g01_c01.avi 2\n", encoding="utf-8")
    test.write_text("Chase/v_Chase_g01_c02.avi\n", encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_labelled(ucf101, train_list=train, test_list=test)
    assert str(error.value) == (
        "recording 'Chase/Chase_g01' has clips for training and for testing; "
        "keep all clips of a recording (g01, g02, ...) on one side, as the official lists do"
    )


def test_a_clip_whose_name_tells_no_recording_is_one_of_its_own():
    assert Labelled(Path("Run/a.mp4"), "Run").recording == "Run/a.mp4"
    assert Labelled(Path("Run/v_Run_g12_c07.avi"), "Run").recording == "Run/Run_g12"


def test_kinetics_by_its_folders_and_by_its_tables(kinetics, tmp_path):
    by_folder = read_labelled(kinetics)
    assert repr(by_folder) == "LabelledClips(18 clips, 3 labels, 12 for testing)"
    tables = {"train_list": kinetics / "train.csv", "test_list": kinetics / "val.csv"}
    by_table = read_labelled(kinetics, **tables)
    assert sorted(zip(by_table.clips.ids, by_table.labels, by_table.is_test or (), strict=True)) == (
        sorted(zip(by_folder.clips.ids, by_folder.labels, by_folder.is_test or (), strict=True))
    )  # fmt: skip
    flat = tmp_path / "flat"  # as some mirrors have it: the table alone knows the label
    flat.mkdir()
    for file in kinetics.rglob("*.mp4"):
        (flat / file.name).write_bytes(file.read_bytes())
    assert read_labelled(flat, **tables).labels == by_table.labels


def test_kinetics_clips_that_are_gone_are_counted(kinetics, tmp_path):
    table = (kinetics / "train.csv").read_text(encoding="utf-8") + "Chase,gone0000001,3,13,train\n"
    (tmp_path / "train.csv").write_text(table, encoding="utf-8")
    found = read_labelled(
        kinetics, train_list=tmp_path / "train.csv", test_list=kinetics / "val.csv"
    )
    assert (len(found.labels), found.num_absent) == (18, 1)


HEADER = "label,youtube_id,time_start,time_end\n"
REMEDY = "name one clip a line, and the folder they are in"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("label,video\n", "no column 'youtube_id'; columns are label, youtube_id, time_start, time_end"),
        (HEADER + "Chase,a,soon,9\n", "times 'soon' to '9' are not seconds; give whole seconds"),
        (HEADER + "Chase,a,0,9\n", f"none of its 1 clips is in {{folder!r}}; {REMEDY}"),
        (HEADER, f"the list is empty; {REMEDY}"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(kinetics, tmp_path, text, line):
    file = tmp_path / "train.csv"
    file.write_text(text, encoding="utf-8")
    where = f"{file}, row 2: " if "soon" in line else f"{file}: "
    with pytest.raises(DataError) as error:
        read_labelled(kinetics, train_list=file, test_list=kinetics / "val.csv")
    assert str(error.value) == where + line.format(folder=str(kinetics))


def test_clips_of_a_recording_share_their_look():
    takes = list(simulate_takes(recordings=2, clips=2, seed=0))
    assert len(takes) == 4 * len(LABELS)
    corner = [take.frames[0, :8, :8].astype(float).mean(axis=(0, 1)) for take in takes[:4]]
    same, other = np.abs(corner[0] - corner[1]).max(), np.abs(corner[0] - corner[2]).max()
    assert same < other / 2
    assert not np.array_equal(takes[0].frames, takes[1].frames)
