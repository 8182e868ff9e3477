"""How a clip looks, which says nothing about what its agents do: background, colours, camera, light.

The variation is meant to be large: a model that was never told what people attend to should find
two clips alike because they share a backdrop. Two things stay fixed so that the agents remain
visible at 64 pixels: the first agent is light and the second dark on a mid-grey-ish ground, and
objects are strongly coloured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bgs.animations.behaviours import FloatArray

AGENT_SHAPES = ("circle", "triangle", "square")
OBJECT_SHAPES = ("square", "hexagon", "circle")
TEXTURES = ("plain", "gradient", "clouds", "stripes", "checks")


@dataclass(frozen=True)
class Camera:
    """From room to picture: rotate by `turn`, mirror, scale by `zoom`, shift by a drifting pan."""

    zoom: float  # 1 shows the room edge to edge
    turn: float  # radians
    mirrored: bool
    pan: tuple[float, float]  # room halves
    drift: tuple[float, float]  # room halves from the first to the last frame

    def view(self, points: FloatArray) -> FloatArray:
        """Room coordinates (..., 2) to picture coordinates in [-1, 1], before the drift."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        flip = -1.0 if self.mirrored else 1.0
        matrix = np.array([[cos, -sin], [sin, cos]]) * np.array([[flip], [1.0]])
        return (points @ matrix.T + np.array(self.pan)) * self.zoom


@dataclass(frozen=True)
class Backdrop:
    """The ground: a base colour plus one texture, and flat coloured zones in the room's corners."""

    colour: tuple[float, float, float]
    second: tuple[float, float, float]
    texture: str
    contrast: float
    frequency: float
    angle: float
    seed: int
    zones: tuple[tuple[float, float, float, float, float, float], ...]  # x, y, size, r, g, b
    frame_colour: tuple[float, float, float] | None  # the room's outline, where it is drawn
    wall_colour: tuple[float, float, float]


@dataclass(frozen=True)
class Appearance:
    """Everything visible that the trajectories leave open."""

    camera: Camera
    backdrop: Backdrop
    shapes: tuple[str, ...]  # one an entity
    colours: FloatArray  # (entities, 3)
    light: float
    light_slope: tuple[float, float]

    def __repr__(self) -> str:
        return f"Appearance({self.backdrop.texture}, shapes={self.shapes})"

    def describe(self) -> FloatArray:
        """Numbers that say how the clip looks: what an appearance pretext predicts."""
        back, cam = self.backdrop, self.camera
        texture = [float(back.texture == name) for name in TEXTURES]
        numbers = [
            *back.colour,
            *back.second,
            *texture,
            back.contrast,
            np.log(back.frequency),
            np.cos(2 * back.angle),
            np.sin(2 * back.angle),
            len(back.zones),
            float(back.frame_colour is not None),
            *back.wall_colour,
            cam.zoom,
            *cam.pan,
            *cam.drift,
            self.light,
            *self.light_slope,
            *self.colours[:3].ravel(),
            *[float(self.shapes[0] == s) for s in AGENT_SHAPES],
            *[float(self.shapes[1] == s) for s in AGENT_SHAPES],
        ]
        return np.array(numbers, dtype=np.float32)


def _hue_colour(rng: np.random.Generator, luminance: float, saturation: float) -> FloatArray:
    """A colour of about the given luminance; chroma in a random direction of the grey plane."""
    angle = rng.uniform(0, 2 * np.pi)
    first = np.array([1.0, -0.5, -0.5]) * np.cos(angle)
    second = np.array([0.0, 0.87, -0.87]) * np.sin(angle)
    return np.clip(luminance + saturation * (first + second), 0, 1)


def _as_colour(values: FloatArray) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue


def sample_backdrop(rng: np.random.Generator) -> Backdrop:
    """A random ground; mid luminance, so that light and dark agents both stand out."""
    base = rng.uniform(0.36, 0.62)
    colour = _hue_colour(rng, base, rng.uniform(0.02, 0.2))
    second = _hue_colour(rng, np.clip(base + rng.uniform(-0.1, 0.1), 0.33, 0.65), 0.15)
    zones = tuple(
        (
            *rng.uniform(-0.85, 0.85, 2),
            rng.uniform(0.15, 0.4),
            *_hue_colour(rng, rng.uniform(0.38, 0.6), rng.uniform(0.05, 0.2)),
        )
        for _ in range(rng.integers(0, 5))
    )
    framed = rng.random() < 0.6
    return Backdrop(
        colour=_as_colour(colour),
        second=_as_colour(second),
        texture=str(rng.choice(TEXTURES)),
        contrast=float(rng.uniform(0.02, 0.1)),
        frequency=float(np.exp(rng.uniform(np.log(1.5), np.log(6.0)))),
        angle=float(rng.uniform(0, np.pi)),
        seed=int(rng.integers(2**31)),
        zones=zones,
        frame_colour=_as_colour(_hue_colour(rng, rng.uniform(0.2, 0.75), 0.1)) if framed else None,
        wall_colour=_as_colour(_hue_colour(rng, rng.uniform(0.25, 0.72), 0.15)),
    )


def sample_appearance(
    rng: np.random.Generator,
    *,
    num_entities: int = 3,
    zoom_range: tuple[float, float] = (0.78, 0.98),
) -> Appearance:
    """A random look for a scene of two agents and `num_entities - 2` objects."""
    camera = Camera(
        zoom=float(rng.uniform(*zoom_range)),
        turn=float(rng.choice([0.0, 1.0, 2.0, 3.0]) * np.pi / 2 + rng.normal(0, 0.2)),
        mirrored=bool(rng.random() < 0.5),
        pan=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05))),
        drift=tuple(float(d) for d in rng.uniform(-0.12, 0.12, 2) * (rng.random() < 0.5)),  # type: ignore[arg-type]
    )
    light = _hue_colour(rng, rng.uniform(0.93, 0.98), rng.uniform(0, 0.06))
    dark = _hue_colour(rng, rng.uniform(0.03, 0.1), rng.uniform(0, 0.08))
    things = []
    for _ in range(num_entities - 2):
        warm = rng.random() < 0.5
        thing = np.array([0.95, 0.6, 0.05]) if warm else np.array([0.05, 0.65, 0.95])
        things.append(np.clip(thing + rng.normal(0, 0.05, 3), 0, 1))
    first, second = rng.choice(AGENT_SHAPES, 2)
    shapes = (
        str(first),
        str(second),
        *(str(s) for s in rng.choice(OBJECT_SHAPES, num_entities - 2)),
    )
    return Appearance(
        camera=camera,
        backdrop=sample_backdrop(rng),
        shapes=shapes,
        colours=np.stack([light, dark, *things]).astype(np.float32),
        light=float(rng.uniform(0.88, 1.05)),
        light_slope=(float(rng.uniform(-0.08, 0.08)), float(rng.uniform(-0.08, 0.08))),
    )
