"""What the text in a card may be: names, paths that stay in their home, addresses, plain words."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"


def stay_inside(path: str) -> str:
    """The one spelling of a relative path; ValueError if it could lead out of its home."""
    pure = PurePosixPath(path)  # one spelling a file: `./a` and `b//a` would escape their checksums
    parts = pure.parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in parts[0]:
        raise ValueError("a path in a card is relative to its home and may not leave it")
    return str(pure)


def _make_printable(text: str) -> str:
    line = " ".join(text.split())
    if not line.isprintable():
        raise ValueError("text in a card holds no control characters")
    return line


def _check_address(address: str) -> str:
    if not re.fullmatch(r"https?://[\w.-]+(:[0-9]+)?(/\S*)?", address):
        raise ValueError("an address begins with https:// or http:// and holds no space")
    return address


def _hold_clip_once(path: str) -> str:
    if path.count("{clip}") != 1 or re.search(r"[{}]", path.replace("{clip}", "")):
        raise ValueError("clip_path holds {clip} once and no other braces")
    return path


def _name_columns(value: Any) -> Any:
    """A list of columns names each one after itself; a mapping gives it another name."""
    return {column: column for column in value} if isinstance(value, list) else value


PlainText = Annotated[str, AfterValidator(_make_printable)]
CardName = Annotated[str, Field(pattern=NAME_PATTERN)]
RelativePath = Annotated[str, AfterValidator(_make_printable), AfterValidator(stay_inside)]
WebAddress = Annotated[str, AfterValidator(_check_address)]
ClipPath = Annotated[RelativePath, AfterValidator(_hold_clip_once)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)]
NamedColumns = Annotated[dict[PlainText, str], BeforeValidator(_name_columns)]
