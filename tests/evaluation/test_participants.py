"""Intervals over people cover what other people would say."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.participants import participant_interval
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM


def test_coverage_over_fresh_people(new_world):
    """The clips stay; 200 times other people judge them."""
    world = new_world(16, seed=3)
    noise = np.random.default_rng(4).normal(size=world.latent.shape)
    model = RDM.from_embeddings(world.ids, world.latent + noise)
    truth = np.mean([correlate(model, world.judge(500, seed=s).rdm()) for s in range(1000, 1100)])
    covered = 0
    for seed in range(200):
        low, high = participant_interval(
            model, world.judge(500, seed=seed), num_bootstrap=100, seed=seed
        )
        covered += low <= truth <= high
    assert 180 <= covered <= 198


def test_it_lies_around_the_score_and_needs_people(world, judgments):
    low, high = participant_interval(
        world.rdm, judgments, world.ids[:15], third="any", num_bootstrap=100
    )
    assert low < correlate(world.rdm, judgments.rdm(world.ids[:15], third="any")) < high
    with pytest.raises(DataError) as caught:
        participant_interval(world.rdm, world.judge(300, seed=0, num_participants=9))
    assert str(caught.value) == (
        "9 participants are too few for an interval over participants; bring 10 or more, or resample clips"
    )
