"""Published matrices: read the way the card says, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bgs.data.geometry import load_geometry, read_geometry
from bgs.errors import DataError

SIMILARITY = "a,b,c\n1,0.25,0\n0.25,1,0.5\n0,0.5,1\n"
DISTANCE = ",a,b,c\na,0,2,\nb,2,0,3\nc,,3,0\n"
COUNTS = "c,x,b,a\n0,0,2,0\n0,0,0,0\n2,0,0,4\n0,0,4,0\n"


def write(tmp_path: Path, text: str, name: str = "m.csv") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_a_similarity_is_turned_round(tmp_path: Path) -> None:
    rdm = read_geometry(write(tmp_path, SIMILARITY), direction="similarity")
    assert rdm.ids == ("a", "b", "c")
    assert rdm.dissimilarities.tolist() == [0.75, 1.0, 0.5]


def test_counts_are_matched_by_id_and_decide_what_is_observed(tmp_path: Path) -> None:
    counts = write(tmp_path, COUNTS, "n.csv")
    rdm = read_geometry(write(tmp_path, SIMILARITY), direction="similarity", counts=counts)
    assert rdm.counts.tolist() == [4, 0, 2]
    assert np.isnan(rdm.dissimilarities[1])


def test_a_distance_with_row_names_and_a_gap(tmp_path: Path) -> None:
    mapping = {"a": "ant", "b": "bee", "c": "cat"}
    rdm = read_geometry(write(tmp_path, DISTANCE), direction="dissimilarity", id_map=mapping)
    assert rdm.ids == ("ant", "bee", "cat")
    assert rdm.num_pairs == 2


@pytest.mark.parametrize(
    ("text", "direction", "message"),
    [
        (
            SIMILARITY,
            "dissimilarity",
            "m.csv: the card says dissimilarity, but 'a' with itself is 1, not 0; "
            "state `direction: similarity` if that is what it holds, or mend the matrix",
        ),
        (
            DISTANCE,
            "similarity",
            "m.csv: the card says similarity, but 'a' with itself is 0, not 1; "
            "state `direction: dissimilarity` if that is what it holds, or mend the matrix",
        ),
        (
            "a,b\n,1\n1,\n",
            "similarity",
            "m.csv: the card says similarity, but 'a' with itself is nan, not 1; "
            "state `direction: dissimilarity` if that is what it holds, or mend the matrix",
        ),
        (
            "a,b\n0,1\n2,0\n",
            "dissimilarity",
            "m.csv: the matrix is not symmetric; pass d(i, j) = d(j, i)",
        ),
        ("a,b\n0,1\n", "dissimilarity", "m.csv: 1 rows and 2 columns; a geometry is square"),
        (
            ",a,b\nb,0,1\na,1,0\n",
            "dissimilarity",
            "m.csv, row 2: row 'b' stands where the header has 'a'; put rows and columns in the same order",
        ),
        (
            "a,b\n0,x\nx,0\n",
            "dissimilarity",
            "m.csv, row 2: 'x' is not a number; leave an unobserved pair empty",
        ),
        (
            "a,a\n0,1\n1,0\n",
            "dissimilarity",
            "m.csv, row 1: column 'a' appears twice; name each column once in the first line",
        ),
    ],
)
def test_a_matrix_that_contradicts_itself_is_refused(
    text: str, direction: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        read_geometry(write(tmp_path, text), direction=direction)  # type: ignore[arg-type]
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


def test_counts_and_maps_must_cover_the_matrix(tmp_path: Path) -> None:
    matrix = write(tmp_path, SIMILARITY)
    with pytest.raises(DataError, match=r"n.csv: no counts for 'b' \(2 of 3 ids\)"):
        read_geometry(matrix, direction="similarity", counts=write(tmp_path, "a\n0\n", "n.csv"))
    skewed = COUNTS.replace("2,0,0,4", "2,0,0,5")
    with pytest.raises(
        DataError, match=r"n\.csv: counts are not symmetric, or not 0 or more; mend them"
    ):
        read_geometry(matrix, direction="similarity", counts=write(tmp_path, skewed, "n.csv"))
    with pytest.raises(DataError, match=r"m\.csv, row 1: 'b' is not in the id map of 1 clips"):
        read_geometry(matrix, direction="similarity", id_map={"a": "ant"})


def test_a_geometry_is_found_by_name(tmp_path: Path) -> None:
    write(tmp_path, SIMILARITY)
    card = "name: mine\ntitle: t\nlicence: none\nobtain: ask\njudgments: {path: j.csv}\n"
    write(tmp_path, card + "geometry: {all: {path: m.csv, direction: similarity}}\n", "mine.yaml")
    assert load_geometry("mine", "all", triplets_dir=tmp_path).num_pairs == 3
    with pytest.raises(DataError) as caught:
        load_geometry("mine", "test", triplets_dir=tmp_path)
    assert str(caught.value) == (
        "the card of 'mine' has no geometry 'test' (it has: all); name one of them, or add it to the card"
    )
