"""A checkpoint is whole or not there; a damaged one is told and passed over."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from bgs.errors import TrainingError
from bgs.training.checkpoints import Checkpoints


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def state(step: int) -> dict[str, object]:
    return {"step": step, "weights": {"w": torch.full((1000,), float(step))}, "best": -1.5}


def test_what_is_saved_is_read_back_and_only_the_newest_are_kept(folder: Path) -> None:
    checkpoints = Checkpoints(folder, keep=2)
    assert checkpoints.newest() is None
    for step in (1, 5, 12):
        assert checkpoints.save(state(step), step=step) == folder / f"step-{step:08d}"
    assert checkpoints.steps() == [5, 12]
    read = checkpoints.newest()
    assert read is not None
    assert read["step"] == 12
    assert torch.equal(read["weights"]["w"], torch.full((1000,), 12.0))
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000005", "step-00000012"]


def truncate(place: Path) -> None:
    file = place / "state.pt"
    file.write_bytes(file.read_bytes()[:-100])


def flip_a_bit(place: Path) -> None:
    file = place / "state.pt"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, "bytes where"),
        (flip_a_bit, "its checksum does not match"),
        (lambda place: (place / "state.pt").unlink(), "No such file"),
        (lambda place: (place / "checkpoint.json").write_text("{"), "Expecting property name"),
        (lambda place: (place / "checkpoint.json").write_text('{"format": 99}'), "format 99"),
    ],
)
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(
    folder: Path, damage, reason: str
) -> None:
    checkpoints = Checkpoints(folder, keep=3)
    for step in (1, 2):
        checkpoints.save(state(step), step=step)
    damage(folder / "step-00000002")
    with pytest.warns(
        UserWarning, match=f"step-00000002: damaged checkpoint .*{reason}.* set aside"
    ):
        read = checkpoints.newest()
    assert read is not None
    assert read["step"] == 1
    assert checkpoints.steps() == [1]
    assert (folder / "damaged-step-00000002").is_dir()
    checkpoints.save(state(2), step=2)  # its place is free again
    assert checkpoints.steps() == [1, 2]


def test_saving_a_step_again_replaces_it(folder: Path) -> None:
    checkpoints = Checkpoints(folder, keep=2)
    checkpoints.save(state(3), step=3)
    checkpoints.save({**state(3), "best": 9.0}, step=3)
    read = checkpoints.newest()
    assert read is not None
    assert read["best"] == 9.0


def test_leftovers_of_a_killed_save_are_ignored_and_swept_away(folder: Path) -> None:
    checkpoints = Checkpoints(folder, keep=2)
    checkpoints.save(state(1), step=1)
    leftover = folder / ".partial-step-00000002"
    leftover.mkdir()
    (leftover / "state.pt").write_bytes(b"half")
    assert checkpoints.steps() == [1]
    checkpoints.save(state(2), step=2)
    assert not leftover.exists()
    assert checkpoints.steps() == [1, 2]


def save_onto_a_full_disk(folder: Path, said: Path) -> None:
    """For a child process: no file may grow beyond 10 kB."""
    resource = importlib.import_module("resource")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        Checkpoints(folder, keep=2).save({"weights": torch.zeros(100_000)}, step=2)
    except TrainingError as error:
        said.write_text(str(error))


@pytest.mark.skipif(os.name != "posix", reason="needs fork and a limit on file sizes")
def test_a_full_disk_is_a_clear_error_and_costs_no_earlier_checkpoint(
    folder: Path, tmp_path: Path
) -> None:
    Checkpoints(folder, keep=2).save(state(1), step=1)
    said = tmp_path / "said"
    child = multiprocessing.get_context("fork").Process(
        target=save_onto_a_full_disk, args=(folder, said)
    )
    child.start()
    child.join()
    message = said.read_text()
    assert message.startswith(f"{folder / 'step-00000002'}: cannot write a checkpoint of 0.4 MB (")
    assert message.endswith(
        "); the one of step 1 is intact; "
        "free some space and resume, or lower training.save_total_limit"
    )
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]
    newest = Checkpoints(folder, keep=2).newest()
    assert newest is not None
    assert newest["step"] == 1


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="there is no earlier one; free some space"):
        Checkpoints(tmp_path / "file" / "checkpoints", keep=1).save(state(1), step=1)
