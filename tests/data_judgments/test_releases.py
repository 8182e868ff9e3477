"""Importing and fetching a release: the right bytes in the right place, or nothing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bgs.data.check import check_triplets
from bgs.data.releases import fetch_release, import_release, import_social250
from bgs.errors import DataError

RELEASE = {
    "in/judgments.csv": "clip_1,clip_2,clip_3,odd\na,b,c,c\n",
    "in/clips.csv": "clip\na\nb\nc\n",
}
TRIPLETS_CARD = """
name: tiny
title: A tiny release
licence: none
obtain: ask
clips: tiny
base_url: {url}
files:
  - {{path: tiny/judgments.csv, source: in/judgments.csv, sha256: "{judgments}"}}
judgments: {{path: tiny/judgments.csv}}
"""
VIDEOS_CARD = """
name: tiny
title: Tiny clips
licence: none
obtain: ask
base_url: {url}
files:
  - {{path: tiny/clips.csv, source: in/clips.csv, sha256: "{clips}"}}
clip_path: "tiny/{{clip}}.mp4"
table: {{path: tiny/clips.csv}}
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for name, text in RELEASE.items():
        (tmp_path / "release" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / name).write_text(text, encoding="utf-8")
    return tmp_path / "release"


@pytest.fixture
def server(release: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(release))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def write_cards(
    folder: Path, *, url: str = "http://127.0.0.1:9", wrong: bool = False
) -> dict[str, Path]:
    digests = {
        Path(name).stem: hashlib.sha256(text.encode()).hexdigest() for name, text in RELEASE.items()
    }
    if wrong:
        digests["clips"] = "0" * 64
    homes = {"triplets_dir": folder / "triplets", "videos_dir": folder / "videos"}
    for home, card in zip(homes.values(), (TRIPLETS_CARD, VIDEOS_CARD), strict=True):
        home.mkdir(parents=True, exist_ok=True)
        (home / "tiny.yaml").write_text(card.format(url=url, **digests), encoding="utf-8")
    return homes


def test_import_copies_once_and_repairs(release: Path, tmp_path: Path) -> None:
    homes = write_cards(tmp_path)
    rows = import_release("tiny", release, **homes)
    assert [(Path(str(row["file"])).name, row["action"]) for row in rows] == [
        ("judgments.csv", "copied"),
        ("clips.csv", "copied"),
    ]
    assert (homes["videos_dir"] / "tiny/clips.csv").read_text() == RELEASE["in/clips.csv"]
    (homes["videos_dir"] / "tiny/clips.csv").write_text("clip\nx\n")
    actions = [row["action"] for row in import_release("tiny", release, **homes)]
    assert actions == ["already there", "copied"]
    assert (homes["videos_dir"] / "tiny/clips.csv").read_text() == RELEASE["in/clips.csv"]


def test_import_finds_the_data_folder_of_a_clone(release: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    release.rename(clone / "data")
    assert len(import_release("tiny", clone, **write_cards(tmp_path))) == 2


def test_import_refuses_what_is_not_there(release: Path, tmp_path: Path) -> None:
    homes = write_cards(tmp_path)
    (release / "in/clips.csv").unlink()
    with pytest.raises(DataError) as caught:
        import_release("tiny", release, **homes)
    assert str(caught.value) == (
        f"'{release}' has no 'in/clips.csv'; give the folder of the release of 'tiny' that holds it"
    )
    with pytest.raises(DataError, match="nowhere' is not a folder; give the release's folder"):
        import_release("tiny", tmp_path / "nowhere", **homes)


def test_import_refuses_another_version(release: Path, tmp_path: Path) -> None:
    homes = write_cards(tmp_path, wrong=True)
    with pytest.raises(
        DataError, match=r"clips.csv: sha256 is \w{12}\.\.\., the card says 0{12}\.\.\.;"
    ):
        import_release("tiny", release, **homes)
    left = [file.name for file in (homes["videos_dir"] / "tiny").iterdir()]
    assert left == []  # nothing in part


def test_fetch_from_a_server(server: str, tmp_path: Path) -> None:
    homes = write_cards(tmp_path, url=server)
    assert [row["action"] for row in fetch_release("tiny", **homes)] == ["fetched", "fetched"]
    assert [row["action"] for row in fetch_release("tiny", **homes)] == ["already there"] * 2
    assert check_triplets("tiny", **homes).sections["rows"]["rows_out"] == 1


def test_fetch_refuses_another_version(server: str, tmp_path: Path) -> None:
    homes = write_cards(tmp_path, url=server, wrong=True)
    with pytest.raises(DataError) as caught:
        fetch_release("tiny", **homes)
    assert str(caught.value) == (
        f"{server}/in/clips.csv is not the file whose sha256 the card records; "
        "the release may have changed; get the version the card names"
    )
    assert not (homes["videos_dir"] / "tiny/clips.csv").exists()


def test_fetch_says_when_the_file_or_the_server_is_missing(
    server: str, release: Path, tmp_path: Path
) -> None:
    (release / "in/judgments.csv").unlink()
    homes = write_cards(tmp_path, url=server)
    with pytest.raises(DataError, match=r"/in/judgments.csv cannot be fetched \(HTTPError\)"):
        fetch_release("tiny", **homes)
    with pytest.raises(
        DataError, match=r"cannot be fetched \(ConnectionError\); check the network"
    ):
        fetch_release("tiny", **homes, base_url="http://127.0.0.1:9/")


def test_a_set_without_a_release_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the cards of 'demo' name no release to bring files from"):
        fetch_release("demo", triplets_dir=tmp_path, videos_dir=tmp_path)


def test_the_authors_release(shared_data: Path, tmp_path: Path) -> None:
    homes = {"triplets_dir": tmp_path / "triplets", "videos_dir": tmp_path / "videos"}
    rows = import_social250(shared_data / "social250", **homes)
    assert len(rows) == 12
    assert {row["action"] for row in rows} == {"copied"}
