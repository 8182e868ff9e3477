"""The simulated data set: same seed, same world; splits kept apart; every file says what it is."""

import re

import numpy as np
import pandas as pd
import pytest

from bgs.animations.captions import RATINGS
from bgs.animations.demo import DemoWorld, simulate_demo
from bgs.animations.demo_files import write_demo
from bgs.animations.geometry import GEOMETRY
from bgs.animations.latents import FEATURES, SOCIAL_VARIABLES
from bgs.errors import BgsError

SHOWN = ["clip_1", "clip_2", "clip_3"]


def small(seed: int = 3) -> DemoWorld:
    return simulate_demo(seed=seed, num_clips=45, num_test=12, num_participants=30, mixed=60)


@pytest.fixture(scope="module")
def world() -> DemoWorld:
    return small()


def test_the_same_seed_gives_the_same_world(world):
    again = small()
    pd.testing.assert_frame_equal(again.judgments, world.judgments)
    pd.testing.assert_frame_equal(again.captions, world.captions)
    pd.testing.assert_frame_equal(again.latents, world.latents)
    assert not small(4).judgments.equals(world.judgments)
    assert repr(world).startswith("DemoWorld(seed=3, clips=45, test=12, judgments=")


def test_most_judgments_stay_within_a_split_and_test_pairs_are_seen_often(world):
    test = set(world.split.loc[world.split["split"] == "test", "clip"])
    distinct = world.judgments[SHOWN].nunique(axis=1) == 3
    inside = world.judgments.loc[distinct, SHOWN].isin(test).sum(axis=1)
    assert len(test) == 12
    assert inside.isin([1, 2]).sum() <= 60
    assert (inside == 3).sum() * 3 >= 12 * 11 / 2 * 4.9
    assert (~distinct).sum() == pytest.approx(0.03 * distinct.sum(), abs=1)


def test_the_odd_clip_is_one_of_the_three_and_its_place_is_even(world):
    shown = world.judgments[SHOWN].to_numpy()
    odd = world.judgments["odd"].to_numpy()
    distinct = world.judgments[SHOWN].nunique(axis=1).to_numpy() == 3
    hits = shown == odd[:, None]
    assert hits.any(axis=1).all()
    np.testing.assert_allclose(hits[distinct].mean(axis=0), 1 / 3, atol=0.06)


def test_captions_and_ratings_are_plausible(world):
    assert world.captions["caption"].nunique() > 30
    assert world.captions["caption"].str.endswith(".").all()
    values = world.ratings[list(RATINGS)]
    assert values.to_numpy().min() >= 0
    assert values.to_numpy().max() <= 1
    assert (values.std() > 0.1).all()


def test_no_single_variable_carries_the_geometry(world):
    points = world.latents[[f"latent_{name}" for name in GEOMETRY]].to_numpy()
    share = points.var(axis=0) / points.var(axis=0).sum()
    assert share.max() < 0.35


def test_files_are_complete_and_say_that_they_are_simulated(world, tmp_path):
    seen: list[tuple[int, int]] = []
    videos, triplets = write_demo(
        world, tmp_path / "videos", tmp_path / "triplets", progress=lambda *now: seen.append(now)
    )
    assert seen[-1] == (45, 45)
    clips = pd.read_csv(videos / "clips.csv")
    assert list(clips.columns) == ["clip", "caption", *RATINGS, "split"]
    assert all((videos / f"{clip}.mp4").stat().st_size > 1000 for clip in clips["clip"])
    latents = pd.read_csv(videos / "latents.csv")
    assert list(latents.columns) == ["clip", *SOCIAL_VARIABLES, *(f"latent_{g}" for g in GEOMETRY)]
    with np.load(videos / "features.npz") as features:
        assert features["embeddings"].shape == (45, len(FEATURES))
        assert list(features["ids"]) == world.clips
    with np.load(videos / "trajectories.npz") as motions:
        assert motions["demo_0000"].shape[1:] == (72, 2)
    judgments = pd.read_csv(triplets / "judgments.csv")
    columns = [*SHOWN, "odd", "participant", "session", "trial", "response_time"]
    assert list(judgments.columns) == columns
    assert judgments["participant"].str.startswith("sim_p").all()
    for folder in (videos, triplets):
        assert (folder / "README.txt").read_text().startswith("Simulated data: nothing in this")


def test_an_impossible_split_is_refused():
    message = "9 test clips out of 10; leave at least 3 clips on either side of the split"
    with pytest.raises(BgsError, match=f"^{re.escape(message)}$"):
        simulate_demo(seed=0, num_clips=10, num_test=9)
