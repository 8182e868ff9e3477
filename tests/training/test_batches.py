"""Samplers: what a step sees, what an epoch covers, and that they can be continued."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bgs.config import PublishedProtocol, TrainingSettings
from bgs.data.features import FeatureBank
from bgs.data.triplets import Triplets
from bgs.errors import TrainingError
from bgs.rdm import RDM
from bgs.training.batches import ClipSampler, TripletSampler, make_sampler
from bgs.training.coverage import Coverage
from bgs.training.judged import JudgedClips


@pytest.fixture
def judged(world) -> JudgedClips:
    return JudgedClips.from_human(world.bank, world.judgments, world.human)


def test_judged_clips_align_by_id_whatever_the_order(world) -> None:
    shuffled = tuple(reversed(world.human.ids))
    judged = JudgedClips.from_human(world.bank, world.judgments, world.human.restrict(shuffled))
    assert judged.ids == shuffled
    for clip, row in zip(judged.ids, judged.bank_rows, strict=True):
        assert world.bank.ids[row] == clip
    names = np.array(shuffled)[judged.triplets]
    own = np.array(world.judgments.ids)
    assert names[:, :2].tolist() == own[world.judgments.pair].tolist()
    assert names[:, 2].tolist() == own[world.judgments.odd_clip].tolist()
    assert repr(judged) == f"JudgedClips(24 clips, 400 judgments, {world.human.num_pairs} pairs)"


def test_a_batch_holds_exactly_the_judgments_and_pairs_inside_it(judged, world) -> None:
    clips = np.array([7, 2, 19, 4, 11, 0, 23, 8])
    batch = judged.among(clips)
    inside = [t for t in judged.triplets.tolist() if set(t) <= set(clips.tolist())]
    assert [[int(clips[i]) for i in t] for t in batch.triplets.tolist()] == inside
    assert inside
    square, counts = world.human.square(), judged.counts
    seen = {}
    for (i, j), value, count in zip(
        batch.pairs.tolist(), batch.dissimilarities.tolist(), batch.counts.tolist(), strict=True
    ):
        seen[clips[i], clips[j]] = (value, count)
    expected = {
        (a, b): (pytest.approx(square[a, b]), counts[a, b])
        for i, a in enumerate(clips)
        for b in clips[i + 1 :]
        if not np.isnan(square[a, b])
    }
    assert seen == expected


def test_an_epoch_embeds_each_clip_once_in_batches_of_nearly_one_size(judged) -> None:
    sampler = ClipSampler(judged, 7, seed=0, num_hard_negatives=10)
    for epoch in range(3):
        draws = sampler.draw(epoch)
        assert len(draws) == sampler.steps_per_epoch == 4
        assert sorted(np.concatenate([draw.clips for draw in draws])) == list(range(24))
        assert {len(draw) for draw in draws} == {6}
        assert [draw.num_hard_negatives for draw in draws] == [2, 3, 2, 3]


def test_no_pair_and_no_judgment_starves() -> None:
    rng = np.random.default_rng(0)
    num_clips, num_batches, epochs = 60, 5, 60
    triplets = np.array([rng.permutation(num_clips)[:3] for _ in range(2000)])
    coverage = Coverage(num_clips, triplets)
    random_pairs = np.zeros((num_clips, num_clips))
    for _ in range(epochs):
        coverage.divide(num_batches, rng)
        for clips in np.array_split(rng.permutation(num_clips), num_batches):
            random_pairs[np.ix_(clips, clips)] += 1
    upper = np.triu_indices(num_clips, k=1)
    pairs = coverage.pairs[upper]
    assert pairs.mean() == pytest.approx(epochs * 11 / 59)  # 12 clips a batch meet 11 others
    assert pairs.min() >= 0.6 * pairs.mean()
    assert pairs.std() < 0.5 * random_pairs[upper].std()
    assert coverage.judgments.min() >= 1
    # More judgments inside batches than chance puts there, and evenly.
    chance = epochs * (11 * 10) / (59 * 58)
    assert coverage.judgments.mean() > chance
    assert coverage.judgments.std() < np.sqrt(chance)


def test_coverage_evens_out_pairs_where_there_are_no_judgments() -> None:
    coverage = Coverage(12, np.empty((0, 3), dtype=np.int64))
    rng = np.random.default_rng(0)
    for _ in range(22):
        batches = coverage.divide(3, rng)
        assert sorted(np.concatenate(batches)) == list(range(12))
    pairs = coverage.pairs[np.triu_indices(12, k=1)]
    assert pairs.mean() == pytest.approx(22 * 3 / 11)
    assert pairs.min() >= 4
    assert pairs.max() <= 8


def test_a_sampler_continues_where_another_stopped(judged) -> None:
    def clips(draws: list[Any]) -> list[list[int]]:
        return [draw.clips.tolist() for draw in draws]

    first = ClipSampler(judged, 8, seed=5)
    for epoch in range(3):
        first.draw(epoch)
    second = ClipSampler(judged, 8, seed=5)
    second.load_state_dict(first.state_dict())
    expected = clips(first.draw(3))
    assert clips(second.draw(3)) == expected
    assert clips(ClipSampler(judged, 8, seed=5).draw(3)) != expected  # coverage matters
    assert clips(ClipSampler(judged, 8, seed=6).draw(0)) != clips(
        ClipSampler(judged, 8, seed=5).draw(0)
    )


def test_the_published_protocol_sees_123_pairs_six_times_an_epoch() -> None:
    rng = np.random.default_rng(0)
    ids = tuple(f"c{i}" for i in range(40))
    clips = np.array([rng.permutation(40)[:3] for _ in range(400)])
    judgments = Triplets(ids=ids, clips=clips, odd=rng.integers(0, 3, size=400))
    human = RDM.from_condensed(ids, rng.random(780))
    bank = FeatureBank(ids, rng.normal(size=(40, 3)).astype(np.float32))
    judged = JudgedClips.from_human(bank, judgments, human)
    sampler = TripletSampler(judged, 4, PublishedProtocol(), seed=1, num_hard_negatives=738)
    draws = sampler.draw(0)
    assert len(draws) == sampler.steps_per_epoch == 100
    assert sorted(np.concatenate([draw.judgments for draw in draws])) == list(range(400))
    assert [i for i, draw in enumerate(draws) if len(draw.context)] == [8, 25, 41, 58, 75, 91]
    assert sum(draw.num_hard_negatives for draw in draws) == 738
    for draw in draws:
        batch = sampler.judge(draw)
        assert batch.clips[batch.triplets].tolist() == judged.triplets[draw.judgments].tolist()
        assert len(batch.triplets) == 4
        if not len(draw.context):
            assert len(draw.clips) == 12
            assert len(batch.pairs) == 0
            continue
        assert (len(draw.clips), len(draw.context)) == (12 + 6, 18)
        assert len(batch.pairs) == 123
        assert bool((batch.pairs.min(dim=1).values < 18).all())  # one of the two has a gradient
        first, second = batch.clips[batch.pairs].T.numpy()
        np.testing.assert_allclose(
            batch.dissimilarities.numpy(), human.square()[first, second], rtol=1e-6
        )
    assert [d.judgments.tolist() for d in sampler.draw(1)] != [d.judgments.tolist() for d in draws]
    sampler.load_state_dict(sampler.state_dict())
    assert [d.judgments.tolist() for d in sampler.draw(0)] == [d.judgments.tolist() for d in draws]


def test_a_human_rdm_about_clips_without_features_is_refused(world) -> None:
    bank = world.bank.select(world.bank.ids[1:])
    with pytest.raises(TrainingError) as caught:
        JudgedClips.from_human(bank, world.judgments, world.human)
    assert str(caught.value) == (
        "training clip 'clip000' is not among the 35 clips of the bank; "
        "load the frames or features of every training clip"
    )


def test_a_judgment_about_a_held_out_clip_is_refused(world) -> None:
    few = world.human.restrict(world.human.ids[:23])
    showing = int((world.judgments.clips == 23).any(axis=1).sum())
    with pytest.raises(TrainingError) as caught:
        JudgedClips.from_human(world.bank, world.judgments, few)
    assert str(caught.value) == (
        f"{showing} judgments show a clip that is not a training clip, such as 'clip023'; "
        "restrict the judgments to the training clips first"
    )


def test_nothing_to_learn_from_is_refused(world) -> None:
    none = world.judgments.select(np.zeros(400, dtype=bool))
    with pytest.raises(TrainingError) as caught:
        JudgedClips.from_human(world.bank, none, none.rdm())
    assert str(caught.value) == (
        "there is no judgment and no observed pair to learn from; "
        "check that the judgments are about the training clips"
    )
    pairs_only = JudgedClips.from_human(world.bank, none, world.human)
    with pytest.raises(
        TrainingError, match=r"^batching: triplets draws judgments, and there are none"
    ):
        TripletSampler(pairs_only, 4, PublishedProtocol(), seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"per_device_train_batch_size": 2},
            "a batch of 2 clips holds no judgment; "
            "set training.per_device_train_batch_size to 3 or more",
        ),
        (
            {"batching": "triplets", "large_batch": True},
            "large_batch is a step over all clips, batching: triplets a step of a few judgments; "
            "set training.large_batch: false or training.batching: clips",
        ),
    ],
)
def test_settings_that_make_no_batch_are_refused(judged, settings: Any, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        make_sampler(judged, TrainingSettings(**settings), seed=0)
    assert str(caught.value) == message


def test_batch_sizes_add_up_over_devices(judged) -> None:
    settings = TrainingSettings(per_device_train_batch_size=6)
    assert make_sampler(judged, settings, seed=0).steps_per_epoch == 4
    assert make_sampler(judged, settings, seed=0, num_processes=2).steps_per_epoch == 2
    published = TrainingSettings(batching="triplets", per_device_train_batch_size=4)
    assert make_sampler(judged, published, seed=0).steps_per_epoch == 100
