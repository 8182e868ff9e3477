"""Finding, reading and listing cards, and reaching the files they name.

A card is looked up in the home first, then among the cards shipped with the package, so that an
installed wheel knows its data sets in an empty folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from bgs.data.card_fields import NAME_PATTERN
from bgs.data.cards import SIMULATED_MARK, Card, TaskCard, TripletsCard, VideosCard
from bgs.data.reading import check_readable, read_text
from bgs.errors import DataError
from bgs.strict_yaml import parse_mapping

AnyCard = TypeVar("AnyCard", bound=Card)


def load_triplets_card(name: str, *, triplets_dir: Path | str = "triplets") -> TripletsCard:
    """The card of a set of judgments, by name."""
    return _load_card(TripletsCard, name, home=Path(triplets_dir), kind="triplets")


def load_videos_card(name: str, *, videos_dir: Path | str = "videos") -> VideosCard:
    """The card of a set of clips, by name."""
    return _load_card(VideosCard, name, home=Path(videos_dir), kind="videos")


def load_task_card(name: str, *, videos_dir: Path | str = "videos") -> TaskCard:
    """The card of a data set of `bgs fusion`, by name."""
    return _load_card(TaskCard, name, home=Path(videos_dir), kind="videos")


def task_names(*, home: Path) -> list[str]:
    """The data sets of `bgs fusion` among the cards of clips, in order."""
    return [name for name in card_names("videos", home=home) if _is_task(name, home=home)]


def list_cards(
    *, triplets_dir: Path | str = "triplets", videos_dir: Path | str = "videos"
) -> list[dict[str, object]]:
    """One row a data set, for `bgs data list`: its cards, and whether their payload is in the homes."""
    homes = {"triplets": Path(triplets_dir), "videos": Path(videos_dir)}
    rows: list[dict[str, object]] = []
    for name in card_names("triplets", home=homes["triplets"]):
        card = load_triplets_card(name, triplets_dir=homes["triplets"])
        present = (homes["triplets"] / card.main_file).is_file()
        rows.append(_describe(card, kind="triplets", present=present))
    for name in card_names("videos", home=homes["videos"]):
        if _is_task(name, home=homes["videos"]):
            rows.append(_describe_task(name, home=homes["videos"]))
            continue
        clips = load_videos_card(name, videos_dir=homes["videos"])
        present = (homes["videos"] / clips.table.path).is_file()
        rows.append(_describe(clips, kind="videos", present=present))
    return rows


def payload_file(card: Card, path: str, *, home: Path | str) -> Path:
    """The file a card names: there, and with the checksum the card states."""
    file = Path(home) / path
    if not os.path.lexists(file):
        raise DataError(f"the file of {card.name!r} is missing", remedy=card.obtain, file=file)
    check_readable(file)
    check_sha256(file, card.file(path).sha256)
    return file


def check_sha256(file: Path, expected: str | None) -> None:
    """Refuse a file that is not the one whose checksum was recorded."""
    if expected is None:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise DataError(
            f"sha256 is {found[:12]}..., the card says {expected[:12]}...",
            remedy="get the file again, or correct the card if the data changed on purpose",
            file=file,
        )


def _load_card(model: type[AnyCard], name: str, *, home: Path, kind: str) -> AnyCard:
    valid = re.fullmatch(NAME_PATTERN, name) is not None
    file = _find_card(name, home=home, kind=kind)
    if file is not None:
        check_readable(file)
        return _read_card(model, file, name=name)
    known = ", ".join(card_names(kind, home=home)) or "none"
    raise DataError(
        f"no {kind} card is called {name!r} (known: {known})",
        remedy=f"write {home / (name + '.yaml')}, or name one that exists"
        if valid
        else "a name is made of letters, digits, `-`, `_` and `.`",
    )


def _find_card(name: str, *, home: Path, kind: str) -> Path | None:
    if re.fullmatch(NAME_PATTERN, name) is None:
        return None
    places = (place / f"{name}.yaml" for place in _card_homes(kind, home=home))
    return next((file for file in places if os.path.lexists(file)), None)


def _parse(file: Path) -> dict[str, object]:
    return parse_mapping(read_text(file), file=file, what="card", first_key="name", error=DataError)


def _is_task(name: str, *, home: Path) -> bool:
    """Only what can be told at a glance: a card that is broken is refused by whoever reads it."""
    file = _find_card(name, home=home, kind="videos")
    if file is None:
        return False
    check_readable(file)
    return "task" in _parse(file)


def _describe_task(name: str, *, home: Path) -> dict[str, object]:
    card = load_task_card(name, videos_dir=home)
    folder = card.folder(videos_dir=home)
    row = _describe(card, kind="task", present=folder.is_dir() and any(folder.iterdir()))
    return {**row, "simulated": (folder / SIMULATED_MARK).is_file()}


def _read_card(model: type[AnyCard], file: Path, *, name: str) -> AnyCard:
    values = _parse(file)
    if model is VideosCard and "task" in values:
        raise DataError(
            f"{name!r} is a data set of `bgs fusion`, not a set of clips",
            remedy="use it with `bgs fusion`, or name a set of clips",
        )
    try:
        card = model.model_validate(values)
    except ValidationError as error:
        raise _explain(error, file=file) from error
    if card.name != name:
        raise DataError(
            f"the card calls itself {card.name!r} in a file called {name!r}",
            remedy="give the file and its `name` the same name",
            file=file,
        )
    return card


def _explain(error: ValidationError, *, file: Path) -> DataError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return DataError(
            f"unknown key {key!r}", remedy="the README of the home lists the keys", file=file
        )
    if first["type"] == "missing":
        return DataError(
            f"key {key!r} is missing", remedy="the README of the home lists the keys", file=file
        )
    rule = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error":
        rule = f"{rule[:1].lower()}{rule[1:]}"
    got = "" if isinstance(first.get("input"), dict) else f", got {_quote(first.get('input'))}"
    place = f"key {key!r}: " if key else ""
    return DataError(f"{place}{rule}{got}", remedy="correct the card", file=file)


def _quote(value: object) -> str:
    """A value as the card shows it, in bounds: a few nested aliases can stand for billions of values."""
    if isinstance(value, int) and abs(value) >= 2**64:
        return "a number of more than 19 digits"
    return f"a {type(value).__name__}" if isinstance(value, (list, tuple, set)) else repr(value)


def _card_homes(kind: str, *, home: Path) -> list[Path]:
    if os.path.lexists(home) and not os.path.isdir(home):
        raise DataError(
            "is not a folder", remedy=f"name the home of {kind} (--{kind}-dir)", file=home
        )
    return [home, Path(str(files("bgs").joinpath("shipped", kind)))]


def card_names(kind: str, *, home: Path) -> list[str]:
    """Names of the cards in the home and of those shipped, in order; kind is triplets or videos."""
    places = [place for place in _card_homes(kind, home=home) if os.path.isdir(place)]
    return sorted({file.stem for place in places for file in place.glob("*.yaml")})


def _describe(card: Card, *, kind: str, present: bool) -> dict[str, object]:
    return {
        "name": card.name,
        "kind": kind,
        "title": card.title,
        "simulated": card.simulated,
        "present": present,
        "licence": card.licence,
        "obtain": card.obtain,
    }
