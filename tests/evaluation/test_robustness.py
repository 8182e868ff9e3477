"""Layer sweeps, learning curves and repeated splits."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.evaluation.layers import sweep_layers
from bgs.evaluation.robustness import learning_curve, score_crowds, score_splits
from bgs.evaluation.rsa import correlate, rsa
from bgs.rdm import RDM


def _layers(world):
    rng = np.random.default_rng(77)
    return {
        f"layer {depth}": RDM.from_embeddings(
            world.ids, world.latent + noise * rng.normal(size=world.latent.shape)
        )
        for depth, noise in enumerate((4.0, 0.5, 2.0))
    }


def test_the_layer_is_chosen_on_validation_clips_only(world, judgments):
    layers = _layers(world)
    validation, test = judgments.rdm(world.ids[:10]), judgments.rdm(world.ids[10:])
    sweep = sweep_layers(layers, validation=validation, test=test, num_bootstrap=100)
    assert sweep.validation == {name: correlate(rdm, validation) for name, rdm in layers.items()}
    assert sweep.chosen == "layer 1" == max(sweep.validation, key=sweep.validation.get)
    assert sweep.score == rsa(layers["layer 1"], test, num_bootstrap=100)
    assert sweep.test["layer 1"] == sweep.score.spearman
    flipped = {name: RDM.from_condensed(r.ids, 2 - r.dissimilarities) for name, r in layers.items()}
    # The choice cannot depend on test clips: turn those around and it stays.
    mixed = RDM.from_condensed(test.ids, 1 - test.dissimilarities)
    assert (
        sweep_layers(layers, validation=validation, test=mixed, num_bootstrap=0).chosen == "layer 1"
    )
    assert (
        sweep_layers(flipped, validation=validation, test=test, num_bootstrap=0).chosen != "layer 1"
    )


def test_sweeps_that_cannot_be(world, judgments):
    human = judgments.rdm()
    with pytest.raises(
        DataError,
        match=r"^clip 'clip000' is both a validation and a test clip; choose the layer on",
    ):
        sweep_layers(_layers(world), validation=human, test=human)
    with pytest.raises(DataError, match=r"^no layer to sweep; pass one RDM a layer$"):
        sweep_layers({}, validation=human, test=human)


@pytest.mark.parametrize("over", ["judgments", "participants"])
def test_more_judgments_come_nearer_the_truth(world, judgments, over):
    curve = learning_curve(
        world.rdm, judgments, over=over, fractions=(0.1, 0.4, 1.0), num_repeats=8
    )
    scores = [point.spearman for point in curve]
    assert scores == sorted(scores)
    assert curve[-1].spearman == pytest.approx(correlate(world.rdm, judgments.rdm()))
    assert (curve[-1].num_repeats, curve[-1].spread) == (1, 0.0)
    assert curve[0].spread > 0
    assert curve[0].size == (150 if over == "judgments" else 2)
    assert curve[-1].num_judgments == 1500


def test_curves_that_cannot_be(world, judgments):
    with pytest.raises(
        DataError, match=r"^fraction 1\.5 of the judgments; use shares above 0, up to 1$"
    ):
        learning_curve(world.rdm, judgments, fractions=(1.5,))
    unnamed = world.judge(50, seed=0, num_participants=None)
    with pytest.raises(
        DataError, match=r"^these judgments name no participants; draw judgments instead$"
    ):
        learning_curve(world.rdm, unnamed, over="participants")


def test_repeated_splits_are_paired(world, judgments):
    layers = _layers(world)
    splits = score_splits(layers, judgments, num_test=12, num_repeats=30, seed=4)
    assert {len(values) for values in splits.spearman.values()} == {30}
    assert splits.share_better("layer 1", "layer 0") > 0.9
    assert splits.share_better("layer 1", "layer 1") == 0.5
    summary = splits.summary()["layer 1"]
    assert summary["low"] <= summary["mean"] <= summary["high"]
    assert splits == score_splits(layers, judgments, num_test=12, num_repeats=30, seed=4)
    with pytest.raises(
        DataError, match=r"^25 test clips of 24; hold out 3 clips or more, and no more than all$"
    ):
        score_splits(layers, judgments, num_test=25)


def test_crowds_are_paired_and_order_the_models_by_what_they_know(world, judgments):
    layers = _layers(world)
    crowds = score_crowds(layers, judgments, share=0.5, num_repeats=20, seed=1)
    assert crowds.num_test == 10  # of 20 participants
    assert crowds == score_crowds(layers, judgments, share=0.5, num_repeats=20, seed=1)
    assert {len(values) for values in crowds.spearman.values()} == {20}
    assert crowds.share_better("layer 1", "layer 0") == 1.0
    whole = correlate(layers["layer 1"], judgments.rdm())
    assert crowds.summary()["layer 1"]["mean"] < whole  # fewer people, more noise
    larger = score_crowds(layers, judgments, share=0.9, num_repeats=20, seed=1)
    assert larger.summary()["layer 1"]["spread"] < crowds.summary()["layer 1"]["spread"]


def test_crowds_that_cannot_be(world, judgments):
    with pytest.raises(DataError) as caught:
        score_crowds({"m": world.rdm}, judgments, share=1.0)
    assert str(caught.value) == (
        "20 of 20 participants are no sample of them; "
        "choose a share between 0 and 1 that leaves some in and some out"
    )
    with pytest.raises(DataError, match=r"^these judgments name no participants; draw clips"):
        score_crowds({"m": world.rdm}, world.judge(300, seed=0, num_participants=None))
