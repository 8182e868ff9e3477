"""Changes over tuning seeds: seeds are no clips, and both sources of chance are counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.transfer import Protocol, TransferTask, score_transfer
from bgs.evaluation.transfer_ratings import RatedClips
from bgs.evaluation.transfer_seeds import _combine, changes_over_seeds
from bgs.rdm import RDM

QUICK = Protocol(num_repeats=1, num_bootstrap=0, num_permutations=0)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(36, 2))
    corners = np.array([[1.0, 0], [-0.5, 0.9], [-0.5, -0.9]])
    weight = np.exp(2.5 * points @ corners.T)
    counts = [rng.multinomial(12, row / row.sum()) for row in weight]
    rated = RatedClips(tuple(f"c{k}" for k in range(36)), ("a", "b", "c"), np.array(counts))
    task = TransferTask.of(rated, QUICK)

    def score(noise: float, seed: int):
        drawn = np.random.default_rng(seed).normal(size=(36, 2))
        matrix = points + noise * drawn
        return score_transfer(task, RDM.from_embeddings(rated.ids, matrix), matrix)

    return task, score


def test_a_gain_is_found_and_a_sham_is_not(world):
    task, score = world
    befores = [score(4.0, 5)] * 3  # one untuned backbone
    gain = changes_over_seeds(task, befores, [score(0.3, 10 + seed) for seed in range(3)])
    assert set(gain) == {"rsa", "odd_one_out", "knn", "probe"}
    for question in ("rsa", "odd_one_out"):
        assert gain[question].ci95[0] > 0
        assert gain[question].value == pytest.approx(np.mean(gain[question].by_seed))
    none = changes_over_seeds(task, befores, befores)
    assert none["rsa"].value == 0
    assert none["rsa"].ci95 == none["knn"].ci95 == (0.0, 0.0)
    json.dumps({name: change.to_dict() for name, change in gain.items()}, allow_nan=False)


def test_copies_of_one_run_do_not_narrow_the_interval_over_clips(world):
    task, score = world
    before, after = score(3.0, 1), score(1.0, 2)
    two = changes_over_seeds(task, [before] * 2, [after] * 2)
    six = changes_over_seeds(task, [before] * 6, [after] * 6)
    for question, change in two.items():
        assert change.ci95_clips == pytest.approx(six[question].ci95_clips)
        assert change.ci95 == pytest.approx(change.ci95_clips)  # copies: nothing varies over seeds


def test_both_variances_are_covered():
    rng = np.random.default_rng(3)
    truth, clip_sd, seed_sd, seeds = 0.1, 0.03, 0.05, 5
    hits = {"both": 0, "clips": 0}
    for _ in range(2000):
        change = truth + rng.normal(0, clip_sd) + rng.normal(0, seed_sd, seeds)
        values = np.column_stack([np.zeros(seeds), change])
        found = _combine("rsa", values, variance=clip_sd**2, clips=60)
        hits["both"] += found.ci95[0] <= truth <= found.ci95[1]
        hits["clips"] += found.ci95_clips[0] <= truth <= found.ci95_clips[1]
    assert hits["both"] / 2000 == pytest.approx(0.95, abs=0.02)
    assert hits["clips"] / 2000 < 0.93


def test_what_cannot_be_compared(world):
    task, score = world
    with pytest.raises(DataError, match="1 scores before tuning and 1 after it; score the same"):
        changes_over_seeds(task, [score(1.0, 0)], [score(1.0, 0)])
