"""A sheet of single pictures, each with who is asked about, where they look, and the answer underneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.reports.contact_sheet import (
    GAP,
    GREY,
    INK,
    MARGIN,
    PAPER,
    TEXT_SIZE,
    TIME_SIZE,
    TITLE_SIZE,
    fit_text,
    sheet_font,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Corners = tuple[float, float, float, float]  # x0, y0, x1, y1 as shares of the picture
ROLES = ((0, 114, 178), (213, 94, 0))  # the first person, the second: told apart by every eye
TARGET = (255, 221, 0)
WELL = (236, 237, 240)  # behind pictures that are narrower than their place
NARROWEST = 420


@dataclass(frozen=True)
class Tile:
    """One picture (height, width, 3): boxes, points that its first box looks at, and two lines of text."""

    picture: NDArray[np.uint8]
    title: str
    text: str = ""
    boxes: tuple[Corners, ...] = ()
    points: tuple[tuple[float, float], ...] = ()


def draw_tiles(
    tiles: Sequence[Tile], *, columns: int, title: str, subtitle: str = "", side: int = 160
) -> Image:
    """Rows of pictures, each as large as fits into a square."""
    from PIL import Image, ImageDraw

    if not tiles:
        raise DataError("there is no picture to show", remedy="name a data set that has some")
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    down = side + 2 * GAP + TEXT_SIZE + TIME_SIZE + 16
    head = TITLE_SIZE + TEXT_SIZE + 26
    across = max(columns * (side + GAP) - GAP, NARROWEST)
    sheet = Image.new("RGB", (across + 2 * MARGIN, rows * down + head + 2 * MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    bold, plain = sheet_font(TITLE_SIZE, True), sheet_font(TEXT_SIZE)
    pen.text((MARGIN, MARGIN), fit_text(title, bold, across), INK, bold)
    pen.text((MARGIN, MARGIN + TITLE_SIZE + 8), fit_text(subtitle, plain, across), GREY, plain)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        corner = MARGIN + column * (side + GAP), MARGIN + head + row * down
        _draw_tile(sheet, pen, tile, corner, side=side)
    return sheet


def _draw_tile(
    sheet: Image, pen: ImageDraw, tile: Tile, corner: tuple[int, int], *, side: int
) -> None:
    from PIL import Image

    left, top = corner
    pen.rectangle((left, top, left + side - 1, top + side - 1), fill=WELL)
    picture = Image.fromarray(tile.picture)
    scale = side / max(picture.size)
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    shown = picture.resize(size, Image.Resampling.LANCZOS)
    _mark(shown, tile)
    sheet.paste(shown, (left + (side - size[0]) // 2, top + (side - size[1]) // 2))
    bold, small = sheet_font(TEXT_SIZE - 1, True), sheet_font(TIME_SIZE)
    below = top + side + GAP
    pen.text((left, below), fit_text(tile.title, bold, side), INK, bold)
    pen.text((left, below + TEXT_SIZE + 4), fit_text(tile.text, small, side), GREY, small)


def _mark(shown: Image, tile: Tile) -> None:
    """Boxes in their colours, and lines from the first of them to what is looked at."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(shown)
    width, height = shown.size
    for place, (x0, y0, x1, y1) in enumerate(tile.boxes):
        ends = (x0 * width, y0 * height, max(x1 * width - 1, 1), max(y1 * height - 1, 1))
        pen.rectangle(ends, outline=ROLES[place % len(ROLES)], width=2)
    for x, y in tile.points:
        spot = x * width, y * height
        if tile.boxes:
            x0, y0, x1, y1 = tile.boxes[0]
            pen.line(((x0 + x1) / 2 * width, (y0 + y1) / 2 * height, *spot), fill=TARGET, width=1)
        around = (spot[0] - 3, spot[1] - 3, spot[0] + 3, spot[1] + 3)
        pen.ellipse(around, fill=TARGET, outline=INK)
