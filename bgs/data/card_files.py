"""Finding, reading and listing cards, and reaching the files they name.

A card is looked up in the home first, then among the cards shipped with the package, so that an
installed wheel knows its data sets in an empty folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from bgs.data.cards import Card, TripletsCard, VideosCard
from bgs.errors import DataError

AnyCard = TypeVar("AnyCard", bound=Card)


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML as it is meant: of a key written twice, yaml would keep the last and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value!r} appears twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load_triplets_card(name: str, *, triplets_dir: Path | str = "triplets") -> TripletsCard:
    """The card of a set of judgments, by name."""
    return _load_card(TripletsCard, name, home=Path(triplets_dir), kind="triplets")


def load_videos_card(name: str, *, videos_dir: Path | str = "videos") -> VideosCard:
    """The card of a set of clips, by name."""
    return _load_card(VideosCard, name, home=Path(videos_dir), kind="videos")


def list_cards(
    *, triplets_dir: Path | str = "triplets", videos_dir: Path | str = "videos"
) -> list[dict[str, object]]:
    """One row a data set, for `bgs data list`: its cards, and whether their payload is in the homes."""
    homes = {"triplets": Path(triplets_dir), "videos": Path(videos_dir)}
    rows: list[dict[str, object]] = []
    for name in _card_names("triplets", home=homes["triplets"]):
        card = load_triplets_card(name, triplets_dir=homes["triplets"])
        present = (homes["triplets"] / card.judgments.path).is_file()
        rows.append(_describe(card, kind="triplets", present=present))
    for name in _card_names("videos", home=homes["videos"]):
        clips = load_videos_card(name, videos_dir=homes["videos"])
        present = (homes["videos"] / clips.table.path).is_file()
        rows.append(_describe(clips, kind="videos", present=present))
    return rows


def payload_file(card: Card, path: str, *, home: Path | str) -> Path:
    """The file a card names: there, and with the checksum the card states."""
    file = Path(home) / path
    if not file.is_file():
        raise DataError(f"the file of {card.name!r} is missing", remedy=card.obtain, file=file)
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
    for place in _card_homes(kind, home=home):
        file = place / f"{name}.yaml"
        if file.is_file():
            return _read_card(model, file, name=name)
    known = ", ".join(_card_names(kind, home=home)) or "none"
    raise DataError(
        f"no {kind} card is called {name!r} (known: {known})",
        remedy=f"write {home / (name + '.yaml')}, or name one that exists",
    )


def _read_card(model: type[AnyCard], file: Path, *, name: str) -> AnyCard:
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except UnicodeDecodeError as error:
        raise DataError(
            "the card is not UTF-8 text", remedy="save it as UTF-8", file=file
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not readable"
        raise DataError(
            f"the card is not YAML: {problem}",
            remedy="mend the line",
            file=file,
            row=None if mark is None else mark.line + 1,
        ) from error
    if not isinstance(values, dict):
        raise DataError("the card is not a mapping", remedy="start with `name:`", file=file)
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
    key = ".".join(str(part) for part in first["loc"]) or "the card"
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
    got = "" if isinstance(first.get("input"), dict) else f", got {first.get('input')!r}"
    return DataError(f"key {key!r}: {rule}{got}", remedy="correct the card", file=file)


def _card_homes(kind: str, *, home: Path) -> list[Path]:
    return [home, Path(str(files("bgs").joinpath("shipped", kind)))]


def _card_names(kind: str, *, home: Path) -> list[str]:
    places = [place for place in _card_homes(kind, home=home) if place.is_dir()]
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
