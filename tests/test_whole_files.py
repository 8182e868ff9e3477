"""Files and folders that appear when they are finished, on disks that are full or closed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bgs.data.clip_store import check_writable
from bgs.errors import DataError
from bgs.whole_files import written_together, written_whole


def fail_half_way(place: Path, error: BaseException) -> None:
    with written_whole(place) as partial:
        if place.name == "file":
            partial.write_text("half")
        else:
            partial.mkdir()
            (partial / "half").touch()
        raise error


def test_a_file_and_a_folder_take_the_place_of_earlier_ones(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with written_whole(tmp_path / "file") as partial:
            partial.write_text(text)
        with written_whole(tmp_path / "folder") as partial:
            partial.mkdir()
            (partial / text).touch()
    assert (tmp_path / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "new"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            errno.ENOSPC,
            "the disk of {} is full; free some space, or choose another place for the output; "
            "what was there before is kept",
        ),
        (
            errno.EROFS,
            "{} cannot be written (Read-only file system); choose another place for the output",
        ),
    ],
)
def test_what_was_there_stays_when_writing_fails(tmp_path: Path, code: int, message: str) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    for name in ("file", "folder"):
        with pytest.raises(DataError) as caught:
            fail_half_way(tmp_path / name, OSError(code, os.strerror(code)))
        assert str(caught.value) == message.format(tmp_path)
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "old"]


@pytest.mark.parametrize(
    "text",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534",
    ],
)
def test_libraries_that_hide_a_full_disk_are_understood(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="is full; free some space"):
        fail_half_way(tmp_path / "file", RuntimeError(text))
    with pytest.raises(RuntimeError, match="a bug"):
        fail_half_way(tmp_path / "file", RuntimeError("a bug"))
    assert list(tmp_path.iterdir()) == []


def test_files_move_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "one").write_text("old")
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "left by a kill").touch()

    def write(error: OSError | None) -> None:
        with written_together(tmp_path) as aside:
            (aside / "one").write_text("new")
            (aside / "deep").mkdir()
            (aside / "deep" / "two").write_text("new")
            if error is not None:
                raise error

    with pytest.raises(DataError, match=f"the disk of {tmp_path} is full"):
        write(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "mine.txt": "mine",
        "one": "old",
    }
    write(None)
    files = {
        str(path.relative_to(tmp_path)): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert files == {"mine.txt": "mine", "one": "new", "deep/two": "new"}
    assert not (tmp_path / ".partial").exists()


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_half_way(tmp_path / "file", KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_moved_back_if_the_new_one_cannot_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DataError, match="Input/output"), written_whole(tmp_path / "folder") as new:
        new.mkdir()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "old"]


def test_a_cache_that_is_a_file_is_not_writable(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "yet")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(DataError) as caught:
        check_writable(tmp_path / "file")
    assert str(caught.value) == (
        f"{tmp_path / 'file'} cannot be written (Not a directory); set BGS_CACHE to a folder you may write to"
    )
