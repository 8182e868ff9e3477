"""Rows of a table to judgments, each checked; what is wrong is named with its file and its rows.

`RawJudgments` is everything the file says, attention checks included. `bgs.data.exclusions` decides
what of it is a clean judgment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bgs.clip_ids import spell
from bgs.data.bad_rows import refuse_rows
from bgs.data.cards import JudgmentColumns
from bgs.data.cells import (
    BoolArray,
    FloatArray,
    IntArray,
    parse_ids,
    parse_labels,
    parse_seconds,
    parse_truth,
    parse_whole,
    refuse_codes,
    sort_ids,
)
from bgs.data.tables import Table
from bgs.errors import DataError

OPTIONAL_COLUMNS = ("participant", "trial", "response_time", "session", "catch")


@dataclass(frozen=True)
class RawJudgments:
    """What a file says, before anything is excluded. Codes index `ids`, `participant_ids`, `session_ids`."""

    ids: tuple[str, ...]
    clips: IntArray  # (rows, 3) in the order presented
    odd_clip: IntArray  # (rows,) always one of the three
    file: str
    rows: IntArray  # (rows,) line in the file
    participants: IntArray | None = None
    participant_ids: tuple[str, ...] = ()
    response_time_seconds: FloatArray | None = None  # NaN where not recorded
    trial: IntArray | None = None
    session: IntArray | None = None
    session_ids: tuple[str, ...] = ()
    catch: BoolArray | None = None
    skipped: int = 0  # rows of the file that are not judgments and say so

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def repeats(self) -> BoolArray:
        """Rows that show a clip twice or three times."""
        first, second, third = self.clips.T
        return (first == second) | (first == third) | (second == third)


def parse_judgments(
    table: Table,
    *,
    columns: JudgmentColumns | None = None,
    odd_is: Literal["clip", "position"] = "clip",
    first_position: int = 1,
    seconds_a_unit: float = 1.0,
    id_map: Mapping[str, str] | None = None,
    ids: Sequence[str] | None = None,
) -> RawJudgments:
    """Judgments from a table.

    Without `columns` the table has the documented names and no others. `id_map` goes from the ids of
    the file to clip ids; `ids` is the catalogue of clips that may appear, in its order. Without either
    the catalogue is what appears.
    """
    columns = _match_columns(table, columns)
    shown = [columns.clip_1, columns.clip_2, columns.clip_3]
    named = [*shown, columns.odd] if odd_is == "clip" else shown
    codes, known = parse_ids(table, named)
    catalogue, translate = _match_catalogue(table, codes, known, named, id_map=id_map, ids=ids)
    codes = translate[codes]
    clips = np.ascontiguousarray(codes[:, :3])  # (rows, 3)
    if odd_is == "position":
        position = parse_whole(table, columns.odd) - first_position
        _refuse_positions(table, position, columns.odd, first_position=first_position)
        odd_clip = clips[np.arange(len(clips)), position]
    else:
        odd_clip = codes[:, 3]
        _refuse_strangers(table, clips, odd_clip, catalogue)
    participants, participant_ids = parse_labels(table, columns.participant)
    session, session_ids = parse_labels(table, columns.session)
    times = None if columns.response_time is None else parse_seconds(table, columns.response_time)
    return RawJudgments(
        ids=catalogue,
        clips=clips,
        odd_clip=odd_clip,
        file=table.file,
        rows=table.rows,
        participants=participants,
        participant_ids=participant_ids,
        response_time_seconds=None if times is None else times * seconds_a_unit,
        trial=None if columns.trial is None else parse_whole(table, columns.trial),
        session=session,
        session_ids=session_ids,
        catch=None if columns.catch is None else parse_truth(table, columns.catch),
        skipped=table.skipped,
    )


def _match_columns(table: Table, columns: JudgmentColumns | None) -> JudgmentColumns:
    present = [str(name) for name in table.frame.columns]
    if columns is None:
        optional = {name: name for name in OPTIONAL_COLUMNS if name in present}
        columns = JudgmentColumns(**optional)
        wanted = set(columns.model_dump().values())
        extra = next((name for name in present if name not in wanted), None)
        missing = next((c for c in ("clip_1", "clip_2", "clip_3", "odd") if c not in present), None)
        if missing is None and extra is not None:
            raise DataError(
                f"column {extra!r} is not in the schema",
                remedy="remove it, or name the columns to read in a card",
                file=table.file,
            )
    for role, name in columns.model_dump().items():
        if name is not None and role != "clips" and name not in present:
            wanted_as = "" if name == role else f" (for {role})"
            raise DataError(
                f"no column {name!r}{wanted_as}; the columns are {', '.join(map(repr, present))}",
                remedy="rename the column, or name it in a card",
                file=table.file,
            )
    return columns


def _match_catalogue(
    table: Table,
    codes: IntArray,
    known: list[str],
    names: Sequence[str],
    *,
    id_map: Mapping[str, str] | None,
    ids: Sequence[str] | None,
) -> tuple[tuple[str, ...], IntArray]:
    """The catalogue, and the position in it of every known text."""
    if id_map is not None:
        lacking = f"which the id map of {len(id_map)} clips does not have"
        unmapped = {
            code: (f"is {spell(text)}, {lacking}", "correct the id or the map")
            for code, text in enumerate(known)
            if text not in id_map
        }
        refuse_codes(table, codes, unmapped, names)
        targets = [id_map[text] for text in known]
        catalogue = tuple(ids) if ids is not None else tuple(id_map.values())
    else:
        targets = known
        catalogue = tuple(ids) if ids is not None else sort_ids(known)
    position = {clip: index for index, clip in enumerate(catalogue)}
    stranger = f"which is not one of the {len(catalogue)} clips"
    unknown = {
        code: (f"is {spell(clip)}, {stranger}", "correct the id or the list of clips")
        for code, clip in enumerate(targets)
        if clip not in position
    }
    refuse_codes(table, codes, unknown, names)
    return catalogue, np.array([position[clip] for clip in targets], dtype=np.int64)


def _refuse_positions(table: Table, position: IntArray, name: str, *, first_position: int) -> None:
    rule = f"the positions are {first_position} to {first_position + 2}"
    remedy = "correct the row, or `first_position` in the card"
    refuse_rows(
        table,
        (position < 0) | (position > 2),
        lambda row: (f"{name} is {position[row] + first_position}, {rule}", remedy),
    )


def _refuse_strangers(
    table: Table, clips: IntArray, odd_clip: IntArray, catalogue: tuple[str, ...]
) -> None:
    def say(row: int) -> tuple[str, str]:
        three = ", ".join(spell(catalogue[clip]) for clip in clips[row])
        odd = spell(catalogue[odd_clip[row]])
        return f"the odd clip {odd} is not among the three shown ({three})", "correct the row"

    refuse_rows(table, (clips != odd_clip[:, None]).all(axis=1), say)
