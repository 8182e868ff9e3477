"""Whatever stands in the homes, the command line ends with one line that a terminal can show, or is right."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bgs.cli.app import main
from bgs.data.card_files import list_cards
from bgs.data.check import check_triplets
from bgs.data.releases import import_release
from bgs.errors import DataError
from bgs.run.inventory import check_data_set

# Test files stand alone (importlib mode), so the corpus beside this one is loaded by its path.
_spec = importlib.util.spec_from_file_location(
    "hostile_input", Path(__file__).with_name("hostile_input.py")
)
assert _spec is not None
assert _spec.loader is not None
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)

MISSING_CLIPS = "none of the 8 clips is in videos/mine; ask\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with both homes, one small data set in them."""
    for name, text in corpus.HOME.items():
        put(tmp_path / name, text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_the_corpus_is_large_and_complete() -> None:
    assert len(corpus.HOSTILE) >= 60
    assert set(corpus.HOSTILE) == set(corpus.EXPECTED)


@pytest.mark.parametrize("what", corpus.HOSTILE)
def test_hostile_input_is_refused_in_one_line(
    what: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in corpus.HOSTILE[what].items():
        put(home / name, content)
    bare = [name for name in corpus.HOSTILE[what] if "/" not in name]
    assert run("data", "check", *(bare or ["mine"])) == 2
    said = capsys.readouterr()
    assert _fault(said.out, said.err) == corpus.EXPECTED[what]
    assert (said.err + said.out).replace("\n", "").isprintable()


def _fault(out: str, err: str) -> str:
    """A file that cannot be read is one line on stderr; bad rows are listed under the name of their file."""
    if err:
        assert not out
        assert err.count("\n") == 1
        return err.removeprefix("error: ").rstrip("\n")
    title, first = out.splitlines()[:2]
    file, _, counted = title.rpartition(": ")
    assert counted == "1 row is no judgment"
    return f"{file}, {first}"


def test_the_home_of_the_corpus_is_sound(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data", "check", "mine") == 0
    assert capsys.readouterr().out.endswith("clips mine\n" + MISSING_CLIPS)


@pytest.mark.parametrize("file", ["triplets/mine/j.csv", "triplets/mine.yaml", "x.csv"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.mkdir, "is a folder, not a file; name the file"),
        (os.mkfifo, "is a device or pipe, not a file; copy it to a file"),
        (
            lambda path: path.symlink_to(path.name),
            "links to {name!r}, which cannot be reached; mend the link",
        ),
    ],
    ids=["folder", "pipe", "loop"],
)
def test_what_is_no_file_is_named(
    file: str,
    make: Callable[[Path], None],
    message: str,
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (home / file).unlink(missing_ok=True)
    make(home / file)
    assert run("data", "check", file if file == "x.csv" else "mine") == 2
    assert capsys.readouterr().err == f"error: {file}: {message.format(name=Path(file).name)}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "\x1b[31mred"], "'\\x1b[31mred' is neither a card, a file"),
        (["check", ""], "'' is neither a card, a file"),
        (["check", "--", "-rf"], "'-rf' is neither a card, a file"),
        (["check", "gone.csv"], "gone.csv: does not exist; check the path"),
        (["check", "mine", "--triplets-dir", "x"], "x: is not a folder; name the home of triplets"),
        (["list", "--videos-dir", "x"], "x: is not a folder; name the home of videos"),
        (
            ["import", "../x", "--from", "."],
            "no triplets card is called '../x' (known: demo, demo-phase, mine",
        ),
        (["import", "mine", "--from", "a" * 5000], "'aaaa"),
        (["import", "mine", "--from", "."], "the cards of 'mine' name no release to bring files"),
    ],
)
def test_words_on_the_command_line(
    arguments: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "x").write_text("")
    assert run("data", *arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message}")
    assert said.count("\n") == 1
    assert len(said) < 1500


@pytest.mark.parametrize("blocked", ["x/j.csv", "x/j.csv.part", "x"])
def test_a_place_that_is_taken(blocked: str, home: Path) -> None:
    put(home / "release/j.csv", corpus.JUDGMENTS)
    text = corpus.TRIPLETS.replace("clips: mine\n", "").replace("mine", "x")
    put(home / "triplets/x.yaml", text + "files: [{path: x/j.csv, source: j.csv}]\n")
    if blocked == "x":
        (home / "triplets/x").write_text("")
    else:
        (home / "triplets" / blocked).mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"j\.csv: cannot be written \((Is a directory|File exists)\)"
    ):
        import_release("x", "release")


def test_a_broken_card_of_another_set_is_nobodys_trouble(home: Path) -> None:
    put(home / "triplets/other.yaml", "a: [")
    assert check_data_set("mine", triplets_dir=Path("triplets"), videos_dir=Path("videos")).triplets
    with pytest.raises(DataError, match=r"other\.yaml, row 1: the card is not YAML"):
        list_cards()


def test_a_clip_that_nobody_judged_is_said_and_no_error(home: Path) -> None:
    put(home / "videos/mine/clips.csv", corpus.CLIPS + "extra,w,1,test\n")
    report = check_triplets("mine")
    assert report.sections["clips"]["in_catalogue"] == 9
    assert "2 clips of the catalogue never judged" in report.flags


def test_a_checksum_in_capitals_is_the_same_checksum(home: Path) -> None:
    put(
        home / "triplets/mine.yaml",
        corpus.TRIPLETS + f"files: [{{path: mine/j.csv, sha256: {'AB' * 32}}}]\n",
    )
    with pytest.raises(DataError, match=r"the card says abababababab\.\.\."):
        check_triplets("mine")


def test_clips_that_are_no_videos_are_listed_one_by_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home / "videos/mine"
    (folder / "c0.mp4").mkdir()
    os.mkfifo(folder / "c1.mp4")
    (folder / "c2.mp4").symlink_to("c2.mp4")
    os.chdir(folder)  # a socket's path has 108 characters at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("c3.mp4")
        os.chdir(home)
        assert run("data", "check", "mine", "-q") == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5:] == [
        "missing: 4 of 8 (c4, c5, c6, c7); ask",
        "corrupt: c0: is a folder, not a video",
        "corrupt: c1: is a device or pipe, not a video",
        "corrupt: c2: links to 'c2.mp4', which cannot be reached",
        "corrupt: c3: is a device or pipe, not a video",
    ]


@pytest.mark.parametrize("name", ["\x1b[31mred", "new\nline", "\u202eabc", " a"])
def test_a_file_name_that_can_be_no_id(name: str, tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / f"{name}.mp4")
    with pytest.raises(DataError) as caught:
        check_data_set(str(tmp_path), triplets_dir=Path("triplets"), videos_dir=Path("videos"))
    said = str(caught.value)
    assert f"a clip is named after its file, and the name is {name!r}, with " in said
    assert said.isprintable()
