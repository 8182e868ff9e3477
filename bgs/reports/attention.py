"""Attention laid over the frames it is about: a strip of pictures a clip, and a short film.

Under a map frames are grey, so that every colour means attention. Untuned and tuned maps share one scale, printed in
units of an even spread (1x: as much as if attention fell everywhere alike); the change has a scale of its own. The
colours are inferno, and orange against purple: they keep their order under every common colour blindness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.animations.video import write_mp4

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

FloatArray = NDArray[np.float64]
Outline = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of the frame as shown

MOST_COLUMNS = 6
TILE = 136  # pixels of a frame's longer side
MARGIN, LABELS, HEADER, LEGEND, GAP = 12, 62, 44, 38, 4
INK, MUTED, PAPER = (26, 26, 24), (92, 91, 85), (255, 255, 255)
ATTENTION, DARKEST, OPACITY = "inferno", 0.1, 0.52
MORE, LESS = (230, 97, 1), (94, 60, 153)  # orange and purple
TOP = 0.98  # of patches and moments lie below the end of the scale
FILM_TILE = 288
SLOWEST, FASTEST = 2, 12  # frames a second of a film


@dataclass(frozen=True)
class ClipView:
    """One clip with its maps by name (`base`, and `tuned` where there is one), each (times, rows, columns)."""

    clip: str
    frames: NDArray[np.uint8]  # (frames, 3, height, width)
    seconds: tuple[float, ...]  # of each frame
    maps: Mapping[str, FloatArray]
    title: str = ""
    outlines: Sequence[Sequence[Outline]] = field(default=())  # boxes of each frame

    @property
    def ratios(self) -> dict[str, FloatArray]:
        """Each map in units of an even spread."""
        return {name: found * found.size for name, found in self.maps.items()}

    @property
    def scale(self) -> tuple[float, float]:
        """Least attention over all maps of the clip, and what only the top of them exceeds."""
        values = np.concatenate([found.ravel() for found in self.ratios.values()])
        # One patch with nearly all attention would leave the rest of the clip without a difference.
        low, high = float(values.min()), float(np.quantile(values, TOP))
        return (low, high) if high > low else (low, low + 1e-6)

    def __repr__(self) -> str:
        return f"ClipView({self.clip!r}, {len(self.frames)} frames, {', '.join(self.maps)})"


def draw_strip(view: ClipView) -> Image:
    """Moments from left to right; a row of frames, one a map and, where there are two, one for their difference."""
    from PIL import Image, ImageDraw

    ratios = view.ratios
    names = ["clip", *ratios, *(["change"] if len(ratios) == 2 else [])]
    times = next(iter(ratios.values())).shape[0]
    columns = _spread(times, MOST_COLUMNS)
    width, height = _tile_size(view.frames, TILE)
    across = LABELS + len(columns) * (width + GAP)
    across = max(across, 560) + 2 * MARGIN
    down = HEADER + len(names) * (height + GAP) + LEGEND + 2 * MARGIN
    sheet = Image.new("RGB", (across, down), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), view.clip, fill=INK, font=_font(14))
    pen.text(
        (across - MARGIN, MARGIN + 2), _subtitle(view), fill=MUTED, font=_font(12), anchor="ra"
    )
    for place, time in enumerate(columns):
        frame = _frame_of(time, times, len(view.frames))
        left = MARGIN + LABELS + place * (width + GAP)
        stamp = f"{view.seconds[frame]:.1f} s"
        pen.text((left, MARGIN + HEADER - 5), stamp, fill=MUTED, font=_font(11), anchor="ls")
        for row, name in enumerate(names):
            tile = _tile(view, name, time=time, frame=frame, size=(width, height))
            sheet.paste(tile, (left, MARGIN + HEADER + row * (height + GAP)))
    for row, name in enumerate(names):
        middle = MARGIN + HEADER + row * (height + GAP) + height // 2
        pen.text((MARGIN, middle), name, fill=INK, font=_font(13), anchor="lm")
    _draw_legend(sheet, pen, view, top=down - MARGIN - LEGEND + 12)
    return sheet


def _subtitle(view: ClipView) -> str:
    """What the figures above the pictures say: the smooth shades promise more than the patches hold."""
    times, rows, columns = next(iter(view.maps.values())).shape
    grid = f"{times} moments of {rows} × {columns} patches, smoothed"
    return f"{view.title}; {grid}" if view.title else grid


def write_strip(path: Path, view: ClipView) -> None:
    """The strip as a PNG."""
    draw_strip(view).save(path, format="PNG", optimize=True)


def write_film(path: Path, view: ClipView) -> None:
    """Every frame that the model saw, untuned above tuned, at the speed of the clip as far as that can be watched."""
    pictures = [_film_picture(view, frame) for frame in range(len(view.frames))]
    spanned = view.seconds[-1] - view.seconds[0] if len(view.seconds) > 1 else 0.0
    rate = (len(pictures) - 1) / spanned if spanned > 0 else SLOWEST
    rate = int(np.clip(round(rate), SLOWEST, FASTEST))
    write_mp4(path, np.stack(pictures), frames_per_second=rate)


def _film_picture(view: ClipView, frame: int) -> NDArray[np.uint8]:
    """One picture of the film (height, width, 3), its sides even as H.264 needs them."""
    from PIL import Image, ImageDraw

    ratios = view.ratios
    times = next(iter(ratios.values())).shape[0]
    width, height = (side // 2 * 2 for side in _tile_size(view.frames, FILM_TILE))
    bar = 20
    sheet = Image.new("RGB", (width, len(ratios) * (height + bar)), PAPER)
    pen = ImageDraw.Draw(sheet)
    time = _time_of(frame, times, len(view.frames))
    for row, name in enumerate(ratios):
        top = row * (height + bar)
        pen.text((4, top + bar // 2), name, fill=INK, font=_font(12), anchor="lm")
        stamp = f"{view.seconds[frame]:.1f} s"
        pen.text((width - 4, top + bar // 2), stamp, fill=MUTED, font=_font(12), anchor="rm")
        tile = _tile(view, name, time=time, frame=frame, size=(width, height))
        sheet.paste(tile, (0, top + bar))
    return np.asarray(sheet)


def _tile(view: ClipView, name: str, *, time: int, frame: int, size: tuple[int, int]) -> Image:
    """A frame as it is, or in grey under the colours of one map."""
    from PIL import Image, ImageDraw

    pixels = np.ascontiguousarray(view.frames[frame].transpose(1, 2, 0))
    enlarged = size[0] > pixels.shape[1]
    how = Image.Resampling.BICUBIC if enlarged else Image.Resampling.LANCZOS
    picture = Image.fromarray(pixels).resize(size, how)
    if name == "clip":
        return picture
    grey = np.asarray(picture.convert("L"), dtype=np.float64)
    ratios = view.ratios
    if name == "change":
        base, tuned = ratios.values()
        shown = _blend_change(grey, _enlarge((tuned - base)[time], size) / _reach(base, tuned))
    else:
        low, high = view.scale
        shown = _blend(grey, (_enlarge(ratios[name][time], size) - low) / (high - low))
    tile = Image.fromarray(shown)
    if view.outlines:
        pen = ImageDraw.Draw(tile)
        for x0, y0, x1, y1 in view.outlines[frame]:
            box = (x0 * size[0], y0 * size[1], x1 * size[0] - 1, y1 * size[1] - 1)
            pen.rectangle(box, outline=PAPER)
    return tile


def _draw_legend(sheet: Image, pen: ImageDraw, view: ClipView, *, top: int) -> None:
    """A bar for attention and, where a change is shown, one for it."""
    low, high = view.scale
    left, long = MARGIN + LABELS, 130
    ramp = np.tile(np.linspace(0, 1, long), (10, 1))
    grey = np.full_like(ramp, 128)
    _draw_bar(sheet, _blend(grey, ramp), (left, top))
    _write_ends(pen, (left, top), long, f"{low:.2f}×", f"≥ {high:.2f}×")
    pen.text((MARGIN, top + 5), "attention", fill=MUTED, font=_font(11), anchor="lm")
    if len(view.maps) == 2:
        reach = _reach(*view.ratios.values())
        left += long + 80
        pen.text((left - 8, top + 5), "change", fill=MUTED, font=_font(11), anchor="rm")
        _draw_bar(sheet, _blend_change(grey, 2 * ramp - 1), (left, top))
        _write_ends(pen, (left, top), long, f"≤ −{reach:.2f}×", f"≥ +{reach:.2f}×")
    pen.text(
        (left + long + 12, top + 5),
        "(1× is an even spread)",
        fill=MUTED,
        font=_font(10),
        anchor="lm",
    )


def _draw_bar(sheet: Image, shown: NDArray[np.uint8], corner: tuple[int, int]) -> None:
    """A ramp of colours as they look on a frame of middle grey."""
    from PIL import Image

    sheet.paste(Image.fromarray(shown), corner)


def _write_ends(pen: ImageDraw, corner: tuple[int, int], long: int, first: str, last: str) -> None:
    left, top = corner
    pen.text((left, top + 13), first, fill=INK, font=_font(11), anchor="lt")
    pen.text((left + long, top + 13), last, fill=INK, font=_font(11), anchor="rt")


def _reach(base: FloatArray, tuned: FloatArray) -> float:
    """What only the largest changes of a clip exceed; never 0, so that it can be divided by."""
    return max(float(np.quantile(np.abs(tuned - base), TOP)), 1e-6)


def _enlarge(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Patches (rows, columns) to pixels, bilinear between the middles of patches."""
    from PIL import Image

    picture = Image.fromarray(values.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)


def _blend(grey: FloatArray, values: FloatArray) -> NDArray[np.uint8]:
    """Attention from 0 to 1 over grey pixels, the same part of colour everywhere, so that a bar can explain it."""
    from matplotlib import colormaps

    # The darkest colours are left out: under them a frame could not be seen.
    colour = colormaps[ATTENTION](DARKEST + (1 - DARKEST) * np.clip(values, 0, 1))[..., :3]
    return _as_pixels((1 - OPACITY) * _lift(grey) + OPACITY * 255 * np.asarray(colour))


def _blend_change(grey: FloatArray, values: FloatArray) -> NDArray[np.uint8]:
    """Change from -1 to 1 over grey pixels: no change, no colour."""
    weight = 0.9 * np.clip(np.abs(values), 0, 1)[..., None]
    colour = np.where(values[..., None] > 0, np.array(MORE), np.array(LESS))
    return _as_pixels((1 - weight) * _lift(grey) + weight * colour)


def _lift(grey: FloatArray) -> FloatArray:
    """Grey pixels as colours, kept off black."""
    return np.asarray(20 + 0.88 * grey[..., None])


def _as_pixels(values: FloatArray) -> NDArray[np.uint8]:
    # In steps of 4, which no eye sees: half the bytes as a PNG.
    return (4 * np.clip(np.rint(values / 4), 0, 63)).astype(np.uint8)


def _tile_size(frames: NDArray[np.uint8], longest: int) -> tuple[int, int]:
    height, width = frames.shape[2:]
    factor = longest / max(height, width)
    return max(round(width * factor), 2), max(round(height * factor), 2)


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of the positions, evenly from the first to the last."""
    if count <= most:
        return list(range(count))
    return [round(place) for place in np.linspace(0, count - 1, most)]


def _frame_of(time: int, times: int, frames: int) -> int:
    """The frame that stands for a time: the middle one, of two the first."""
    span = frames // times
    return time * span + (span - 1) // 2


def _time_of(frame: int, times: int, frames: int) -> int:
    return min(frame // (frames // times), times - 1)


def _font(size: int) -> Any:
    """DejaVu Sans comes with matplotlib and knows the letters of most ids, and the signs × and −."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
