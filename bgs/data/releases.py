"""Bringing a published data set home: from a copy on disk, or from where the authors put it.

A card's `files` say where each file stands in the release (`source`), where it goes in the home (`path`)
and what it must be (`sha256`). A file is put in place only after its checksum agreed, and never in part.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote, urljoin

from bgs.data.card_files import check_sha256, load_triplets_card, load_videos_card
from bgs.data.cards import Card, DataFile
from bgs.errors import DataError

TIMEOUT_SECONDS = 60


def import_release(
    name: str,
    source: Path | str,
    *,
    triplets_dir: Path | str = "triplets",
    videos_dir: Path | str = "videos",
) -> list[dict[str, object]]:
    """Copy the files of a release from a folder; one row a file, with what was done."""
    folder = Path(source)
    if not os.path.isdir(folder):
        raise DataError(f"{str(folder)!r} is not a folder", remedy="give the release's folder")

    def bring(card: Card, entry: DataFile, target: Path) -> None:
        origin = _find_source(folder, card, entry)
        check_sha256(origin, entry.sha256)
        shutil.copyfile(origin, target)

    return _bring_files(
        name, bring, triplets_dir=triplets_dir, videos_dir=videos_dir, done="copied"
    )


def import_social250(
    source: Path | str, *, triplets_dir: Path | str = "triplets", videos_dir: Path | str = "videos"
) -> list[dict[str, object]]:
    """The authors' release of `social250`, from its `data` folder or the folder above it."""
    return import_release("social250", source, triplets_dir=triplets_dir, videos_dir=videos_dir)


def fetch_release(
    name: str,
    *,
    triplets_dir: Path | str = "triplets",
    videos_dir: Path | str = "videos",
    base_url: str | None = None,
    progress: bool = False,
) -> list[dict[str, object]]:
    """Download the files of a release; `base_url` takes the place of the one in the cards."""

    def bring(card: Card, entry: DataFile, target: Path) -> None:
        base = base_url or card.base_url
        if base is None or entry.sha256 is None:
            lacking = "base_url" if base is None else f"sha256 for {entry.path!r}"
            raise DataError(
                f"the card of {name!r} has no {lacking}, so it cannot be fetched",
                remedy=card.obtain,
            )
        url = urljoin(base.rstrip("/") + "/", quote(str(entry.source)))
        _download(url, target, sha256=entry.sha256, progress=progress)

    return _bring_files(
        name, bring, triplets_dir=triplets_dir, videos_dir=videos_dir, done="fetched"
    )


def _bring_files(
    name: str,
    bring: Callable[[Card, DataFile, Path], None],
    *,
    triplets_dir: Path | str,
    videos_dir: Path | str,
    done: str,
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for card, home in _cards_of(name, triplets_dir=Path(triplets_dir), videos_dir=Path(videos_dir)):
        for entry in card.files:
            if entry.source is None:
                continue
            target = home / entry.path
            there = _is_there(target, entry)
            if not there:
                _put_in_place(target, partial(bring, card, entry))
            action = "already there" if there else done
            rows.append({"file": str(target), "bytes": target.stat().st_size, "action": action})
    if not rows:
        raise DataError(
            f"the cards of {name!r} name no release to bring files from",
            remedy="put its files in the homes yourself, or add `files` with `source` to the cards",
        )
    return rows


def _put_in_place(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place, and move it there when it is whole."""
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(part)
            os.replace(part, target)
        finally:
            if part.is_file():
                part.unlink()
    except OSError as error:
        raise DataError(
            f"cannot be written ({error.strerror})",
            remedy="make room for it there: a folder that may be written to, nothing in its place",
            file=target,
        ) from error


def _cards_of(name: str, *, triplets_dir: Path, videos_dir: Path) -> Iterator[tuple[Card, Path]]:
    card = load_triplets_card(name, triplets_dir=triplets_dir)
    yield card, triplets_dir
    if card.clips is not None:
        yield load_videos_card(card.clips, videos_dir=videos_dir), videos_dir


def _find_source(folder: Path, card: Card, entry: DataFile) -> Path:
    """The file in the folder of the release, or in its `data` folder."""
    for place in (folder, folder / "data"):
        file = place / str(entry.source)
        if file.is_file():
            return file
    raise DataError(
        f"{str(folder)!r} has no {entry.source!r}",
        remedy=f"give the folder of the release of {card.name!r} that holds it",
    )


def _is_there(file: Path, entry: DataFile) -> bool:
    if not file.is_file():
        return False
    try:
        check_sha256(file, entry.sha256)
    except DataError:
        return False  # an old or broken copy is replaced
    return True


def _download(url: str, target: Path, *, sha256: str, progress: bool) -> None:
    # Imported here because it brings requests, which nobody needs who does not download.
    import pooch

    pooch.get_logger().setLevel("WARNING")  # what is done is printed once, as a row
    from requests.exceptions import RequestException

    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT_SECONDS),
        )
    except RequestException as error:
        raise DataError(
            f"{url} cannot be fetched ({type(error).__name__})",
            remedy="check the network, or import a copy with `bgs data import`",
        ) from error
    except ValueError as error:  # how pooch says that the checksum differs
        raise DataError(
            f"{url} is not the file whose sha256 the card records",
            remedy="the release may have changed; get the version the card names",
        ) from error
