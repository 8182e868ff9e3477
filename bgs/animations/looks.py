"""Named looks: the same motion as PHASE's bugs, as shapes in a house, as points of light, as plain discs.

    look = make_look("heider-simmel", scene)
    frames = render_scene(scene, look, size=224)  # uint8 (frames, 224, 224, 3)

A look says how what a scene contains is drawn; where it is drawn follows from the scene and the look's
camera. `random` is the demo's randomised `Appearance`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bgs.animations.appearance import Appearance, Camera, sample_appearance
from bgs.animations.scene import Scene
from bgs.animations.seeds import generator
from bgs.errors import BgsError

Colour = tuple[float, float, float]
Point = tuple[float, float]

RANDOM = "random"
_WHITE: Colour = (1.0, 1.0, 1.0)
_BLACK: Colour = (0.0, 0.0, 0.0)
_PAPER: Colour = (0.98, 0.98, 0.98)
# PHASE's own colours, as its generator names them.
PHASE_COLOURS: dict[str, Colour] = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "light blue": (117 / 255, 216 / 255, 230 / 255),
    "pink": (1.0, 153 / 255, 153 / 255),
}
_PHASE_AREAS: tuple[Colour, ...] = (
    (45 / 255, 45 / 255, 180 / 255),
    (50 / 255, 150 / 255, 50 / 255),
    (180 / 255, 45 / 255, 45 / 255),
    (180 / 255, 180 / 255, 45 / 255),
)
_PHASE_LENGTH = 1.128  # a trapezoid of half length 1 has the area of a circle of this radius


@dataclass(frozen=True)
class Part:
    """One shape of a body: lengths in radii of the entity, `ahead` along its heading, `aside` to its right."""

    shape: str
    colour: Colour
    scale: float = 1.0
    ahead: float = 0.0
    aside: float = 0.0


Body = tuple[Part, ...]


@dataclass(frozen=True)
class Line:
    """A line that stands still and is in nobody's way, such as a door; room halves."""

    start: Point
    end: Point


@dataclass(frozen=True)
class Look:
    """How everything in a scene is drawn; lengths in room halves."""

    name: str
    camera: Camera
    ground: Colour
    bodies: tuple[Body, ...]  # one an entity
    areas: tuple[Colour, ...] = ()  # squares around the landmarks, in their order; none: not drawn
    area_half_side: float = 0.25
    walls: Colour | None = _BLACK  # None: walls are not drawn
    wall_half_width: float = 0.0125
    house: tuple[Line, ...] = ()  # drawn like walls

    def __repr__(self) -> str:
        return f"Look({self.name!r}, entities={len(self.bodies)})"


def make_look(name: str, scene: Scene, *, seed: int = 0) -> Look | Appearance:
    """The look of that name for a scene; where two agents look different, `seed` says which is which."""
    if name == RANDOM:
        return sample_appearance(generator("look", seed), num_entities=scene.num_entities)
    if name not in _MAKERS:
        raise BgsError(
            f"{name!r} is not a look", remedy=f"the looks are {', '.join((*_MAKERS, RANDOM))}"
        )
    swapped = bool(generator("look", seed).random() < 0.5) if seed else False
    return _MAKERS[name](scene, swapped)


def name_colour(body: Body) -> str:
    """The nearest of PHASE's colour names, black and white."""
    named = PHASE_COLOURS | {"white": _WHITE, "black": _BLACK}
    colour = body[-1].colour if len(body) == 2 else body[0].colour  # the rim of two says nothing
    return min(named, key=lambda name: math.dist(named[name], colour))


def _bodies(scene: Scene, agents: tuple[Body, ...], things: tuple[Body, ...]) -> tuple[Body, ...]:
    """Bodies in the order of the scene's entities; further agents and objects repeat the given ones."""
    bodies: list[Body] = []
    for entity in range(scene.num_entities):
        acts = entity in scene.agents
        choices = agents if acts else things
        place = (scene.agents if acts else scene.objects).index(entity)
        bodies.append(choices[place % len(choices)])
    return tuple(bodies)


def _camera(zoom: float) -> Camera:
    return Camera(zoom=zoom, turn=0.0, mirrored=False, pan=(0.0, 0.0), drift=(0.0, 0.0))


def _box(half: float, *, door: float = 0.0) -> tuple[Line, ...]:
    """A square outline; `door` leaves a gap of that length in the right side, its door swung open."""
    if door == 0.0:
        gap_top = gap_bottom = half
    else:
        gap_top, gap_bottom = -0.55 * half, -0.55 * half + door
    lines = [
        Line((-half, -half), (half, -half)),
        Line((-half, half), (half, half)),
        Line((-half, -half), (-half, half)),
        Line((half, -half), (half, gap_top)),
    ]
    if door:
        hinge = (half, gap_bottom)
        leaf = (half + 0.5 * door, gap_bottom - 0.87 * door)  # opened by thirty degrees
        lines += [Line(hinge, (half, half)), Line(hinge, leaf)]
    return tuple(lines)


def _phase_agent(colour: Colour) -> Body:
    """A tapering body with two eyes at its front corners."""
    eyes = tuple(
        Part("circle", paint, scale=scale, ahead=ahead, aside=side * 0.62)
        for side in (-1, 1)
        for paint, scale, ahead in ((_BLACK, 0.45, 0.5), (_WHITE, 0.39, 0.5), (_BLACK, 0.3, 0.7))
    )
    return (Part("trapezoid", colour, scale=_PHASE_LENGTH), *eyes)


def _make_phase(scene: Scene, swapped: bool) -> Look:
    """PHASE's own look; a scene from PHASE names the colours of its entities."""
    default = ("green", "red") if swapped else ("red", "green")
    names = scene.metadata.get("colours", (*default, "light blue", "pink"))
    agents = tuple(_phase_agent(PHASE_COLOURS[name]) for name in names[:2])
    things = tuple((Part("circle", PHASE_COLOURS[name]),) for name in names[2:])
    return Look(
        "phase", _camera(0.985), _WHITE, _bodies(scene, agents, things), _PHASE_AREAS, house=_box(1)
    )


def _make_heider_simmel(scene: Scene, swapped: bool) -> Look:
    """Black shapes on white: who acts is filled, what is moved is an outline; the room is a house."""
    agents: tuple[Body, ...] = tuple(  # a pale rim keeps two black shapes apart where they touch
        (Part(shape, _PAPER, scale=1.08 * scale), Part(shape, _BLACK, scale=scale))
        for shape, scale in (("triangle", 1.1), ("circle", 1.0))
    )
    things: tuple[Body, ...] = tuple(
        (Part(shape, _BLACK), Part(shape, _PAPER, scale=0.72)) for shape in ("square", "circle")
    )
    return Look(
        "heider-simmel",
        _camera(0.84),
        _PAPER,
        _bodies(scene, agents[::-1] if swapped else agents, things),
        wall_half_width=0.016,
        house=_box(1.0, door=0.3),
    )


def _make_points(scene: Scene, swapped: bool) -> Look:
    """Three points of light an agent, one in front, and one dimmer point an object; no walls."""
    del swapped  # agents look alike
    light: Colour = (0.97, 0.97, 0.97)
    places = ((0.85, 0.0), (-0.5, 0.7), (-0.5, -0.7))
    agent = tuple(Part("circle", light, 0.26, ahead, aside) for ahead, aside in places)
    thing = (Part("circle", (0.6, 0.6, 0.6), 0.32),)
    return Look("points", _camera(0.985), _BLACK, _bodies(scene, (agent,), (thing,)), walls=None)


def _make_discs(scene: Scene, swapped: bool) -> Look:
    """A light and a dark disc, mid-grey things, on grey: position is all that can be seen of a body."""
    tones = (0.06, 0.95) if swapped else (0.95, 0.06)
    agents: tuple[Body, ...] = tuple((Part("circle", (tone, tone, tone)),) for tone in tones)
    things: tuple[Body, ...] = (
        (Part("circle", (0.66, 0.66, 0.66)),),
        (Part("circle", (0.34,) * 3),),
    )
    return Look(
        "discs",
        _camera(0.985),
        (0.5, 0.5, 0.5),
        _bodies(scene, agents, things),
        walls=(0.25, 0.25, 0.25),
        house=_box(1.0),
    )


_MAKERS: dict[str, Callable[[Scene, bool], Look]] = {
    "phase": _make_phase,
    "heider-simmel": _make_heider_simmel,
    "points": _make_points,
    "discs": _make_discs,
}
LOOKS = (*_MAKERS, RANDOM)
