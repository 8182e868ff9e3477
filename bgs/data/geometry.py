"""Published geometries: square matrices of clips by clips, whose direction the card has to state.

"RSM" in a file name says nothing: some hold similarities, some distances. The diagonal knows. A clip is
as similar to itself as can be (1) and no distance away (0); a matrix whose diagonal contradicts its
card is refused, since reading it the wrong way round turns every correlation's sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from bgs.data.card_files import load_triplets_card, payload_file
from bgs.data.judgment_files import read_id_map
from bgs.data.tables import read_table
from bgs.errors import DataError
from bgs.rdm import RDM

Direction = Literal["similarity", "dissimilarity"]
SELF = {"similarity": 1.0, "dissimilarity": 0.0}
OTHER = {"similarity": "dissimilarity", "dissimilarity": "similarity"}


def load_geometry(name: str, geometry: str, *, triplets_dir: Path | str = "triplets") -> RDM:
    """A published matrix of a card as an RDM, e.g. `load_geometry("social250", "test")`."""
    card = load_triplets_card(name, triplets_dir=triplets_dir)
    if geometry not in card.geometry:
        known = ", ".join(card.geometry) or "none"
        raise DataError(
            f"the card of {name!r} has no geometry {geometry!r} (it has: {known})",
            remedy="name one of them, or add it to the card",
        )
    source = card.geometry[geometry]
    id_map = None if card.id_map is None else read_id_map(card, triplets_dir=Path(triplets_dir))
    counts = None
    if source.counts is not None:
        counts = payload_file(card, source.counts, home=triplets_dir)
    file = payload_file(card, source.path, home=triplets_dir)
    return read_geometry(file, direction=source.direction, counts=counts, id_map=id_map)


def read_geometry(
    file: Path,
    *,
    direction: Direction,
    counts: Path | None = None,
    id_map: Mapping[str, str] | None = None,
) -> RDM:
    """An RDM from a CSV file whose header names the clips.

    `counts` is a matrix of observations over the same ids or more; where it is 0 the pair is missing,
    whatever the matrix holds there. Empty cells are missing too.
    """
    matrix = _read_matrix(file)
    _check_direction(matrix, direction=direction, file=file)
    _check_range(matrix, direction=direction, file=file)
    ids = _map_ids(matrix, id_map, file=file)
    values = matrix.to_numpy(copy=True)  # pandas hands out what it holds read-only
    distances = 1.0 - values if direction == "similarity" else values
    table = None
    if counts is not None:
        table = _align_counts(_read_matrix(counts), list(matrix.columns), file=counts)
        distances = np.where(table > 0, distances, np.nan)
    np.fill_diagonal(distances, 0.0)
    try:
        return RDM.from_square(ids, distances, counts=table)
    except DataError as error:
        raise DataError(error.what, remedy=error.remedy, file=file) from error


def _read_matrix(file: Path) -> pd.DataFrame:
    """Numbers by the ids in the header; a first column without a name holds the same ids."""
    table = read_table(file, format="csv")
    frame = table.frame
    labels = None
    if str(frame.columns[0]).strip() in ("", "Unnamed: 0"):
        labels = [str(label) for label in frame.iloc[:, 0]]
        frame = frame.iloc[:, 1:]
    ids = [str(column) for column in frame.columns]
    if len(frame) != len(ids):
        raise DataError(
            f"{len(frame)} rows and {len(ids)} columns", remedy="a geometry is square", file=file
        )
    if labels is not None and labels != ids:
        row = next(i for i, label in enumerate(labels) if label != ids[i])
        raise DataError(
            f"row {labels[row]!r} stands where the header has {ids[row]!r}",
            remedy="put rows and columns in the same order",
            file=file,
            row=int(table.rows[row]),
        )
    text = frame.astype(object)
    numbers = text.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    said_missing = text.map(lambda cell: str(cell).strip().lower() in ("", "nan", "na")).to_numpy()
    bad = ~np.isfinite(numbers) & ~said_missing
    if bad.any():
        row, column = (int(index[0]) for index in np.nonzero(bad))
        raise DataError(
            f"{text.iloc[row, column]!r} is not a number",
            remedy="leave an unobserved pair empty",
            file=file,
            row=int(table.rows[row]),
        )
    return pd.DataFrame(numbers, columns=ids)


def _check_direction(matrix: pd.DataFrame, *, direction: Direction, file: Path) -> None:
    diagonal = np.diag(matrix.to_numpy())
    wrong = ~np.isclose(diagonal, SELF[direction])  # a missing value is wrong too
    if wrong.any():
        clip = int(np.argmax(wrong))
        raise DataError(
            f"the card says {direction}, but {matrix.columns[clip]!r} with itself is {diagonal[clip]:g}, "
            f"not {SELF[direction]:g}",
            remedy=f"state `direction: {OTHER[direction]}` if that is what it holds, or mend the matrix",
            file=file,
        )


def _check_range(matrix: pd.DataFrame, *, direction: Direction, file: Path) -> None:
    if direction == "dissimilarity":
        return  # a distance may be as large as it likes
    values = matrix.to_numpy()
    beyond = np.abs(values) > 1 + 1e-6
    if beyond.any():
        row, column = (int(index[0]) for index in np.nonzero(beyond))
        raise DataError(
            f"the similarity of {matrix.columns[row]!r} and {matrix.columns[column]!r} is "
            f"{values[row, column]:g}, more than that of a clip with itself",
            remedy="give similarities from -1 to 1",
            file=file,
        )


def _align_counts(counts: pd.DataFrame, ids: list[str], *, file: Path) -> np.ndarray:
    missing = [clip for clip in ids if clip not in counts.columns]
    if missing:
        raise DataError(
            f"no counts for {missing[0]!r} ({len(missing)} of {len(ids)} ids)",
            remedy="give counts in the ids of the matrix",
            file=file,
        )
    order = [list(counts.columns).index(clip) for clip in ids]
    table = counts.to_numpy()[np.ix_(order, order)]  # by id: the counts may cover more clips
    if not (np.isfinite(table).all() and (table >= 0).all() and np.array_equal(table, table.T)):
        raise DataError("counts are not symmetric, or not 0 or more", remedy="mend them", file=file)
    return np.asarray(table, dtype=np.float64)


def _map_ids(matrix: pd.DataFrame, id_map: Mapping[str, str] | None, *, file: Path) -> list[str]:
    ids = [str(clip) for clip in matrix.columns]
    if id_map is None:
        return ids
    unknown = next((clip for clip in ids if clip not in id_map), None)
    if unknown is not None:
        raise DataError(
            f"{unknown!r} is not in the id map of {len(id_map)} clips",
            remedy="correct the header or the map",
            file=file,
            row=1,
        )
    return [id_map[clip] for clip in ids]
