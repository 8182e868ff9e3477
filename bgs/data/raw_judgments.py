"""Rows of a table to judgments, each checked; what is wrong is named with its file and row.

`RawJudgments` is everything the file says, attention checks included. `bgs.data.exclusions` decides
what of it is a clean judgment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bgs.data.cards import JudgmentColumns
from bgs.data.tables import Table
from bgs.errors import DataError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

OPTIONAL_COLUMNS = ("participant", "trial", "response_time", "session", "catch")
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "<na>"})
TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


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
    codes, known = _parse_ids(table, named)
    catalogue, translate = _match_catalogue(table, codes, known, named, id_map=id_map, ids=ids)
    codes = translate[codes]
    clips = np.ascontiguousarray(codes[:, :3])  # (rows, 3)
    if odd_is == "position":
        position = _parse_whole(table, columns.odd) - first_position
        _refuse_positions(table, position, columns.odd, first_position=first_position)
        odd_clip = clips[np.arange(len(clips)), position]
    else:
        odd_clip = codes[:, 3]
        _refuse_strangers(table, clips, odd_clip, catalogue)
    participants, participant_ids = _parse_labels(table, columns.participant)
    session, session_ids = _parse_labels(table, columns.session)
    times = None if columns.response_time is None else _parse_seconds(table, columns.response_time)
    return RawJudgments(
        ids=catalogue,
        clips=clips,
        odd_clip=odd_clip,
        file=table.file,
        rows=table.rows,
        participants=participants,
        participant_ids=participant_ids,
        response_time_seconds=None if times is None else times * seconds_a_unit,
        trial=None if columns.trial is None else _parse_whole(table, columns.trial),
        session=session,
        session_ids=session_ids,
        catch=None if columns.catch is None else _parse_truth(table, columns.catch),
        skipped=table.skipped,
    )


def sort_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids in a stable order: by number if all are numbers, by text otherwise."""
    if all(clip.isascii() and clip.isdigit() for clip in ids):
        return tuple(sorted(ids, key=lambda clip: (int(clip), clip)))
    return tuple(sorted(ids))


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


def _parse_ids(table: Table, names: Sequence[str]) -> tuple[IntArray, list[str]]:
    """Codes (rows, columns) into the texts that appear in these columns."""
    columns = [table.frame[name] for name in names]
    same = len({str(column.dtype) for column in columns}) == 1
    stacked = pd.concat([column if same else column.astype(object) for column in columns])
    try:
        codes, values = pd.factorize(stacked, use_na_sentinel=True)
    except TypeError:  # a cell holds a list or a mapping
        nested = np.stack([column.map(_is_nested).to_numpy() for column in columns], axis=1)
        _refuse_cells(table, nested, names, "holds several values", "write one id in a cell")
        raise
    grid = codes.reshape(len(names), -1).T  # (rows, columns)
    _refuse_cells(table, grid < 0, names, "is missing", "fill the cell")
    texts = [_text_of(value) for value in values]
    for code, (value, text) in enumerate(zip(values, texts, strict=True)):
        problem = _find_id_problem(value, text)
        if problem is not None:
            _refuse_cells(table, grid == code, names, *problem)
    unified, known = pd.factorize(np.array(texts, dtype=object))
    return unified[grid].astype(np.int64), [str(text) for text in known]


def _text_of(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return None


def _quote(value: Any) -> str:
    """A cell as its file would show it, not as numpy wraps it."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _is_nested(value: object) -> bool:
    return isinstance(value, (list, dict, set, tuple, np.ndarray))


def _find_id_problem(value: Any, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return f"is {_quote(value)}, of type {type(value).__name__}", "ids are text or whole numbers"
    if text.strip().lower() in MISSING:
        return f"is {text!r}", "fill the cell"
    if text != text.strip():
        return f"is {text!r}, with space around it", "remove the space"
    if not text.isprintable():
        return f"is {text[:60]!r}, with a character that cannot be printed", "remove the character"
    return None


def _refuse_cells(
    table: Table, bad: BoolArray, names: Sequence[str], problem: str, remedy: str
) -> None:
    if not bad.any():
        return
    index = int(np.argmax(bad.any(axis=1)))
    name = names[int(np.argmax(bad[index]))]
    raise DataError(f"{name} {problem}", remedy=remedy, file=table.file, row=int(table.rows[index]))


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
        unmapped = next((i for i, text in enumerate(known) if text not in id_map), None)
        if unmapped is not None:
            problem = (
                f"is {known[unmapped]!r}, which the id map of {len(id_map)} clips does not have"
            )
            _refuse_cells(table, codes == unmapped, names, problem, "correct the id or the map")
        targets = [id_map[text] for text in known]
        catalogue = tuple(ids) if ids is not None else tuple(id_map.values())
    else:
        targets = known
        catalogue = tuple(ids) if ids is not None else sort_ids(known)
    position = {clip: index for index, clip in enumerate(catalogue)}
    unknown = next((i for i, clip in enumerate(targets) if clip not in position), None)
    if unknown is not None:
        problem = f"is {targets[unknown]!r}, which is not one of the {len(catalogue)} clips"
        _refuse_cells(
            table, codes == unknown, names, problem, "correct the id or the list of clips"
        )
    return catalogue, np.array([position[clip] for clip in targets], dtype=np.int64)


def _refuse_positions(table: Table, position: IntArray, name: str, *, first_position: int) -> None:
    bad = (position < 0) | (position > 2)
    if bad.any():
        value = position[int(np.argmax(bad))] + first_position
        raise DataError(
            f"{name} is {value}, the positions are {first_position} to {first_position + 2}",
            remedy="correct the row, or `first_position` in the card",
            file=table.file,
            row=table.row(bad),
        )


def _refuse_strangers(
    table: Table, clips: IntArray, odd_clip: IntArray, catalogue: tuple[str, ...]
) -> None:
    bad = (clips != odd_clip[:, None]).all(axis=1)
    if bad.any():
        index = int(np.argmax(bad))
        three = ", ".join(repr(catalogue[clip]) for clip in clips[index])
        raise DataError(
            f"the odd clip {catalogue[odd_clip[index]]!r} is not among the three shown ({three})",
            remedy="correct the row",
            file=table.file,
            row=table.row(bad),
        )


def _parse_labels(table: Table, name: str | None) -> tuple[IntArray | None, tuple[str, ...]]:
    """Codes and labels of a participant or session column; labels in the order they appear."""
    if name is None:
        return None, ()
    codes, labels = _parse_ids(table, [name])
    return codes[:, 0], tuple(labels)


def _parse_numbers(table: Table, name: str) -> tuple[FloatArray, BoolArray]:
    """Numbers of a column, and where a cell is there but is not a finite number."""
    column = table.frame[name]
    if pd.api.types.is_bool_dtype(column.dtype):
        column = column.astype(object).map(repr)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    blank = column.isna().to_numpy()
    suspect = ~np.isfinite(numbers) & ~blank
    if suspect.any():  # only text that says "missing" is missing
        said = column[suspect].astype(str).str.strip().str.lower().isin(MISSING).to_numpy()
        suspect[np.flatnonzero(suspect)[said]] = False
    return np.where(np.isfinite(numbers), numbers, np.nan), suspect


def _parse_seconds(table: Table, name: str) -> FloatArray:
    numbers, bad = _parse_numbers(table, name)
    bad = bad | (numbers < 0)
    if bad.any():
        value = table.frame[name].iloc[int(np.argmax(bad))]
        raise DataError(
            f"{name} is {_quote(value)}, a response time is a number of 0 or more, or empty",
            remedy="correct the cell",
            file=table.file,
            row=table.row(bad),
        )
    return numbers


def _parse_whole(table: Table, name: str) -> IntArray:
    numbers, bad = _parse_numbers(table, name)
    bad = bad | np.isnan(numbers) | (numbers != np.floor(numbers))
    if bad.any():
        value = table.frame[name].iloc[int(np.argmax(bad))]
        raise DataError(
            f"{name} is {_quote(value)}, which is not a whole number",
            remedy="correct the cell",
            file=table.file,
            row=table.row(bad),
        )
    return numbers.astype(np.int64)


def _parse_truth(table: Table, name: str) -> BoolArray:
    words = table.frame[name].astype(str).str.lower()
    truth = words.map(TRUTH)
    bad = truth.isna().to_numpy()
    if bad.any():
        value = table.frame[name].iloc[int(np.argmax(bad))]
        raise DataError(
            f"{name} is {_quote(value)}, a flag is true, false, 1 or 0",
            remedy="correct the cell",
            file=table.file,
            row=table.row(bad),
        )
    return truth.to_numpy(dtype=np.bool_)
