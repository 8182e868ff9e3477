"""RDM ceilings on people whose reliability is known, on the public data, and where there is none."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation import ceilings
from bgs.evaluation.ceilings import spearman_brown, split_half_ceiling
from bgs.evaluation.observations import observe_pairs
from bgs.evaluation.rsa import correlate


def test_a_split_is_the_spearman_of_two_rdms(judgments):
    """One split done by hand: the RDMs of two sets of people, on the pairs both saw."""
    observations = observe_pairs(judgments, judgments.ids, third="within")
    units = observations.units(judgments, over="participants")
    levels = ceilings._possible_levels(int(np.bincount(observations.pair).max()))
    rng = np.random.default_rng(0)
    first, second = next(ceilings._halves(observations, units, num_splits=3, rng=rng))
    got, shared = ceilings._correlate_halves(first, second, levels=levels)
    drawn = np.random.default_rng(0).permuted(np.tile([1.0] * 10 + [0.0] * 10, (3, 1)), axis=1)
    for split in range(3):
        people = np.flatnonzero(drawn[split])
        mine = np.isin(judgments.participants, people)
        a, b = judgments.select(mine).rdm(), judgments.select(~mine).rdm()
        both = a.observed & b.observed
        assert shared[split] == both.sum()
        expected = spearmanr(a.dissimilarities[both], b.dissimilarities[both]).statistic
        assert got[split] == pytest.approx(expected, abs=1e-12)


def test_the_ceilings_follow_from_the_split_half(judgments):
    ceiling = split_half_ceiling(judgments, num_splits=50)
    assert ceiling.reliability == pytest.approx(spearman_brown(ceiling.split_half_r))
    assert ceiling.max_model_r2 == ceiling.reliability
    assert ceiling.paper_r2 == pytest.approx(ceiling.reliability**2)
    assert ceiling.ci95[0] < ceiling.split_half_r < ceiling.ci95[1]
    assert ceiling.over == "participants"
    block = ceiling.to_dict()
    assert block["paper"] == {"r2": ceiling.paper_r2, "ci95": list(ceiling.paper_r2_ci95)}
    assert block["max_model"]["r2"] == ceiling.max_model_r2
    assert block["num_splits"] == 50
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert split_half_ceiling(judgments, num_splits=50) == ceiling


@pytest.mark.parametrize("over", ["participants", "judgments"])
def test_unbiased_for_the_score_of_a_perfect_model(new_world, over):
    """`max_model` is what the noiseless truth scores against such judgments, within Monte-Carlo error."""
    gaps = []
    for seed in range(40):
        world = new_world(24, seed=seed)
        judgments = world.judge(1500, seed=seed)
        perfect = correlate(world.expected_rdm(), judgments.rdm()) ** 2
        gaps.append(
            split_half_ceiling(judgments, num_splits=30, over=over, seed=seed).max_model_r2
            - perfect
        )
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(40) + 0.01


def test_intervals_cover_the_truth(new_world):
    """200 fresh sets of clips and people; the truth is the reliability on very many clips."""
    truth = np.mean(
        [
            split_half_ceiling(
                new_world(100, seed=s).judge(8250, seed=s), num_splits=20
            ).max_model_r2
            for s in range(12)
        ]
    )
    covered = 0
    for seed in range(200):
        judgments = new_world(30, seed=seed).judge(725, seed=seed)  # 5 times a pair, as above
        low, high = split_half_ceiling(judgments, num_splits=20, seed=seed).max_model_r2_ci95
        covered += low <= truth <= high
    assert 180 <= covered <= 196


def test_any_third_uses_more_judgments(world, judgments):
    ids = world.ids[:12]
    within = split_half_ceiling(judgments, ids, third="within", num_splits=20)
    anywhere = split_half_ceiling(judgments, ids, third="any", num_splits=20)
    assert within.num_judgments == len(judgments.restrict(ids))
    assert anywhere.num_judgments > within.num_judgments
    assert anywhere.reliability > within.reliability
    assert (within.third, anywhere.third) == ("within", "any")


def test_judgments_without_people_are_split_themselves(world):
    ceiling = split_half_ceiling(world.judge(1500, seed=0, num_participants=None), num_splits=20)
    assert ceiling.over == "judgments"


def test_people_who_choose_at_random_have_no_ceiling(new_world):
    world = new_world(24, temperature=1e6)
    ceiling = split_half_ceiling(world.judge(1500, seed=0), num_splits=50)
    assert ceiling.paper_r2_ci95[0] == 0.0
    assert ceiling.paper_r2 < 0.05


def _alone(world) -> Triplets:
    return world.judge(600, seed=0, num_participants=1)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "one person",
            "a ceiling needs 2 participants or more: one RDM always agrees with itself; "
            "bring judgments of several people",
        ),
        (
            "one judgment",
            "a ceiling needs 2 judgments or more: one RDM always agrees with itself; bring more judgments",
        ),
        ("unnamed people", "these judgments name no participants; split over judgments instead"),
        ("unknown clip", "clip 'nowhere' is not among the judged clips; choose judged clips"),
        (
            "sparse",
            "two halves of the judgments share too few pairs of clips to correlate; "
            "collect each pair at least twice, or use third='any'",
        ),
    ],
)
def test_no_ceiling_where_there_is_none(world, judgments, case, message):
    one = judgments.select(np.array([0]))
    calls = {
        "one person": (_alone(world), {}),
        "one judgment": (one, {"over": "judgments"}),
        "unnamed people": (
            world.judge(50, seed=0, num_participants=None),
            {"over": "participants"},
        ),
        "unknown clip": (judgments, {"ids": ("nowhere", "clip001", "clip002")}),
        "sparse": (judgments.select(np.arange(4)), {"over": "judgments"}),
    }
    triplets, options = calls[case]
    with pytest.raises(DataError) as caught:
        split_half_ceiling(triplets, **options)
    assert str(caught.value) == message


def test_social250_comes_near_the_published_ceiling_and_is_fast(social250):
    """Published .213; 368 judgments say .20 with an interval of .05 to .36, so the reading is plausible."""
    start = time.process_time()
    ceiling = split_half_ceiling(social250.triplets, social250.test, num_splits=1000)
    whole = split_half_ceiling(social250.triplets, num_splits=1000)
    assert time.process_time() - start < 10
    assert ceiling.paper_r2 == pytest.approx(0.198, abs=0.006)
    assert ceiling.paper_r2_ci95[0] < 0.213 < ceiling.paper_r2_ci95[1]
    assert ceiling.num_judgments == 368
    assert whole.paper_r2 == pytest.approx(0.251, abs=0.003)
    anywhere = split_half_ceiling(social250.triplets, social250.test, third="any", num_splits=300)
    assert anywhere.paper_r2 == pytest.approx(0.264, abs=0.005)
