"""What simulated viewers write and feel about a clip: one caption, five ratings.

Captions are imperfect on purpose, like people's: they vary in wording, leave things out, name the
scenery, and now and then mistake one relation for a neighbouring one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bgs.animations.appearance import Appearance
from bgs.animations.behaviours import WARMTH, FloatArray
from bgs.animations.looks import Look, name_colour
from bgs.animations.placing import AnyLook
from bgs.animations.scene import Scene

RATINGS = ("valence", "arousal", "dominance", "communication", "intimacy")

_PHRASES: dict[str, tuple[str, ...]] = {
    "chase": (
        "{a} chases {b} around",
        "{a} is running after {b}, which tries to get away",
        "{b} is being hunted by {a}",
    ),
    "flee": (
        "{a} runs away from {b}",
        "{a} is scared of {b} and escapes",
        "{b} stays behind while {a} flees",
    ),
    "follow": (
        "{a} follows {b} at a distance",
        "{a} trails behind {b}",
        "{b} leads the way and {a} comes along",
    ),
    "help": (
        "{a} and {b} push {o} together",
        "{b} helps {a} to move {o}",
        "the two work together on {o}",
    ),
    "hinder": (
        "{a} tries to move {o} but {b} blocks it",
        "{b} gets in the way of {a} and {o}",
        "{a} and {b} struggle over {o}",
    ),
    "fight": (
        "{a} and {b} are fighting",
        "{a} keeps hitting {b}",
        "the two shapes bump into each other again and again",
    ),
    "comfort": (
        "{a} gently goes up to {b} and stays close",
        "{a} comforts {b}",
        "{a} slowly moves next to {b}",
    ),
    "avoid": (
        "{a} and {b} keep away from each other",
        "{a} and {b} move around but never come close",
        "{b} steers clear of {a}",
    ),
    "ignore": (
        "{a} and {b} each go their own way",
        "{a} and {b} wander around without noticing each other",
        "the two shapes move about on their own",
    ),
}
_NEIGHBOURS = {
    "chase": "follow",
    "follow": "chase",
    "flee": "avoid",
    "avoid": "ignore",
    "ignore": "avoid",
    "help": "hinder",
    "hinder": "fight",
    "fight": "hinder",
    "comfort": "follow",
}
_HUES = ("red", "yellow", "green", "turquoise", "blue", "purple")
_MISTAKE = 0.12


def _ground_name(look: Appearance) -> str:
    red, green, blue = look.backdrop.colour
    spread = max(red, green, blue) - min(red, green, blue)
    if spread < 0.12:
        return "grey"
    angle = np.arctan2(0.87 * (green - blue), red - 0.5 * (green + blue))
    return _HUES[int(np.round(angle / (np.pi / 3))) % 6]


def _scenery(scene: Scene, look: AnyLook, rng: np.random.Generator) -> str:
    if isinstance(look, Look):
        options = ["in a white room", "between four coloured corners"]
        return str(rng.choice([*options, "near a wall"] if len(scene.walls) else options))
    texture = {"stripes": "striped ", "checks": "checkered ", "clouds": "cloudy "}
    ground = f"{texture.get(look.backdrop.texture, '')}{_ground_name(look)}"
    options = [f"on a {ground} background", f"in a {_ground_name(look)} room"]
    if len(scene.walls):
        options.append("near a wall")
    if look.backdrop.zones:
        options.append(f"in front of some coloured squares on {_ground_name(look)}")
    return str(rng.choice(options))


def _names(scene: Scene, look: AnyLook) -> tuple[str, str, str]:
    """What to call the two agents and the first object."""
    if isinstance(look, Look):
        first, second = (name_colour(look.bodies[k]) for k in scene.agents[:2])
        thing = f"the {name_colour(look.bodies[scene.objects[0]])} one" if scene.objects else "it"
        return f"the {first} one", f"the {second} one", thing
    thing = "a small object"
    if scene.objects:
        colour = look.colours[scene.objects[0]]
        thing = f"the {'orange' if colour[0] > colour[2] else 'blue'} {look.shapes[2]}"
    return f"the white {look.shapes[0]}", f"the black {look.shapes[1]}", thing


def write_caption(scene: Scene, look: AnyLook, *, rng: np.random.Generator) -> str:
    """One sentence about a clip, as a person with little time would write it."""
    relation = scene.relation or "ignore"
    if rng.random() < _MISTAKE:
        relation = _NEIGHBOURS[relation]
    first, second, thing = _names(scene, look)
    if rng.random() < 0.3:
        first, second = "one shape", "the other"
    if rng.random() < 0.5:
        first, second = second, first
    text = str(rng.choice(_PHRASES[relation])).format(a=first, b=second, o=thing)
    speed = _pace(scene)
    if speed and rng.random() < 0.5:
        text = f"{text} {speed}"
    if rng.random() < 0.6:
        text = f"{text} {_scenery(scene, look, rng)}"
    return text[0].upper() + text[1:] + "."


def _pace(scene: Scene) -> str:
    agents = scene.positions[list(scene.agents)]
    path = np.linalg.norm(np.diff(agents, axis=1), axis=-1).sum(axis=1).mean() / scene.seconds
    return "very fast" if path > 1.4 else "slowly" if path < 0.4 else ""


def simulate_votes(
    relations: list[str], *, rng: np.random.Generator, people: int = 15
) -> NDArray[np.int64]:
    """How many simulated viewers call each clip friendly, neutral, adversarial: (clips, 3).

    Viewers agree on a clip as far as its relation is warm or hostile, and on some clips more than on others.
    """
    warmth = np.array([WARMTH.get(name, 0.0) for name in relations])
    seen = warmth + rng.normal(0, 0.5, len(warmth))
    pull = np.stack([2.2 * seen, np.full(len(seen), 0.8), -2.2 * seen], axis=1)
    shares = np.exp(pull - pull.max(axis=1, keepdims=True))
    return rng.multinomial(people, shares / shares.sum(axis=1, keepdims=True))


def simulate_ratings(
    latents: dict[str, FloatArray], *, relations: list[str], rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Noisy ratings in 0..1 a clip, from its social variables (z-scored here) and its relation."""
    z = {k: (v - v.mean()) / (v.std() + 1e-9) for k, v in latents.items()}
    warmth = np.array([WARMTH.get(name, 0.0) for name in relations])
    score = {
        "valence": warmth + 0.2 * z["synchrony"],
        "arousal": z["tempo"] + 0.4 * z["agitation"] + 0.4 * z["chase"],
        "dominance": 0.7 * z["size_asymmetry"] + 0.8 * z["chase"] + 0.5 * z["imbalance"],
        "communication": 0.7 * z["proximity"] + 0.6 * z["synchrony"] + 0.4 * z["object_moved"],
        "intimacy": 0.9 * z["proximity"] + 0.5 * warmth - 0.3 * z["agitation"],
    }
    noisy = {k: v + rng.normal(0, 0.5, len(v)) for k, v in score.items()}
    return {name: np.round(1 / (1 + np.exp(-noisy[name])), 3) for name in RATINGS}
