"""Cards: everything needed to read a data set, so that adding one needs no code.

A card is `NAME.yaml` in a data home. `TripletsCard` describes judgments, `VideosCard` the clips they are about,
`TaskCard` a published data set that `bgs fusion` reads as downloaded; captions, ratings and the split are facts
about clips and live with these. Every path in a card is relative to the home the card belongs to and cannot leave
it. An unknown key is an error.
The module is long because the whole schema of all three kinds stands in one place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bgs.config import Settings
from bgs.data.card_fields import (
    CardName,
    ClipPath,
    NamedColumns,
    PlainText,
    RelativePath,
    Sha256,
    WebAddress,
    stay_inside,
)
from bgs.errors import DataError

SIMULATED_MARK = "SIMULATED.txt"  # what a program leaves in a folder of pictures that it drew


class DataFile(Settings):
    """A file of the payload: where it stands in the home, and where the release keeps it."""

    path: RelativePath
    source: RelativePath | None = Field(default=None, description="its path in the release")
    sha256: Sha256 | None = None


class Card(Settings):
    """What both kinds of card say."""

    name: CardName
    title: PlainText
    simulated: bool = Field(
        default=False, description="made by a program; said wherever it is shown"
    )
    licence: PlainText
    citation: PlainText | None = None
    obtain: PlainText = Field(description="how to get the payload; shown when it is missing")
    base_url: WebAddress | None = Field(
        default=None, description="what `source` paths are appended to"
    )
    files: tuple[DataFile, ...] = ()
    notes: tuple[PlainText, ...] = Field(default=(), description="what to know before using it")

    @field_validator("files")
    @classmethod
    def _list_once(cls, files: tuple[DataFile, ...]) -> tuple[DataFile, ...]:
        paths = [entry.path for entry in files]
        twice = next((path for i, path in enumerate(paths) if path in paths[:i]), None)
        if twice is not None:
            raise ValueError(f"file {twice!r} is listed twice")
        return files

    def file(self, path: str) -> DataFile:
        """The entry of `files` for this path; a file without one has no checksum."""
        return next((entry for entry in self.files if entry.path == path), DataFile(path=path))


class IdMap(Settings):
    """From the ids a file uses to clip ids: `from` and `to` are columns of a CSV file.

    Without `from` the id is the position in the file, counted from 0; without `to` the file holds one
    clip id a line and no header.
    """

    path: RelativePath
    source: str | None = Field(default=None, alias="from")
    target: str | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _need_target(self) -> IdMap:
        if self.source is not None and self.target is None:
            raise ValueError("`from` needs `to`")
        return self


class JudgmentColumns(Settings):
    """What the file calls the columns of the schema; an optional one that is not named is not read."""

    clip_1: str = "clip_1"
    clip_2: str = "clip_2"
    clip_3: str = "clip_3"
    odd: str = "odd"
    participant: str | None = None
    trial: str | None = None
    response_time: str | None = None
    session: str | None = None
    catch: str | None = None
    clips: str | None = Field(
        default=None, description="one column with a JSON list of the three clips (jspsych only)"
    )

    @model_validator(mode="after")
    def _read_once(self) -> JudgmentColumns:
        roles: dict[str, str] = {}
        for role, column in self.model_dump(exclude_none=True).items():
            if column in roles:
                raise ValueError(f"{roles[column]} and {role} are both read from column {column!r}")
            roles[column] = role
        return self


JudgmentFormat = Literal["csv", "tsv", "parquet", "jsonl", "index", "jspsych"]


class JudgmentSource(Settings):
    """The file of judgments and how to read it."""

    path: RelativePath
    format: JudgmentFormat = "csv"
    separator: Literal[",", ";", "\t", "|", ":", " "] | None = None
    columns: JudgmentColumns | None = Field(
        default=None, description="default: the documented names, and no other column in the file"
    )
    odd_is: Literal["clip", "position"] = "clip"
    first_position: Literal[0, 1] = Field(
        default=1, description="what the file calls the first of the three"
    )
    response_time_unit: Literal["seconds", "milliseconds"] = "seconds"
    where: dict[str, str] = Field(
        default={},
        description="jspsych only: rows are judgments where these columns hold these values",
    )

    @model_validator(mode="after")
    def _check_format(self) -> JudgmentSource:
        jspsych = self.format == "jspsych"
        if not jspsych and (self.where or (self.columns is not None and self.columns.clips)):
            raise ValueError("`where` and `columns.clips` are for format jspsych")
        if self.separator is not None and self.format not in ("csv", "tsv"):
            raise ValueError("`separator` is for formats csv and tsv")
        if self.format == "index" and (self.columns is not None or self.odd_is != "clip"):
            raise ValueError("an index file has neither named columns nor positions")
        return self


class ExclusionRules(Settings):
    """Which judgments are left out. Rows that repeat a clip always are: nobody is odd among twins."""

    flagged_catch_trials: bool = Field(
        default=True, description="drop rows the file flags as catch trials"
    )
    min_catch_accuracy: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="drop participants who fail more of the attention checks",
    )
    min_response_time: float | None = Field(default=None, ge=0, description="seconds")
    max_response_time: float | None = Field(default=None, gt=0, description="seconds")
    duplicate_trials: bool = Field(
        default=False,
        description="keep the first of a trial recorded twice, by number or by a double click",
    )
    min_judgments: int | None = Field(
        default=None, ge=1, description="drop participants left with fewer judgments"
    )

    @model_validator(mode="after")
    def _leave_room(self) -> ExclusionRules:
        low, high = self.min_response_time, self.max_response_time
        if low is not None and high is not None and low > high:
            raise ValueError(f"min_response_time {low:g} is above max_response_time {high:g}")
        return self


class ClipList(Settings):
    """A file that lists clips; `id` names the column."""

    path: RelativePath
    id: str = "clip"


class SplitFiles(Settings):
    """One list of clips a part."""

    train: ClipList
    validation: ClipList | None = None
    test: ClipList


class GeometrySource(Settings):
    """A published square matrix of clips by clips, with its direction stated.

    The header names the clips (through `id_map` of the card, where it has one). With `counts`, a matrix
    of observations in the same ids, pairs with count 0 are unobserved.
    """

    path: RelativePath
    direction: Literal["similarity", "dissimilarity"]
    counts: RelativePath | None = None


class TripletsCard(Card):
    """A set of odd-one-out judgments, a geometry that people gave in another way, or both."""

    clips: CardName | None = Field(
        default=None, description="name of the videos card the judgments are about"
    )
    judgments: JudgmentSource | None = Field(
        default=None, description="none where the geometry was not made from such judgments"
    )
    id_map: IdMap | None = None
    exclusions: ExclusionRules = ExclusionRules()
    split: SplitFiles | None = Field(
        default=None, description="default: the split of the videos card"
    )
    geometry: dict[PlainText, GeometrySource] = Field(
        default={}, description="published matrices by name"
    )

    @model_validator(mode="after")
    def _hold_something(self) -> TripletsCard:
        if self.judgments is None and not self.geometry:
            raise ValueError("a card of triplets has `judgments`, a `geometry`, or both")
        return self

    @property
    def main_file(self) -> str:
        """The file without which there is nothing to work with."""
        if self.judgments is not None:
            return self.judgments.path
        return next(iter(self.geometry.values())).path


class ClipTable(Settings):
    """A CSV file with one row a clip."""

    path: RelativePath
    id: str = "clip"
    captions: tuple[str, ...] = Field(default=(), description="columns with one caption each")
    ratings: NamedColumns = Field(default={}, description="rating: column, or a list of columns")
    split: str | None = Field(
        default=None, description="column that says train, validation or test"
    )


class CaptionFile(Settings):
    """A CSV file with one row a caption."""

    path: RelativePath
    id: str = "clip"
    caption: str = "caption"


class SceneSource(Settings):
    """How clips are rendered from scenes: trajectories and the room they were recorded in."""

    format: Literal["phase"] = "phase"
    look: str = "phase"
    size: int = Field(default=224, ge=16, le=2048, multiple_of=2, description="pixels a side")
    frames_per_second: int = Field(default=12, ge=1, le=240)
    seconds: float | None = Field(
        default=None, gt=0, description="how long each clip lasts; default: as recorded"
    )


class TaskCard(Card):
    """A published data set of pictures with answers: read as downloaded, from the folder of its name in the home."""

    task: CardName = Field(description="the task of `bgs fusion` that reads it")
    page: WebAddress = Field(description="where its authors keep it")
    layout: tuple[PlainText, ...] = Field(min_length=1, description="the files that are read")

    def folder(self, *, videos_dir: Path) -> Path:
        """Where it is expected."""
        return videos_dir / self.name


class VideosCard(Card):
    """A set of clips, with what is known about each."""

    clip_path: ClipPath = Field(description="where a clip stands in the home; {clip} is its id")
    num_clips: int | None = Field(default=None, ge=1, description="a different number is an error")
    duration_seconds: float | None = Field(
        default=None, gt=0, description="a shorter clip is an error"
    )
    table: ClipTable
    captions: CaptionFile | None = None
    split: SplitFiles | None = None
    scenes: SceneSource | None = Field(
        default=None, description="the release holds scenes; `bgs data import` renders the clips"
    )

    @model_validator(mode="after")
    def _check_sources(self) -> VideosCard:
        if self.split is not None and self.table.split is not None:
            raise ValueError("the split is a column of the table or files, not both")
        if self.captions is not None and self.table.captions:
            raise ValueError("captions are columns of the table or a file, not both")
        return self

    def clip_file(self, clip: str, *, videos_dir: Path) -> Path:
        """Where this clip stands; an id that would lead out of the home is refused."""
        path = self.clip_path.replace("{clip}", clip)
        try:
            return videos_dir / stay_inside(path)
        except ValueError as error:
            raise DataError(
                f"clip id {clip!r} leads to {path!r}, outside {str(videos_dir)!r}",
                remedy="a clip id is a file name without `..`",
            ) from error
