"""What the two agents want: nine social relations as continuous steering settings.

A relation is not a script. It is a range for each setting of one steering controller (how strongly
an agent approaches the other, from what distance, how fast, how much it copies, whether it works on
an object, ...), so clips of one relation differ as freely as clips of different relations resemble
each other, and a mixture of settings that belongs to no relation is as easy to make as a chase.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
Range = tuple[float, float]
Ranges = dict[str, tuple[Range, Range]]

RELATIONS = (
    "chase",
    "flee",
    "follow",
    "help",
    "hinder",
    "fight",
    "comfort",
    "avoid",
    "ignore",
)
ROAM = "roam"  # settings drawn freely, outside any relation: used for pre-training only

WARMTH: dict[str, float] = {  # how friendly a relation is; what is not named is neutral
    "help": 1.2,
    "comfort": 1.2,
    "follow": 0.3,
    "hinder": -1.0,
    "fight": -1.5,
    "chase": -0.8,
    "flee": -1.0,
    "avoid": -0.4,
}
_CLEARLY = 0.6  # warmth beyond which a relation is called friendly or adversarial

_DEFAULTS: dict[str, Range] = {
    "speed": (0.8, 1.0),  # share of the clip's tempo
    "approach": (0.0, 0.0),  # > 0 seeks the other, < 0 flees it
    "standoff": (0.0, 0.0),  # gap at which approaching stops, in room halves
    "sight": (3.0, 3.0),  # approach only acts within this distance
    "wander": (0.0, 0.0),  # walking from one own waypoint to the next
    "match": (0.0, 0.0),  # copying the other's velocity
    "orbit": (0.0, 0.0),  # circling the other
    "push": (0.0, 0.0),  # bringing the object to a goal (< 0: to the opposite place)
    "strike": (0.0, 0.0),  # lunging and recoiling
    "strike_hz": (1.0, 2.5),
    "agility": (5.0, 9.0),  # how fast velocity follows intention, 1/s
    "delay": (0.0, 0.1),  # reaction time to the other, seconds
}
_NONE: Range = (0.0, 0.0)
_PRESETS: dict[str, Ranges] = {
    "chase": {
        "approach": ((0.9, 1.2), (-1.2, -0.7)),
        "wander": (_NONE, (0.3, 0.8)),
        "speed": ((0.85, 1.1), (0.85, 1.1)),
    },
    "flee": {
        "approach": ((-1.3, -0.9), (0.0, 0.6)),
        "wander": ((0.3, 0.8), (0.1, 0.4)),
        "speed": ((0.8, 1.1), (0.15, 0.5)),
    },
    "follow": {
        "approach": ((0.8, 1.1), _NONE),
        "standoff": ((0.15, 0.5), _NONE),
        "match": ((0.2, 0.8), _NONE),
        "wander": (_NONE, (0.9, 1.1)),
        "speed": ((0.7, 0.9), (0.6, 0.8)),
        "delay": ((0.05, 0.35), (0.0, 0.1)),
    },
    "help": {
        "push": ((0.9, 1.1), (0.8, 1.1)),
        "speed": ((0.6, 0.9), (0.6, 0.9)),
    },
    "hinder": {
        "push": ((0.9, 1.1), (-1.1, -0.7)),
        "approach": (_NONE, (0.0, 0.3)),
        "speed": ((0.6, 0.9), (0.6, 1.0)),
    },
    "fight": {
        "approach": ((0.6, 1.0), (0.4, 1.0)),
        "strike": ((0.8, 1.6), (0.8, 1.6)),
        "speed": ((0.8, 1.1), (0.8, 1.1)),
        "agility": ((8.0, 14.0), (8.0, 14.0)),
    },
    "comfort": {
        "approach": ((0.8, 1.0), (0.0, 0.1)),
        "speed": ((0.35, 0.6), (0.05, 0.2)),
        "wander": (_NONE, (0.3, 0.6)),
        "orbit": ((0.0, 0.2), _NONE),
    },
    "avoid": {
        "approach": ((-1.4, -0.9), (-1.4, -0.9)),
        "sight": ((0.8, 1.3), (0.8, 1.3)),
        "wander": ((0.7, 1.0), (0.7, 1.0)),
        "speed": ((0.6, 0.9), (0.6, 0.9)),
    },
    "ignore": {
        "wander": ((0.9, 1.1), (0.9, 1.1)),
        "speed": ((0.4, 0.9), (0.4, 0.9)),
    },
}
_ROAM: dict[str, Range] = {
    "speed": (0.1, 1.1),
    "approach": (-1.2, 1.2),
    "standoff": (0.0, 0.5),
    "sight": (0.6, 3.0),
    "wander": (0.0, 1.0),
    "match": (-0.8, 1.2),
    "orbit": (-1.0, 1.0),
    "push": (-1.0, 1.0),
    "strike": (0.0, 1.2),
    "agility": (4.0, 12.0),
    "delay": (0.0, 0.35),
}
_START_GAP: dict[str, Range] = {
    "chase": (0.2, 0.9),
    "flee": (0.05, 0.6),
    "fight": (0.0, 0.6),
    "comfort": (0.1, 1.0),
    "follow": (0.2, 0.9),
}
DEMO_TEMPO: Range = (0.9, 4.5)  # room halves a second
PHASE_TEMPO: Range = (1.6, 5.5)  # in a room where a clip takes 12 seconds to happen
WIDE_TEMPO: Range = (0.8, 8.0)  # reaches beyond PHASE's fastest clips: for pre-training
_CALM = {"comfort": 0.6, "ignore": 0.8, "fight": 1.1}  # tempo factor


def valence_of(relation: str) -> str:
    """What a relation is: friendly, neutral or adversarial."""
    warmth = WARMTH.get(relation, 0.0)
    if abs(warmth) < _CLEARLY:
        return "neutral"
    return "friendly" if warmth > 0 else "adversarial"


@dataclass(frozen=True)
class Controls:
    """Steering settings of many clips at once; every array is (clips, 2) unless said otherwise."""

    speed: FloatArray
    approach: FloatArray
    standoff: FloatArray
    sight: FloatArray
    wander: FloatArray
    match: FloatArray
    orbit: FloatArray
    push: FloatArray
    strike: FloatArray
    strike_hz: FloatArray
    agility: FloatArray
    delay: FloatArray
    start_gap: FloatArray  # (clips,)

    def __repr__(self) -> str:
        return f"Controls(clips={len(self.speed)})"

    def take(self, index: NDArray[np.integer]) -> Controls:
        """The settings of a subset of clips, in the given order."""
        return Controls(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def sample_controls(
    relation: str, count: int, *, rng: np.random.Generator, tempo_range: Range = DEMO_TEMPO
) -> Controls:
    """Settings for `count` clips of one relation (or of `ROAM`); who plays which part is random."""
    values = {name: np.empty((count, 2)) for name in _DEFAULTS}
    preset = _PRESETS.get(relation, {})
    for name, default in _DEFAULTS.items():
        ranges = preset.get(name, (default, default))
        if relation == ROAM and name in _ROAM:
            ranges = (_ROAM[name], _ROAM[name])
        for agent, (low, high) in enumerate(ranges):
            values[name][:, agent] = rng.uniform(low, high, count)
    if relation == ROAM:
        for name in ("approach", "wander", "match", "orbit", "push", "strike"):
            values[name] *= rng.random((count, 2)) < 0.4
    tempo = np.exp(rng.uniform(np.log(tempo_range[0]), np.log(tempo_range[1]), count)) * _CALM.get(
        relation, 1.0
    )
    values["speed"] *= tempo[:, None]
    swap = rng.random(count) < 0.5
    for name in values:
        values[name][swap] = values[name][swap, ::-1]
    start_gap = rng.uniform(*_START_GAP.get(relation, (0.15, 1.3)), count)
    return Controls(**values, start_gap=start_gap)


def join_controls(parts: list[Controls]) -> Controls:
    """One batch out of several."""
    return Controls(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Controls)}
    )
