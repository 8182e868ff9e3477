"""A contact sheet: one row a clip, its frames through time, and what is known about it underneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

MARGIN, GAP, ROW_GAP = 24, 4, 20  # pixels
TITLE_SIZE, NAME_SIZE, TEXT_SIZE, TIME_SIZE = 20, 15, 14, 11
INK, GREY, PAPER, FRAME = (24, 26, 30), (112, 116, 124), (255, 255, 255), (214, 216, 220)
MOST_LINES = 3  # of text under a row


@dataclass(frozen=True)
class Strip:
    """One clip: frames (frames, height, width, 3) with their times, and lines of text about it."""

    clip: str
    frames: NDArray[np.uint8]
    seconds: tuple[float, ...]
    about: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frames = self.frames
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise DataError(
                f"frames of {self.clip!r} are {frames.dtype} of shape {frames.shape}",
                remedy="give uint8 pixels of shape (frames, height, width, 3)",
            )
        if len(self.seconds) != len(frames):
            raise DataError(
                f"{len(self.seconds)} times for {len(frames)} frames of {self.clip!r}",
                remedy="give one time a frame",
            )


def draw_sheet(
    strips: Sequence[Strip], *, title: str, subtitle: str = "", tile_height: int = 128
) -> Image:
    """The sheet as a picture; every frame is shown whole."""
    from PIL import Image, ImageDraw

    if not strips:
        raise DataError("there is no clip to show", remedy="name one clip or more")
    rows = [_scale(strip, tile_height) for strip in strips]
    inner = max(max(sum(tile.width + GAP for tile in row) - GAP for row in rows), 520)
    texts = [_lines(strip, inner) for strip in strips]
    line = TEXT_SIZE + 5
    head = TITLE_SIZE + 8 + (line if subtitle else 0) + 14
    heights = [tile_height + TIME_SIZE + 6 + NAME_SIZE + 4 + line * len(text) for text in texts]
    size = inner + 2 * MARGIN, 2 * MARGIN + head + sum(heights) + ROW_GAP * (len(strips) - 1)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text(
        (MARGIN, MARGIN),
        fit_text(title, sheet_font(TITLE_SIZE, True), inner),
        INK,
        sheet_font(TITLE_SIZE, True),
    )
    if subtitle:
        place = (MARGIN, MARGIN + TITLE_SIZE + 8)
        pen.text(
            place, fit_text(subtitle, sheet_font(TEXT_SIZE), inner), GREY, sheet_font(TEXT_SIZE)
        )
    y = MARGIN + head
    for strip, row, text, height in zip(strips, rows, texts, heights, strict=True):
        _draw_row(sheet, pen, strip, row, text, y=y)
        y += height + ROW_GAP
    return sheet


def write_sheet(sheet: Image, path: Path) -> None:
    """Save it as PNG; the same sheet gives the same bytes."""
    if path.suffix.lower() != ".png":
        raise DataError(f"{path.name!r} is no name of a picture", remedy="let it end in .png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, format="PNG", optimize=True)
    except OSError as error:
        raise DataError(
            f"cannot be written ({error.strerror})", remedy="name another place", file=path
        ) from error


def _draw_row(
    sheet: Image, pen: ImageDraw, strip: Strip, row: list[Image], text: list[str], *, y: int
) -> None:
    """Frames side by side, the time of each below it, then the clip's name and what is known."""
    x = MARGIN
    bottom = y + row[0].height
    for tile, seconds in zip(row, strip.seconds, strict=True):
        sheet.paste(tile, (x, y))
        pen.rectangle((x - 1, y - 1, x + tile.width, bottom), outline=FRAME)  # white ends somewhere
        pen.text((x + 2, bottom + 3), f"{seconds:.2f} s", GREY, sheet_font(TIME_SIZE))
        x += tile.width + GAP
    place = bottom + TIME_SIZE + 8
    pen.text((MARGIN, place), strip.clip, INK, sheet_font(NAME_SIZE, True))
    for number, line in enumerate(text):
        below = place + NAME_SIZE + 5 + number * (TEXT_SIZE + 5)
        pen.text((MARGIN, below), line, INK, sheet_font(TEXT_SIZE))


def _scale(strip: Strip, height: int) -> list[Image]:
    from PIL import Image

    tiles = []
    for frame in strip.frames:
        picture = Image.fromarray(frame)
        width = max(round(picture.width * height / picture.height), 1)
        tiles.append(picture.resize((width, height), Image.Resampling.LANCZOS))
    return tiles


def _lines(strip: Strip, width: int) -> list[str]:
    """What is known about the clip, wrapped to the width of the sheet; too much is cut and says so."""
    font, lines = sheet_font(TEXT_SIZE), []
    for paragraph in strip.about:
        current = ""
        for word in paragraph.split():
            longer = f"{current} {word}".strip()
            if current and font.getlength(longer) > width:
                lines.append(current)
                longer = word
            current = longer
        lines.append(fit_text(current, font, width))
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], fit_text(lines[MOST_LINES - 1] + " …", font, width)]
    return lines


def fit_text(text: str, font: FreeTypeFont, width: int) -> str:
    """As much of a text as fits; what is cut says so."""
    shown = text
    while shown and font.getlength(shown) > width:
        shown = shown.rstrip(" …")[:-1] + " …"
    return shown


@lru_cache
def sheet_font(size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and knows most alphabets."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", name)), size)
