"""The simulated world is repeatable, stays inside its walls, and its relations differ as named."""

import numpy as np
import pytest

from bgs.animations.behaviours import RELATIONS, ROAM, join_controls, sample_controls
from bgs.animations.latents import SOCIAL_VARIABLES, social_variables, trajectory_features
from bgs.animations.physics import Motion, scene_of, simulate_motion
from bgs.animations.seeds import PURPOSES, generator

EACH = 60
NAMES = list(SOCIAL_VARIABLES)


def run(seed: int) -> Motion:
    rng = generator("test", seed)
    controls = join_controls([sample_controls(name, EACH, rng=rng) for name in (*RELATIONS, ROAM)])
    return simulate_motion(controls, rng=rng)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return run(0)


@pytest.fixture(scope="module")
def variables(motion) -> dict[str, dict[str, float]]:
    still = np.where(motion.present[..., None, None], motion.positions, 0)
    values = social_variables(still, motion.radii, steps_per_second=motion.steps_per_second)
    means = values.reshape(-1, EACH, len(NAMES)).mean(axis=1)
    return {r: dict(zip(NAMES, row, strict=True)) for r, row in zip(RELATIONS, means, strict=False)}


def test_the_same_seed_gives_the_same_motion(motion):
    again = run(0)
    np.testing.assert_array_equal(again.positions, motion.positions)
    assert not np.array_equal(run(1).positions, motion.positions)


def test_bodies_stay_in_the_room_and_finite(motion):
    assert np.isfinite(motion.positions).all()
    assert np.abs(motion.positions).max() <= 1.0


def test_agents_do_not_walk_through_inner_walls(motion):
    walled = np.isfinite(motion.walls[:, 0]).all(axis=(1, 2))
    start, end = motion.walls[walled, 0, None, None, 0], motion.walls[walled, 0, None, None, 1]
    places = motion.positions[walled, :2]
    along = end - start
    t = np.clip(((places - start) * along).sum(-1) / (along**2).sum(-1), 0, 1)
    distance = np.linalg.norm(places - start - t[..., None] * along, axis=-1)
    inside = distance < 0.6 * motion.radii[walled, :2, None]
    assert inside.mean() < 0.01


@pytest.mark.parametrize(
    ("variable", "high", "low"),
    [
        ("chase", "chase", "ignore"),
        ("proximity", "fight", "avoid"),
        ("contact", "comfort", "avoid"),
        ("object_moved", "help", "chase"),
        ("tempo", "chase", "comfort"),
        ("imbalance", "comfort", "fight"),
        ("synchrony", "follow", "fight"),
        ("agitation", "fight", "comfort"),
    ],
)
def test_relations_are_separable_in_the_latents(variables, variable, high, low):
    assert variables[high][variable] > variables[low][variable] + 0.1


def test_latents_match_a_hand_computed_clip():
    steps = 49
    time = np.arange(steps) / 24
    positions = np.zeros((1, 3, steps, 2))
    positions[0, 0, :, 0] = time - 1  # runs right at 1 room half a second
    positions[0, 1, :, 0] = time - 0.5  # runs ahead at the same pace, half a room half in front
    values = social_variables(positions, np.array([[0.1, 0.2, 0.1]]), steps_per_second=24)
    found = dict(zip(NAMES, values[0], strict=True))
    assert found["proximity"] == pytest.approx(np.exp(-0.2 / 0.5))
    assert found["chase"] == pytest.approx(1 / 1.2, rel=1e-4)
    assert found["tempo"] == pytest.approx(np.log(1.1))
    assert found["synchrony"] == pytest.approx(1 / 1.04, rel=1e-4)
    assert found["size_asymmetry"] == pytest.approx(np.log(2))
    assert found["withdrawal"] == pytest.approx(0, abs=1e-9)
    assert found["object_moved"] == 0
    assert found["contact"] == 0


def test_latents_do_not_depend_on_which_agent_comes_first(motion):
    swapped = [1, 0, 2]
    values = social_variables(motion.positions, motion.radii, steps_per_second=24)
    other = social_variables(
        motion.positions[:, swapped], motion.radii[:, swapped], steps_per_second=24
    )
    np.testing.assert_allclose(values, other, rtol=1e-4, atol=1e-4)


def test_trajectory_features_are_finite_with_and_without_an_object(motion):
    for clip in (0, 1, 2, 3):
        assert np.isfinite(trajectory_features(scene_of(motion, clip))).all()


def test_random_streams_of_different_purposes_differ():
    draws = {name: generator(name, 7).random() for name in PURPOSES}
    assert len(set(draws.values())) == len(PURPOSES)
