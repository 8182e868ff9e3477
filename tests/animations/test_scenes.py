"""Scenes refuse what cannot be a scene, and say why."""

import re

import numpy as np
import pytest

from bgs.animations.scene import Scene
from bgs.errors import BgsError


def parts(**changes: object) -> dict[str, object]:
    steps = 5
    whole: dict[str, object] = {
        "positions": np.zeros((3, steps, 2), np.float32),
        "headings": np.zeros((3, steps), np.float32),
        "sizes": np.full(3, 0.1, np.float32),
    }
    return whole | changes


def test_repr_shows_shapes():
    assert repr(Scene(**parts())) == (
        "Scene(entities=3, agents=2, steps=5, seconds=0.2, walls=0, landmarks=0, relation=None)"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"positions": np.zeros((3, 5, 3))},
            "scene positions have shape (3, 5, 3), not (entities, steps >= 2, 2); "
            "pass x and y of every entity at two steps or more",
        ),
        (
            {"positions": np.full((3, 5, 2), np.nan)},
            "scene positions contain values that are not finite; "
            "remove or interpolate the missing positions first",
        ),
        (
            {
                "positions": np.zeros((1, 5, 2)),
                "headings": np.zeros((1, 5)),
                "sizes": np.ones(1),
            },
            "scene has 1 entities but its agents are (0, 1); "
            "a scene needs at least two agents among its entities",
        ),
        (
            {"walls": np.zeros((1, 2))},
            "scene walls have shape (2,), expected (2, 2); give walls that agree with positions (3, 5, 2)",
        ),
        (
            {"sizes": np.zeros(3)},
            "scene sizes and steps_per_second must be above 0; "
            "give every entity a radius and the scene a rate",
        ),
    ],
)
def test_impossible_scenes_are_refused(changes, message):
    with pytest.raises(BgsError, match=f"^{re.escape(message)}$"):
        Scene(**parts(**changes))


def test_positions_between_steps_are_interpolated():
    positions = np.zeros((2, 3, 2), np.float32)
    positions[0, :, 0] = [0, 1, 2]
    scene = Scene(positions, np.zeros((2, 3)), np.ones(2), steps_per_second=1.0)
    places, _ = scene.at(np.array([1.0]))
    assert places[0, 0, 0] == pytest.approx(0.5)


def test_headings_turn_the_short_way_round():
    headings = np.array([[3.0, -3.0], [0.0, 0.0]])
    scene = Scene(np.zeros((2, 2, 2)), headings, np.ones(2), steps_per_second=1.0)
    _, angles = scene.at(np.array([1.0]))
    assert abs(angles[0, 0]) == pytest.approx(np.pi, abs=1e-6)
