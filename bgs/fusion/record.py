"""fusion.json: what a trained SocialFusion model stands on, each part by name and fingerprint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from bgs.config import Settings
from bgs.errors import BackboneError
from bgs.strict_json import read_json

FORMAT = 1
RECORD = "fusion.json"
REMEDY = "train it again, or copy the whole folder"


Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Shape:
    """The grid of tokens that a connector reads."""

    rows: Count
    columns: Count
    width: Count


class EncoderRecord(Settings):
    """The frozen encoder, which is named and not stored."""

    name: str
    sha256: str


class LanguageRecord(Settings):
    """The language model: stored whole, or named where an adapter is stored (with the base's fingerprint)."""

    name: str
    adapter: bool
    sha256: str | None = None


class Record(Settings):
    """All of fusion.json."""

    format: int = FORMAT
    shape: Shape
    encoder: EncoderRecord
    language: LanguageRecord


def read_record(folder: Path) -> Record:
    """What fusion.json says; anything that it cannot say is refused."""
    file = folder / RECORD
    if not file.is_file():
        raise BackboneError(
            f"{str(folder)!r} holds no trained SocialFusion model: {RECORD} is missing",
            remedy="name a folder that `bgs fusion train` has finished",
        )
    values: Any = read_json(file, remedy=REMEDY)
    if isinstance(values, dict) and values.get("format", FORMAT) != FORMAT:
        raise BackboneError(
            f"format {values['format']!r}, this version reads {FORMAT}",
            remedy="use the version of bgs that wrote it",
            file=file,
        )
    try:
        return Record.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise BackboneError(
            f"not a model record ({place}: {first['msg'].lower()})", remedy=REMEDY, file=file
        ) from error
