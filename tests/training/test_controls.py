"""Controls change what judgments say and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.objectives import JudgedBatch, Objective
from bgs.rdm import RDM
from bgs.training.controls import (
    distilled_geometry,
    distilled_judgments,
    residual_geometry,
    shuffled_judgments,
)


@pytest.fixture
def other(world) -> RDM:
    """Another geometry of the same clips, in another order."""
    ids = tuple(reversed(world.human.ids))
    return RDM.from_embeddings(ids, np.random.default_rng(3).normal(size=(len(ids), 4)))


def test_shuffled_judgments_keep_the_triads_and_draw_the_odd_one(world) -> None:
    shuffled = shuffled_judgments(world.judgments, seed=0)
    assert np.array_equal(shuffled.clips, world.judgments.clips)
    assert np.bincount(shuffled.odd, minlength=3).min() > 400 / 3 - 45
    agreement = np.mean(shuffled.odd == world.judgments.odd)
    assert abs(agreement - 1 / 3) < 0.1
    assert shuffled == shuffled_judgments(world.judgments, seed=0)
    assert shuffled != shuffled_judgments(world.judgments, seed=1)
    assert shuffled.name == "world (shuffled)"


def test_distilled_judgments_are_what_the_geometry_picks(world, other) -> None:
    distilled = distilled_judgments(world.judgments, other)
    assert np.array_equal(distilled.clips, world.judgments.clips)
    square = other.restrict(world.judgments.ids).square()
    for (i, j, k), odd in zip(distilled.clips, distilled.odd, strict=True):
        left = [(j, k), (i, k), (i, j)]
        assert square[left[odd]] == min(square[pair] for pair in left)


def test_judgments_distilled_from_their_own_geometry_are_themselves(world) -> None:
    ids = world.human.ids
    features = world.bank.select(ids).matrix[:, :3]
    again = distilled_judgments(world.judgments, RDM.from_embeddings(ids, features))
    assert np.array_equal(again.odd, world.judgments.odd)


def test_a_geometry_that_does_not_know_a_judged_clip_or_pair_is_refused(world, other) -> None:
    with pytest.raises(DataError) as caught:
        distilled_judgments(world.judgments, other.restrict(other.ids[:-1]))
    assert str(caught.value) == (
        "clip 'clip000' is judged but not in the RDM of 23 clips; give the RDM of all judged clips"
    )
    few = Triplets(ids=("a", "b", "c"), clips=np.array([[0, 1, 2]]), odd=np.array([2]))
    with pytest.raises(DataError) as caught:
        distilled_judgments(few, RDM.from_condensed("abc", [0.1, np.nan, 0.3]))
    assert str(caught.value) == (
        "1 judgments are about pairs this RDM does not know, such as those of 'a', 'b', 'c'; "
        "distil from a model, which knows every pair"
    )


def test_distilled_geometry_has_people_s_pairs_and_counts(world, other) -> None:
    distilled = distilled_geometry(world.human, other)
    assert np.array_equal(distilled.observed, world.human.observed)
    assert np.array_equal(distilled.counts, world.human.counts)
    values = other.restrict(world.human.ids).dissimilarities
    seen = world.human.observed
    assert 0 < seen.sum() < len(seen)
    assert np.array_equal(distilled.dissimilarities[seen], values[seen])


@pytest.mark.parametrize("batching", ["clips", "triplets"])
def test_a_distilled_run_sees_as_many_constraints_in_as_many_steps(
    run, world, other, tmp_path, monkeypatch, batching: str
) -> None:
    seen: list[tuple[int, int, int]] = []
    objective = Objective.__call__

    def counting(self: Objective, embeddings: Any, batch: JudgedBatch, *, epoch: int) -> Any:
        seen.append((len(batch.clips), len(batch.triplets), len(batch.pairs)))
        return objective(self, embeddings, batch, epoch=epoch)

    monkeypatch.setattr(Objective, "__call__", counting)
    given = {
        "people": {},
        "captions": {
            "judgments": distilled_judgments(world.judgments, other),
            "human": distilled_geometry(world.human, other),
        },
        "shuffled": {"judgments": shuffled_judgments(world.judgments, seed=0)},
    }
    size = 8 if batching == "clips" else 50
    constraints = {}
    for name, learnt in given.items():
        _, result = run(
            output_dir=tmp_path / name,
            num_train_epochs=2,
            batching=batching,
            per_device_train_batch_size=size,
            **learnt,
        )
        constraints[name] = (result.steps, result.clip_passes, sum(map(np.array, seen)).tolist())
        seen.clear()
    # Which pairs meet depends on the seed and on the triads, never on the answers.
    assert constraints["captions"] == constraints["people"] == constraints["shuffled"]
    assert constraints["people"][0] == (6 if batching == "clips" else 16)


def test_residual_geometry_is_uncorrelated_with_what_was_taken_out(world, other) -> None:
    residual = residual_geometry(world.human, other)
    seen = world.human.observed
    assert np.array_equal(residual.observed, seen)
    ranks = rankdata(other.restrict(world.human.ids).dissimilarities[seen])
    assert abs(np.corrcoef(residual.dissimilarities[seen], ranks)[0, 1]) < 1e-10
    assert abs(residual.dissimilarities[seen].mean()) < 1e-12


def test_nothing_is_left_of_a_geometry_without_itself() -> None:
    human = RDM.from_condensed("abcd", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    residual = residual_geometry(human, human)
    assert np.abs(residual.dissimilarities).max() < 1e-12
    sparse = RDM.from_condensed("abcd", [1.0, np.nan, np.nan, np.nan, np.nan, 2.0])
    with pytest.raises(DataError, match=r"^only 2 pairs are known to both geometries; use geom"):
        residual_geometry(sparse, human)
