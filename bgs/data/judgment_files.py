"""Judgments of a card or a bare file, read by the format they are in.

A card's name and a file's path are told apart by the suffix: `demo` is a card, `mine.csv` a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tokenize import TokenError

import numpy as np
import pandas as pd

from bgs.data.bad_rows import BadRowsError, find_all
from bgs.data.card_files import load_triplets_card, load_videos_card, payload_file
from bgs.data.cards import ExclusionRules, IdMap, JudgmentSource, TripletsCard
from bgs.data.cells import LARGEST_WHOLE, check_ids
from bgs.data.jspsych import read_jspsych
from bgs.data.raw_judgments import RawJudgments, parse_judgments
from bgs.data.reading import check_readable, read_text
from bgs.data.tables import Table, read_table
from bgs.errors import DataError

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "index",
    ".npy": "index",
}
INDEX = re.compile("[0-9]{1,15}")
UNITS = {"seconds": 1.0, "milliseconds": 1e-3}


@dataclass(frozen=True)
class JudgmentFile:
    """A file as read, before exclusions, with what its card says about it."""

    raw: RawJudgments
    rules: ExclusionRules
    name: str
    simulated: bool = False
    card: TripletsCard | None = None


def is_judgment_file(name_or_path: str | Path) -> bool:
    """Whether a file is meant, by its suffix, and not a card."""
    return Path(name_or_path).suffix.lower() in FORMATS


def read_judgments(
    name_or_path: str | Path, *, triplets_dir: Path, videos_dir: Path | str | None = None
) -> JudgmentFile:
    """Everything a card's file or a bare file says."""
    path = Path(name_or_path)
    if is_judgment_file(name_or_path):
        raw = _read_source(
            path, JudgmentSource(path=path.name, format=FORMATS[path.suffix.lower()])
        )
        return JudgmentFile(raw, ExclusionRules(), name=path.stem)
    if path.name != str(name_or_path):
        raise DataError(
            f"{str(name_or_path)!r} ends in {path.suffix!r}, not in {', '.join(FORMATS)}",
            remedy="give a file of judgments, or the name of a card",
        )
    card = load_triplets_card(str(name_or_path), triplets_dir=triplets_dir)
    if card.judgments is None:
        raise DataError(
            f"{card.name!r} has no odd-one-out judgments, only a geometry ({', '.join(card.geometry)})",
            remedy="name a data set with judgments, or use its geometry",
        )
    file = payload_file(card, card.judgments.path, home=triplets_dir)
    id_map = None if card.id_map is None else read_id_map(card, triplets_dir=triplets_dir)
    ids = None if videos_dir is None else _read_clip_ids(card, videos_dir=Path(videos_dir))
    raw = _read_source(file, card.judgments, id_map=id_map, ids=ids)
    return JudgmentFile(raw, card.exclusions, name=card.name, simulated=card.simulated, card=card)


def read_id_map(card: TripletsCard, *, triplets_dir: Path) -> dict[str, str]:
    """From the ids of the card's files to clip ids, each used once."""
    if card.id_map is None:
        raise DataError(f"the card of {card.name!r} has no id_map", remedy="add one")
    file = payload_file(card, card.id_map.path, home=triplets_dir)
    sources, targets, rows = _read_pairs(file, card.id_map)
    for what, values in (("id", sources), ("clip", targets)):
        seen: set[str] = set()
        for row, value in zip(rows, values, strict=True):
            if value in seen:
                raise DataError(
                    f"{what} {value!r} is listed twice",
                    remedy="map each id to its own clip",
                    file=file,
                    row=row,
                )
            seen.add(value)
    return dict(zip(sources, targets, strict=True))


def read_clip_list(file: Path, *, column: str) -> tuple[list[str], list[int]]:
    """The ids in one column of a CSV file, each listed once, with their lines."""
    table = read_table(file, format="csv")
    _need_columns(table, [column])
    ids = [str(value) for value in table.frame[column]]
    check_ids(ids, table.rows.tolist(), what=column, file=file)
    return ids, table.rows.tolist()


def _read_pairs(file: Path, id_map: IdMap) -> tuple[list[str], list[str], list[int]]:
    if id_map.target is None:
        lines = [
            (row, line.strip()) for row, line in enumerate(read_text(file).splitlines(), start=1)
        ]
        named = [(row, line) for row, line in lines if line]
        targets, rows = [line for _, line in named], [row for row, _ in named]
        return [str(index) for index in range(len(targets))], targets, rows
    table = read_table(file, format="csv")
    _need_columns(table, [name for name in (id_map.source, id_map.target) if name is not None])
    targets = [str(value) for value in table.frame[id_map.target]]
    if id_map.source is None:
        return [str(index) for index in range(len(targets))], targets, table.rows.tolist()
    return [str(value) for value in table.frame[id_map.source]], targets, table.rows.tolist()


def _read_source(
    file: Path,
    source: JudgmentSource,
    *,
    id_map: dict[str, str] | None = None,
    ids: list[str] | None = None,
) -> RawJudgments:
    columns, odd_is, first = source.columns, source.odd_is, source.first_position
    if source.format == "index":
        table, odd_is = _read_index(file), "clip"
    elif source.format == "jspsych":
        table, columns = read_jspsych(file, where=source.where, columns=columns)
    else:
        table = read_table(file, format=source.format, separator=source.separator)
    parse = partial(
        parse_judgments,
        columns=columns,
        odd_is=odd_is,
        first_position=first,
        seconds_a_unit=UNITS[source.response_time_unit],
        id_map=id_map,
        ids=ids,
    )
    try:
        return parse(table)
    except BadRowsError as error:  # by one rule: others may be broken further down
        raise find_all(table, parse, error) from None


def _read_index(file: Path) -> Table:
    """Index files of THINGS, SPoSE and VICE: three whole numbers a row, the last one the odd one."""
    check_readable(file)
    if file.suffix.lower() == ".npy":
        array = _read_index_array(file)
        rows = np.arange(1, len(array) + 1) if array.ndim else np.array([])
    else:
        array, rows = _read_index_text(file)
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise DataError(
            f"an array of shape {array.shape}", remedy="give three whole numbers a row", file=file
        )
    if array.dtype.kind not in "iuf" or not np.array_equal(array, np.floor(array)):
        raise DataError(f"an array of {array.dtype}", remedy="give whole numbers", file=file)
    outside = (array < 0) | (array >= LARGEST_WHOLE)
    if outside.any():
        raise DataError(
            f"holds {array[outside][0]}, which numbers no clip",
            remedy="give whole numbers from 0",
            file=file,
            row=int(rows[np.argmax(outside.any(axis=1))]),
        )
    values = array.astype(np.int64)
    frame = pd.DataFrame(values, columns=["clip_1", "clip_2", "clip_3"])
    return Table(frame.assign(odd=values[:, 2]), rows, str(file))


def _read_index_array(file: Path) -> np.ndarray:
    try:
        # Mapped rather than read: a header that promises more than the file holds costs no memory.
        array = np.load(file, allow_pickle=False, mmap_mode="r")
    except (ValueError, OSError, EOFError, SyntaxError, RecursionError, TokenError) as error:
        raise _no_array(file) from error
    if not isinstance(array, np.ndarray):  # a .npz under another name
        raise _no_array(file)
    return array


def _no_array(file: Path) -> DataError:
    return DataError("not a .npy file of numbers", remedy="save it with np.save", file=file)


def _read_index_text(file: Path) -> tuple[np.ndarray, np.ndarray]:
    lines = [
        (row, line.replace(",", " ").split())
        for row, line in enumerate(read_text(file).splitlines(), 1)
    ]
    kept = [(row, fields) for row, fields in lines if fields]
    for row, fields in kept:
        if len(fields) != 3 or not all(map(INDEX.fullmatch, fields)):
            raise DataError(
                f"{' '.join(fields)[:60]!r} is not three whole numbers",
                remedy="write two clips and then the odd one",
                file=file,
                row=row,
            )
    values = np.array([fields for _, fields in kept], dtype=np.int64).reshape(-1, 3)
    return values, np.array([row for row, _ in kept], dtype=np.int64)


def _read_clip_ids(card: TripletsCard, *, videos_dir: Path) -> list[str] | None:
    if card.clips is None:
        return None
    clips = load_videos_card(card.clips, videos_dir=videos_dir)
    file = payload_file(clips, clips.table.path, home=videos_dir)
    return read_clip_list(file, column=clips.table.id)[0]


def _need_columns(table: Table, names: list[str]) -> None:
    for name in names:
        if name not in table.frame.columns:
            raise DataError(
                f"no column {name!r}; the columns are {', '.join(map(repr, table.frame.columns))}",
                remedy="rename the column, or name it in the card",
                file=table.file,
            )
