"""An import of PHASE writes into its folder alone, whole or not at all, and one at a time."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from bgs.animations.video import write_mp4
from bgs.cli.app import main
from bgs.errors import DataError
from bgs.run.import_whole import import_into
from bgs.run.inventory import import_data_set

HEADER = "clip,friendly,neutral,adversarial,file\n"


def files_under(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A release of two videos, and a video beside it that is none of its business."""
    release = tmp_path / "release"
    release.mkdir()
    for name, level in (("one.mp4", 40), ("two.mp4", 90), ("../secret.mp4", 200)):
        write_mp4(
            release / name, np.full((4, 32, 32, 3), level, dtype=np.uint8), frames_per_second=4
        )
    return tmp_path


def bring(home: Path, *rows: str) -> None:
    (home / "release/ratings.csv").write_text(HEADER + "\n".join(rows))
    import_data_set(
        "phase",
        home / "release",
        triplets_dir=home / "t",
        videos_dir=home / "v",
        progress=False,
    )


GOOD = ("a,3,1,0,one.mp4", "b,0,1,3,two.mp4")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../../../pwn,1,0,0,two.mp4", "row 3: the clip id is '../../../pwn', which is a path"),
        ("/tmp/pwn,1,0,0,two.mp4", "row 3: the clip id is '/tmp/pwn', which is a path; give"),
        (".part,1,0,0,two.mp4", "row 3: the clip id is '.part', which begins with '.'; begin it"),
        (
            "b,1,0,0,../secret.mp4",
            "row 3: the video of clip 'b' is '../secret.mp4', which is outside",
        ),
        ("b,1,0,0,link.mp4", "row 3: the video of clip 'b' is 'link.mp4', which is outside the"),
        ("b,1,0,0,text.mp4", "which is no video that can be opened; give scenes.json"),
        (f"b,1,0,0,{'x' * 300}.mp4", "which is no .mp4 file in the folder; give scenes.json"),
    ],
)
def test_nothing_outside_is_written_or_read(home, row, message):
    (home / "release/link.mp4").symlink_to(home / "secret.mp4")
    (home / "release/text.mp4").write_text("no video")
    (home / "release/ratings.csv").touch()
    before = set(files_under(home))
    with pytest.raises(DataError, match=re.escape(message)):
        bring(home, GOOD[0], row)
    assert set(files_under(home)) == before
    assert not (home / "v").exists()
    assert not (home / "t").exists()


def test_a_path_as_an_id_is_one_line_and_exit_2(home, capsys):
    (home / "release/ratings.csv").write_text(HEADER + "../x,1,0,0,one.mp4")
    places = ["--triplets-dir", str(home / "t"), "--videos-dir", str(home / "v")]
    with pytest.raises(SystemExit) as left:
        main(["data", "import", "phase", "--from", str(home / "release"), "-q", *places])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "row 2: the clip id is '../x', which is a path; give a name without" in said
    assert said.count("\n") == 1


def test_a_release_of_one_clip_leaves_nothing(home):
    with pytest.raises(DataError, match="1 clips make no pair; an RDM needs 2 clips or more"):
        bring(home, GOOD[0])
    assert not (home / "v").exists()


def test_a_smaller_release_does_not_leave_clips_of_the_larger_one(home):
    bring(home, *GOOD, "c,1,1,3,two.mp4")
    before = files_under(home / "v")
    with pytest.raises(
        DataError, match=r"phase: holds 1 videos that are not in this release \(c\.mp4\); move"
    ):
        bring(home, *GOOD)
    assert files_under(home / "v") == before
    (home / "v/phase/c.mp4").unlink()
    bring(home, *GOOD)
    assert set(files_under(home / "v")) == {"phase/a.mp4", "phase/b.mp4", "phase/clips.csv"}


def test_videos_do_not_join_scenes_they_are_not_drawn_from(home):
    (home / "v/phase/scenes").mkdir(parents=True)
    (home / "v/phase/scenes/scenes.json").write_text("[]")
    with pytest.raises(DataError, match="phase: holds scenes of an earlier import, which these"):
        bring(home, *GOOD)


def test_only_one_import_writes_at_a_time(home):
    pytest.importorskip("fcntl", reason="the lock is a POSIX one")
    with (
        import_into(home / "v/phase"),
        pytest.raises(DataError, match="phase: another import is writing here; wait for it to end"),
    ):
        bring(home, *GOOD)
    bring(home, *GOOD)


def test_what_was_there_comes_back_where_a_file_cannot_be_placed(home, monkeypatch):
    bring(home, *GOOD)
    before = files_under(home / "v") | files_under(home / "t")
    replace, moved = os.replace, []

    def fail_third(source: Path, target: Path) -> None:
        moved.append(target)
        if len(moved) == 3:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_third)
    with pytest.raises(DataError, match=r"phase: cannot be written \(No space left on device\)"):
        bring(home, "a,0,0,9,two.mp4", "b,9,0,0,one.mp4")
    assert files_under(home / "v") | files_under(home / "t") == before


def test_a_folder_in_the_place_of_a_file_is_not_touched(home):
    (home / "t/phase/ratings_rdm.csv").mkdir(parents=True)
    with pytest.raises(DataError, match=r"ratings_rdm\.csv: is a folder, where a file goes; move"):
        bring(home, *GOOD)
    assert (home / "t/phase/ratings_rdm.csv").is_dir()
    assert not (home / "v").exists()
    shutil.rmtree(home / "t")
    bring(home, *GOOD)
