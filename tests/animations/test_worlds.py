"""Rooms like PHASE's: nothing passes a wall, things are carried, statistics match, valence is as meant."""

import numpy as np
import pytest

from bgs.animations.behaviours import RELATIONS, WARMTH, valence_of
from bgs.animations.captions import simulate_votes
from bgs.animations.demo import DemoWorld, simulate_demo, simulate_scenes
from bgs.animations.errands import Errands
from bgs.animations.geometry import VALENCE_GEOMETRY
from bgs.animations.marginals import MARGINALS, compare_marginals, motion_marginals
from bgs.animations.phase_set import RELATIONS as VOTES
from bgs.animations.phase_set import load_phase
from bgs.animations.routes import find_detours
from bgs.animations.scene import Scene
from bgs.errors import BgsError


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return simulate_scenes(5, 90, style="demo-phase")


@pytest.fixture(scope="module")
def world() -> DemoWorld:
    return simulate_demo(seed=5, num_clips=45, num_test=12, mixed=60, style="demo-phase")


def test_bodies_stay_in_the_room_and_off_the_walls(scenes):
    for scene in scenes:
        limit = 1 - scene.sizes[:, None, None]
        assert (np.abs(scene.positions) <= limit + 1e-4).all()
        for start, end in scene.walls:
            along = end - start
            t = np.clip(((scene.positions - start) @ along) / (along @ along), 0, 1)
            apart = np.linalg.norm(scene.positions - (start + t[..., None] * along), axis=-1)
            assert (apart > 0.3 * scene.sizes[:, None]).mean() > 0.995  # squeezed, never through


def test_a_clip_lasts_three_seconds_in_a_room_with_corners(scenes):
    assert {scene.seconds for scene in scenes} == {3.0}
    assert all(scene.landmarks.shape == (4, 2) for scene in scenes)
    assert all(scene.num_entities == 4 for scene in scenes)
    assert {scene.relation for scene in scenes} == set(RELATIONS)


def test_helpers_bring_a_thing_to_a_corner_more_often_than_not(scenes):
    moved = {name: [] for name in ("help", "comfort")}
    for scene in scenes:
        if scene.relation in moved:
            path = np.linalg.norm(np.diff(scene.positions[2:], axis=1), axis=-1).sum(axis=1)
            moved[scene.relation].append(path[0] > 0.5)
    assert np.mean(moved["help"]) > 0.6


def test_a_wall_in_the_way_is_passed_at_its_open_end():
    walls = np.array([[[[0.0, 0.0], [0.0, 0.5]], [[np.nan] * 2] * 2]])
    places = np.array([[[-0.5, 0.3], [-0.5, -0.3]]])
    aims = np.array([[[0.5, 0.3], [0.5, -0.3]]])
    towards = find_detours(places, aims, walls)
    np.testing.assert_allclose(towards[0, 0], [0.0, 0.67], atol=1e-6)
    np.testing.assert_allclose(towards[0, 1], [0.5, -0.3])  # nothing in its way
    closed = np.array([[[[0.0, 0.0], [0.0, 1.0]]]])
    np.testing.assert_allclose(find_detours(places, aims, closed)[0, 0], [0.0, -0.17], atol=1e-6)


def test_errands_need_corners():
    with pytest.raises(ValueError, match="the world 'bare' has no corners to carry things to"):
        Errands(
            None, layout=None, world=type("W", (), {"name": "bare", "landmarks": None}), rng=None
        )


def test_marginals_of_a_walk_that_can_be_worked_out():
    steps = 480
    positions = np.zeros((3, steps, 2), np.float32)
    half = steps // 2
    positions[0, :half, 0] = np.linspace(-0.5, 0.5, half)  # one room half, then a rest
    positions[0, half:, 0] = 0.5
    positions[1, :, 1] = 0.9
    positions[2, :, 0] = 0.5
    scene = Scene(
        positions,
        np.zeros((3, steps), np.float32),
        np.array([0.1, 0.1, 0.2], np.float32),
        walls=np.array([[[0.0, -1.0], [0.0, -0.5]]], np.float32),
        steps_per_second=160.0,
    )
    row = motion_marginals([scene]).iloc[0]
    assert list(row.index) == list(MARGINALS)
    assert row["travel"] == pytest.approx(0.5, rel=0.02)  # of two agents, one walked 1
    assert row["travel_ratio"] == 0.0
    assert row["speed_p90"] == pytest.approx(2.0, rel=0.03)  # one room half in half a clip
    assert row["resting"] == pytest.approx(0.75, abs=0.02)
    assert row["contact"] == 0.0
    assert row["object_contact"] == pytest.approx(0.5 + 0.33 / 2, abs=0.03)
    assert (row["walls"], row["wall_length"]) == (1, 0.5)


def test_simulated_motion_matches_phase_far_better_than_the_demo_does(shared_data, scenes):
    real = motion_marginals(load_phase(shared_data / "phase60").scenes.values()).median()
    near = motion_marginals(scenes).median()
    far = motion_marginals(simulate_scenes(5, 90)).median()
    for name in ("travel", "speed_p90", "object_travel", "agent_radius", "walls", "wall_length"):
        bound = 0.7 if name == "object_travel" else 0.35  # a few things are carried very far
        assert abs(near[name] - real[name]) < bound * real[name], name
        assert abs(near[name] - real[name]) < abs(far[name] - real[name]), name
    assert abs(near["resting"] - real["resting"]) < 0.12
    table = compare_marginals({"simulated": scenes})
    assert list(table.index) == list(MARGINALS)


def test_every_relation_has_a_valence():
    assert {name: valence_of(name) for name in RELATIONS} == {
        "chase": "adversarial",
        "flee": "adversarial",
        "follow": "neutral",
        "help": "friendly",
        "hinder": "adversarial",
        "fight": "adversarial",
        "comfort": "friendly",
        "avoid": "neutral",
        "ignore": "neutral",
    }


def test_votes_lean_with_warmth():
    relations = ["help"] * 400 + ["ignore"] * 400 + ["fight"] * 400
    votes = simulate_votes(relations, rng=np.random.default_rng(0))
    assert (votes.sum(axis=1) == 15).all()
    shares = votes.reshape(3, 400, 3).mean(axis=1) / 15
    assert [int(row.argmax()) for row in shares] == [0, 1, 2]
    assert shares[0, 0] > 0.7
    assert 0.005 < shares[0, 2] < 0.2  # not everybody agrees


def test_the_world_of_valence_is_complete_and_repeatable(world):
    assert world.name == "demo-phase"
    assert repr(world).startswith("DemoWorld(seed=5, clips=45, test=12")
    again = simulate_demo(seed=5, num_clips=45, num_test=12, mixed=60, style="demo-phase")
    assert again.judgments.equals(world.judgments)
    assert again.looks == world.looks
    assert set(VOTES) < set(world.ratings.columns)
    assert (world.ratings["label"] == world.ratings["relation"].map(valence_of)).all()
    latent = world.latents[[f"latent_{name}" for name in VALENCE_GEOMETRY]]
    warmth = world.ratings["relation"].map(lambda name: WARMTH.get(name, 0.0))
    assert latent["latent_valence"].corr(warmth) == pytest.approx(1.0)
    share = latent.var() / latent.var().sum()
    assert share.idxmax() == "latent_valence"
    assert 0.3 < share.max() < 0.7
    named = world.captions["caption"].str.contains(" red one| green one", case=False)
    assert named.mean() > 0.4


def test_unknown_styles_are_refused():
    with pytest.raises(
        BgsError, match="'film' is no simulated data set; the styles are demo, demo"
    ):
        simulate_demo(seed=0, style="film")
