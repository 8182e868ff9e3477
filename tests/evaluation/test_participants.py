"""Intervals over people cover what other people would say."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.correlation import observed_pairs
from bgs.evaluation.intervals import FURTHER, SPEARMAN
from bgs.evaluation.participants import participant_intervals
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM


@pytest.mark.parametrize(
    ("coefficient", "worlds"), [(SPEARMAN, 200), (FURTHER[3], 200), (FURTHER[0], 100)]
)
def test_coverage_over_fresh_people(new_world, coefficient, worlds):
    """The clips stay; again and again other people judge them. Ranks, weighted values, orders (half as often)."""
    world = new_world(16, seed=3)
    noise = np.random.default_rng(4).normal(size=world.latent.shape)
    model = RDM.from_embeddings(world.ids, world.latent + noise)
    crowds = (world.judge(500, seed=seed).rdm() for seed in range(1000, 1100))
    truth = np.mean([coefficient.of(observed_pairs(model, human)) for human in crowds])
    covered = 0
    for seed in range(worlds):
        (interval,) = participant_intervals(
            model,
            world.judge(500, seed=seed),
            coefficients=[coefficient],
            num_bootstrap=100,
            seed=seed,
        ).values()
        covered += interval[0] <= truth <= interval[1]
    assert 0.9 <= covered / worlds <= 0.99


def test_it_lies_around_the_score_and_needs_people(world, judgments):
    low, high = participant_intervals(
        world.rdm, judgments, world.ids[:15], third="any", num_bootstrap=100
    )["spearman"]
    assert low < correlate(world.rdm, judgments.rdm(world.ids[:15], third="any")) < high
    with pytest.raises(DataError) as caught:
        participant_intervals(world.rdm, world.judge(300, seed=0, num_participants=9))
    assert str(caught.value) == (
        "9 participants are too few for an interval over participants; bring 10 or more, or resample clips"
    )
