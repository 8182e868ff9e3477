"""Contact sheets: every frame whole and in its place, text within the sheet, the same bytes for the same clips."""

import numpy as np
import pytest
from PIL import Image

from bgs.errors import DataError
from bgs.reports.contact_sheet import (
    GAP,
    MARGIN,
    MOST_LINES,
    PAPER,
    Strip,
    _lines,
    draw_sheet,
    write_sheet,
)

RED, BLUE = (200, 30, 30), (30, 30, 200)


def strip(clip: str = "one", *, width: int = 40, about: tuple[str, ...] = ()) -> Strip:
    frames = np.zeros((3, 20, width, 3), np.uint8)
    frames[0], frames[1], frames[2] = RED, BLUE, RED
    return Strip(clip, frames, (0.0, 1.0, 2.0), about)


def runs_of(pixels: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
    """Lengths of the runs of a colour along a row of pixels."""
    same = np.concatenate([[False], (pixels == colour).all(axis=-1), [False]])
    return list(
        np.flatnonzero(np.diff(same.astype(int)) == -1)
        - np.flatnonzero(np.diff(same.astype(int)) == 1)
    )


def test_frames_stand_side_by_side_in_their_own_shape():
    sheet = np.asarray(draw_sheet([strip()], title="A set", tile_height=100))
    row = next(line for line in sheet if runs_of(line, BLUE))
    assert runs_of(row, BLUE) == [200]  # 2 : 1, as the clip is
    blue = np.flatnonzero((row == BLUE).all(axis=-1))
    assert blue[0] == MARGIN + 200 + GAP
    column = sheet[:, blue[0] + 50]
    assert runs_of(column, BLUE) == [100]
    assert tuple(sheet[2, 2]) == PAPER


def test_more_clips_make_a_longer_sheet_and_long_text_does_not_make_it_wider():
    one = draw_sheet([strip()], title="A set")
    two = draw_sheet([strip(), strip("two", about=("word " * 500,))], title="A set " * 100)
    assert two.width == one.width
    assert two.height > 1.5 * one.height
    edge = np.asarray(two)[:, -MARGIN + 4 :]
    assert (edge == PAPER).all()  # no text runs into the margin


def test_text_is_wrapped_and_cut_where_it_is_too_much():
    short = _lines(strip(about=("a caption", "valence 1")), 520)
    assert short == ["a caption", "valence 1"]
    long = _lines(strip(about=("word " * 500,)), 520)
    assert len(long) == MOST_LINES
    assert long[-1].endswith("…")
    assert _lines(strip(about=("x" * 400,)), 520)[0].endswith("…")


def test_the_same_sheet_is_the_same_file(tmp_path):
    for name in ("a.png", "deep/b.png"):
        write_sheet(draw_sheet([strip(about=("ünïcode Ж",))], title="A set"), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "deep/b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGB"


def test_mistakes_are_named(tmp_path):
    with pytest.raises(DataError, match="there is no clip to show"):
        draw_sheet([], title="nothing")
    with pytest.raises(
        DataError, match=r"'sheet\.jpg' is no name of a picture; let it end in \.png"
    ):
        write_sheet(draw_sheet([strip()], title="A"), tmp_path / "sheet.jpg")
    with pytest.raises(DataError, match="2 times for 3 frames of 'one'; give one time a frame"):
        Strip("one", strip().frames, (0.0, 1.0))
    with pytest.raises(DataError, match="frames of 'one' are float64 of shape"):
        Strip("one", np.zeros((3, 20, 40, 3)), (0.0, 1.0, 2.0))
