"""Region files: exact areas on a grid, precedence, windows, and every mistake named with its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bgs.data.detectors import from_detector
from bgs.data.region_files import read_regions
from bgs.data.regions import Regions
from bgs.errors import DataError

HEADER = "clip,frame,region,x0,y0,x1,y1"


def read(tmp_path: Path, *rows: str, header: str = HEADER) -> Regions:
    file = tmp_path / "regions.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_regions(file, clips=("a", "b"))


def test_a_box_counts_by_the_area_it_covers(tmp_path: Path) -> None:
    regions = read(tmp_path, "a,0,dog,0.25,0.0,0.75,0.5")
    cover = regions.cover("a", frames=(0,), grid=(1, 2, 2))
    np.testing.assert_allclose(cover[0, 0], [[0.5, 0.5], [0, 0]])
    np.testing.assert_allclose(cover.sum(axis=0), 1)
    fine = regions.cover("a", frames=(0,), grid=(1, 3, 5))
    assert fine[0].mean() == pytest.approx(0.25)  # the area, whatever the grid


def test_a_point_belongs_to_the_region_named_first(tmp_path: Path) -> None:
    regions = read(tmp_path, "a,0,face,0.4,0.4,0.6,0.6", "a,0,person,0.2,0.2,0.8,0.8")
    assert regions.names == ("face", "person")
    areas = regions.cover("a", frames=(0,), grid=(1, 4, 4)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(areas, [0.04, 0.36 - 0.04, 0.64])


def test_boxes_of_one_region_are_one_shape(tmp_path: Path) -> None:
    regions = read(tmp_path, "a,0,wall,0,0,0.6,0.5", "a,0,wall,0.4,0,1,0.5")
    areas = regions.cover("a", frames=(0,), grid=(1, 2, 3)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(areas, [0.5, 0.5])


def test_areas_agree_with_counted_points(tmp_path: Path) -> None:
    """Random boxes that overlap, against a raster of 400 x 400 points."""
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.7, (5, 2))
    high = low + rng.uniform(0.05, 0.3, (5, 2))
    names = ["p", "q", "p", "r", "q"]
    rows = [
        f"a,0,{name},{x0},{y0},{x1},{y1}"
        for name, (x0, y0), (x1, y1) in zip(names, low, high, strict=True)
    ]
    cover = read(tmp_path, *rows).cover("a", frames=(0,), grid=(1, 3, 4))[:, 0]
    at = (np.arange(1200) + 0.5) / 1200
    owner = np.full((1200, 1200), 3)
    for wanted in (2, 1, 0):
        for name, (x0, y0), (x1, y1) in zip(names, low, high, strict=True):
            if "pqr".index(name) == wanted:
                owner[np.ix_((at > y0) & (at < y1), (at > x0) & (at < x1))] = wanted
    counted = np.stack([(owner == k).reshape(3, 400, 4, 300).mean(axis=(1, 3)) for k in range(4)])
    np.testing.assert_allclose(cover, counted, atol=0.005)


def test_moments_take_the_nearest_frame_that_has_rows(tmp_path: Path) -> None:
    regions = read(tmp_path, "a,0,dog,0,0,0.5,1", "a,10,cat,0,0,1,1")
    areas = regions.cover("a", frames=(0, 5, 6, 12), grid=(4, 1, 1))[:, :, 0, 0]
    np.testing.assert_allclose(areas[0], [0.5, 0.5, 0, 0])  # of two alike the earlier
    np.testing.assert_allclose(areas[1], [0, 0, 1, 1])
    tubelets = regions.cover("a", frames=(0, 5, 6, 12), grid=(2, 1, 1))
    np.testing.assert_allclose(tubelets[:, :, 0, 0], [[0.5, 0], [0, 1], [0.5, 0]])
    mixed = regions.cover("a", frames=(5, 6), grid=(1, 1, 1))
    np.testing.assert_allclose(mixed[:, 0, 0, 0], [0.25, 0.5, 0.25])


def test_a_window_cuts_what_the_model_did_not_see(tmp_path: Path) -> None:
    """The middle half of a wide picture: a box at the left edge is gone, one across it is cut."""
    regions = read(tmp_path, "a,0,gone,0,0,0.2,1", "a,0,cut,0.2,0,0.5,1")
    cover = regions.cover("a", frames=(0,), grid=(1, 1, 2), window=(0.25, 0, 0.75, 1))
    np.testing.assert_allclose(cover[:, 0, 0], [[0, 0], [1, 0], [0, 1]])
    assert regions.outlines("a", 0, window=(0.25, 0, 0.75, 1)) == ((0.0, 0.0, 0.5, 1.0),)


GOOD = "a,0,dog,0.1,0.1,0.5,0.5"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("z,0,dog,0,0,1,1", "clip is 'z', which is no clip of this set; correct the id"),
        ("a,0,dog,0,0,1.2,1", "x1 is '1.2', outside the picture, which goes from 0 to 1"),
        ("a,0,dog,-0.1,0,1,1", "x0 is '-0.1', outside the picture"),
        ("a,0,dog,0.5,0,0.5,1", "x1 is 0.5, not above x0, 0.5; give the upper left corner first"),
        ("a,0,dog,0.5,0.8,0.9,0.2", "y1 is 0.2, not above y0, 0.8"),
        ("a,0,dog,nan,0,1,1", "x0 is 'nan', which is no number; write a number"),
        ("a,0,dog,0,0,1,", "y1 is '', which is no number"),
        ("a,0,dog,0,0,inf,1", "x1 is 'inf', which is no number"),
        ("a,1.5,dog,0,0,1,1", "frame is '1.5', where a frame is a whole number from 0"),
        ("a,-1,dog,0,0,1,1", "frame is '-1', where a frame is a whole number from 0"),
        ("a,0,background,0,0,1,1", "region is 'background', which is what no region covers"),
        ("a,0,,0,0,1,1", "region is ''; fill the cell"),
        ("a,0,dog,0,0,1", "6 fields where the header has 7"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, GOOD, row, GOOD)
    assert str(caught.value).startswith(f"{tmp_path / 'regions.csv'}, row 3: {says}")


def test_columns_are_those_of_the_schema(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, GOOD + ",1", header=HEADER + ",score")
    assert "row 1: column 'score' is unknown (columns: clip, frame," in str(caught.value)
    with pytest.raises(DataError, match="row 1: there is no column 'y1'"):
        read(tmp_path, "a,0,dog,0,0,1", header=HEADER.removesuffix(",y1"))
    timed = read(
        tmp_path, "a,0,0.04,dog,0,0,1,1", header="clip,frame,time_seconds,region,x0,y0,x1,y1"
    )
    assert timed.clips == ("a",)


def test_a_detector_is_asked_about_every_picture() -> None:
    def find_bright(picture: NDArray[np.uint8]) -> list[tuple[str, float, float, float, float]]:
        rows, columns = np.nonzero(picture[..., 0] > 128)
        if not len(rows):
            return []
        return [("light", columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]

    dark = np.zeros((10, 20, 3), dtype=np.uint8)
    bright = dark.copy()
    bright[0:5, 10:20] = 255
    found = from_detector(find_bright, [("a", [(0, bright), (7, dark)]), ("b", [(0, dark)])])
    assert found.names == ("light",)
    assert found.clips == ("a",)
    np.testing.assert_allclose(found.boxes["a"].corners, [[0.5, 0, 1, 0.5]])
    assert found.cover("a", frames=(0,), grid=(1, 1, 1))[0, 0, 0, 0] == pytest.approx(0.25)


SHAPE = "return (region, x0, y0, x1, y1) in pixels for every box, the region as text"
LIST = "return a list of (region, x0, y0, x1, y1) in pixels, empty where nothing is found"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([("face", 0.0, 1.0)], f"returned ('face', 0.0, 1.0) for clip 'a', frame 7; {SHAPE}"),
        (
            [("face", "a", 0, 1, 1)],
            f"returned ('face', 'a', 0, 1, 1) for clip 'a', frame 7; {SHAPE}",
        ),
        ([1, 2], f"returned 1 for clip 'a', frame 7; {SHAPE}"),
        ([(3, 0, 0, 1, 1)], f"returned (3, 0, 0, 1, 1) for clip 'a', frame 7; {SHAPE}"),
        (["abcde"], f"returned 'abcde' for clip 'a', frame 7; {SHAPE}"),
        (
            [("face", 0, 0, float("nan"), 1)],
            f"returned ('face', 0, 0, nan, 1) for clip 'a', frame 7; {SHAPE}",
        ),
        (None, f"returned None for clip 'a', frame 7; {LIST}"),
        ("none", f"returned 'none' for clip 'a', frame 7; {LIST}"),
    ],
)
def test_a_detector_that_returns_something_else_is_told_so(answer: Any, says: str) -> None:
    pictures = [("a", [(7, np.zeros((4, 4, 3), dtype=np.uint8))])]
    with pytest.raises(DataError) as caught:
        from_detector(lambda _picture: answer, pictures)
    assert str(caught.value) == f"detector '<lambda>' {says}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("background", "is 'background', which is what no region covers; give it another name"),
        ("", "is ''; fill the cell"),
        (" face", "is ' face', with space around it; remove the space"),
    ],
)
def test_a_detector_names_regions_as_a_file_does(name: str, says: str) -> None:
    pictures = [("a", [(0, np.zeros((4, 4, 3), dtype=np.uint8))])]
    with pytest.raises(DataError) as caught:
        from_detector(lambda _picture: [(name, 0, 0, 1, 1)], pictures)
    assert str(caught.value) == (
        f"detector '<lambda>': the region of a box on clip 'a', frame 0 {says}"
    )


@pytest.mark.parametrize("error", [RuntimeError("boom"), SystemExit(3)])
def test_a_detector_that_fails_is_named_with_its_clip(error: BaseException) -> None:
    def at_once(_picture: Any) -> Any:
        raise error

    def on_the_way(_picture: Any) -> Any:
        yield ("face", 0, 0, 1, 1)
        raise error

    pictures = [("a", [(5, np.zeros((4, 4, 3), dtype=np.uint8))])]
    for detect in (at_once, on_the_way):
        with pytest.raises(DataError) as caught:
            from_detector(detect, pictures)
        assert str(caught.value) == (
            f"detector {detect.__name__!r} failed on clip 'a', frame 5 ({type(error).__name__}: {error}); "
            "mend it; it is given one picture (height, width, 3) uint8"
        )
