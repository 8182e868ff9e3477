"""Drawn people: faces that express and look, hands that gesture, figures that stand together.

Crude on purpose: what a task asks about is drawn, and everything else (colours, size, place, background) varies
at random, so that a model has to look at what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

OVERSAMPLING = 3
Colour = tuple[int, int, int]
SKINS: tuple[Colour, ...] = ((247, 214, 186), (224, 172, 132), (184, 128, 88), (122, 80, 54))
DARK: Colour = (28, 24, 24)


@dataclass(frozen=True)
class Look:
    """What a face shows. Mouth, brows and lids from -1 to 1, gaze as where the pupils stand in the eyes."""

    smile: float = 0.0  # corners of the mouth: -1 down, 1 up
    smirk: float = 0.0  # one corner alone
    openness: float = 0.0  # of the mouth
    brow_height: float = 0.0
    brow_tilt: float = 0.0  # -1 inner ends down (anger), 1 inner ends up (grief)
    lids: float = 0.0  # -1 narrowed, 1 wide open
    wrinkle: float = 0.0  # of the nose
    gaze: tuple[float, float] = (0.0, 0.0)


EXPRESSIONS: Mapping[str, tuple[Look, float, float]] = {
    # label: look, valence, arousal; the feelings are near those that people give such faces
    "neutral": (Look(), 0.0, -0.1),
    "happy": (Look(smile=0.95, openness=0.25), 0.75, 0.3),
    "sad": (Look(smile=-0.85, brow_tilt=0.9, lids=-0.4), -0.7, -0.4),
    "surprised": (Look(openness=1.0, brow_height=1.0, lids=1.0), 0.15, 0.75),
    "afraid": (Look(smile=-0.5, openness=0.6, brow_height=0.7, brow_tilt=0.9, lids=1.0), -0.5, 0.8),
    "disgusted": (Look(smile=-0.7, lids=-0.8, wrinkle=1.0, brow_height=-0.4), -0.7, 0.3),
    "angry": (Look(smile=-0.6, brow_tilt=-1.0, brow_height=-0.6, lids=-0.3), -0.6, 0.7),
    "contemptuous": (Look(smirk=1.0, lids=-0.5), -0.4, 0.1),
}
# Which of thumb, index, middle, ring and little finger are stretched, and which way the hand points.
GESTURES: Mapping[str, tuple[tuple[int, int, int, int, int], float]] = {
    "fist": ((0, 0, 0, 0, 0), 0.0),
    "one": ((0, 1, 0, 0, 0), 0.0),
    "peace": ((0, 1, 1, 0, 0), 0.0),
    "three": ((0, 1, 1, 1, 0), 0.0),
    "four": ((0, 1, 1, 1, 1), 0.0),
    "palm": ((1, 1, 1, 1, 1), 0.0),
    "rock": ((0, 1, 0, 0, 1), 0.0),
    "call": ((1, 0, 0, 0, 1), 0.0),
    "peace_inverted": ((0, 1, 1, 0, 0), np.pi),
    "no_gesture": ((0, 0, 0, 0, 0), np.pi / 2),
}
_FINGER_ANGLES = (-1.05, -0.38, -0.12, 0.14, 0.42)  # radians from the hand's own direction
_FINGER_LENGTHS = (0.62, 0.95, 1.05, 0.98, 0.78)


class Sheet:
    """A picture under way, drawn larger than it will be so that its edges come out smooth."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.size = width, height
        scale = OVERSAMPLING
        self.image = Image.new("RGB", (width * scale, height * scale), random_colour(rng, 90, 210))
        self.pen = ImageDraw.Draw(self.image)
        for _ in range(int(rng.integers(2, 6))):  # blocks of background
            x, y = rng.uniform(-0.2, 1.0, 2) * self.size
            w, h = rng.uniform(0.1, 0.5, 2) * self.size
            self.rectangle(x, y, x + w, y + h, random_colour(rng, 80, 220))

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """A filled rectangle, in pixels of the finished picture."""
        self.pen.rectangle([v * OVERSAMPLING for v in (x0, y0, x1, y1)], fill=colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse around (x, y)."""
        ends = (x - rx, y - ry, x + rx, y + ry)
        self.pen.ellipse([v * OVERSAMPLING for v in ends], fill=colour)

    def line(self, points: NDArray[np.float64], width: float, colour: Colour) -> None:
        """A stroke with round ends through points (n, 2)."""
        flat = [tuple(p) for p in points * OVERSAMPLING]
        self.pen.line(flat, fill=colour, width=max(1, round(width * OVERSAMPLING)), joint="curve")
        for x, y in (points[0], points[-1]):
            self.ellipse(x, y, width / 2, width / 2, colour)

    def finish(self, rng: np.random.Generator, *, noise: float = 6.0) -> Image.Image:
        """The picture at its size, with the grain of a camera."""
        small = self.image.reduce(OVERSAMPLING)  # the mean of each block of pixels
        grain = rng.standard_normal((*self.size[::-1], 3), dtype=np.float32)
        grainy = np.asarray(small, dtype=np.float32) + noise * grain
        return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


def random_colour(rng: np.random.Generator, low: int = 30, high: int = 230) -> Colour:
    """Any colour of middling brightness."""
    red, green, blue = (int(v) for v in rng.integers(low, high, 3))
    return red, green, blue


def draw_face(
    sheet: Sheet, x: float, y: float, radius: float, look: Look, rng: np.random.Generator
) -> None:
    """A face around (x, y); skin and hair are drawn by lot, the look is shown as given."""
    skin = SKINS[int(rng.integers(len(SKINS)))]
    hair = random_colour(rng, 20, 120)
    sheet.ellipse(x, y - 0.15 * radius, 1.02 * radius, 1.08 * radius, hair)
    sheet.ellipse(x, y + 0.08 * radius, 0.86 * radius, 0.98 * radius, skin)
    for side in (-1, 1):
        _draw_eye(sheet, x + side * 0.36 * radius, y - 0.12 * radius, radius, side, look)
    _draw_mouth(sheet, x, y + 0.5 * radius, radius, look)
    if look.wrinkle > 0.3:
        for k in (-1, 0, 1):
            ends = np.array(
                [
                    [x - 0.14 * radius, y + (0.1 + 0.08 * k) * radius],
                    [x + 0.14 * radius, y + (0.1 + 0.08 * k) * radius],
                ]
            )
            sheet.line(ends, 0.05 * radius, (120, 70, 60))
    else:
        nose = np.array([[x, y + 0.02 * radius], [x - 0.08 * radius, y + 0.22 * radius]])
        sheet.line(nose, 0.05 * radius, (120, 70, 60))


def _draw_eye(sheet: Sheet, x: float, y: float, radius: float, side: int, look: Look) -> None:
    height = 0.13 * (1 + 0.5 * look.lids) * radius
    sheet.ellipse(x, y, 0.2 * radius, height, (250, 250, 250))
    dx, dy = look.gaze
    sheet.ellipse(
        x + 0.12 * radius * dx,
        y + 0.5 * height * dy,
        0.085 * radius,
        min(0.085 * radius, height),
        DARK,
    )
    lift = (0.3 + 0.14 * look.brow_height) * radius
    inner, outer = x - side * 0.2 * radius, x + side * 0.22 * radius
    tilt = 0.14 * look.brow_tilt * radius
    sheet.line(np.array([[inner, y - lift - tilt], [outer, y - lift + tilt]]), 0.09 * radius, DARK)


def _draw_mouth(sheet: Sheet, x: float, y: float, radius: float, look: Look) -> None:
    across = np.linspace(-1, 1, 15)
    bend = look.smile * (1 - across**2) * 0.22 * radius
    corner = look.smirk * np.clip(across, 0, None) ** 2 * -0.2 * radius
    lips = np.stack([x + 0.42 * radius * across, y + bend + corner - 0.1 * look.smile * radius], 1)
    if look.openness > 0.15:
        sheet.ellipse(
            x, y, (0.36 - 0.14 * look.openness) * radius, 0.3 * look.openness * radius, (90, 20, 30)
        )
        if look.openness > 0.5:
            return
    sheet.line(lips, 0.08 * radius, (120, 30, 40))


def draw_hand(
    sheet: Sheet, x: float, y: float, size: float, gesture: str, rng: np.random.Generator
) -> None:
    """A hand whose palm is around (x, y); a mirrored hand is the other one."""
    stretched, direction = GESTURES[gesture]
    skin = SKINS[int(rng.integers(len(SKINS)))]
    edge: Colour = tuple(int(0.7 * value) for value in skin)  # type: ignore[assignment]
    turn = direction + rng.normal(0, 0.12)
    side = 1 if rng.random() < 0.5 else -1

    def place(angle: float, length: float) -> NDArray[np.float64]:
        aim = turn + side * angle
        return np.array([x + np.sin(aim) * length * size, y - np.cos(aim) * length * size])

    wrist = np.stack([place(np.pi, 0.2), place(np.pi, 1.0)])
    sheet.line(wrist, 0.5 * size, skin)
    for up, angle, length in zip(stretched, _FINGER_ANGLES, _FINGER_LENGTHS, strict=True):
        reach = length if up else 0.46
        finger = np.stack([place(angle, 0.25), place(angle, reach)])
        sheet.line(finger, 0.25 * size, edge)
        sheet.line(finger, 0.19 * size, skin)
    sheet.ellipse(x, y, 0.42 * size, 0.44 * size, skin)
    if not stretched[0]:
        sheet.line(np.stack([place(-1.2, 0.35), place(0.1, 0.2)]), 0.18 * size, edge)


@dataclass(frozen=True)
class Figure:
    """A standing person: where the feet are, how tall, which way the arms go."""

    x: float
    y: float
    height: float
    shirt: Colour
    suit: bool = False
    reach: tuple[float, float] | None = None  # where a hand is


def draw_figure(sheet: Sheet, figure: Figure, look: Look, rng: np.random.Generator) -> None:
    """A figure with head, body, legs and arms."""
    x, y, h = figure.x, figure.y, figure.height
    legs = (40, 40, 60) if figure.suit else random_colour(rng, 30, 120)
    for side in (-1, 1):
        leg = np.array([[x + side * 0.05 * h, y - 0.42 * h], [x + side * 0.08 * h, y]])
        sheet.line(leg, 0.09 * h, legs)
    body = (30, 30, 42) if figure.suit else figure.shirt
    sheet.rectangle(x - 0.13 * h, y - 0.78 * h, x + 0.13 * h, y - 0.4 * h, body)
    if figure.suit:
        sheet.rectangle(x - 0.03 * h, y - 0.78 * h, x + 0.03 * h, y - 0.55 * h, (240, 240, 240))
        sheet.rectangle(x - 0.012 * h, y - 0.76 * h, x + 0.012 * h, y - 0.56 * h, (180, 30, 30))
    hands = [figure.reach, None] if figure.reach else [None, None]
    for side, hand in zip((1, -1), hands, strict=True):
        end = hand or (x + side * 0.17 * h, y - 0.42 * h)
        toward = 1 if end[0] >= x else -1
        start = (x + (toward if hand else side) * 0.13 * h, y - 0.74 * h)
        sheet.line(np.array([start, end]), 0.06 * h, body)
    draw_face(sheet, x, y - 0.89 * h, 0.11 * h, look, rng)
