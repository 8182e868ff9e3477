"""The scorecard is the block of results.json, and says what its numbers mean."""

from __future__ import annotations

import json

import pytest

from bgs.evaluation.ceilings import split_half_ceiling
from bgs.evaluation.odd_one_out import odd_one_out
from bgs.evaluation.rsa import rsa
from bgs.evaluation.scorecard import library_versions, score, score_rdm


@pytest.fixture(scope="module")
def card(world, judgments):
    return score(
        world.rdm,
        judgments,
        model="truth",
        split="test",
        ids=world.ids[:20],
        num_bootstrap=100,
        num_split_halves=20,
    )


def test_the_block_has_exactly_these_keys(card):
    block = json.loads(json.dumps(card.to_dict()))
    assert list(block) == [
        "model", "data", "split", "n_clips", "n_pairs", "n_triplets", "rsa", "odd_one_out",
        "ceiling", "protocol", "versions", "seed",
    ]  # fmt: skip
    assert list(block["rsa"]) == ["spearman", "r2", "ci95", "spearman_ci95"]
    assert list(block["odd_one_out"]) == ["two_way", "three_way", "ci95"]
    assert (block["model"], block["data"], block["split"], block["seed"]) == (
        "truth",
        "simulated",
        "test",
        0,
    )
    assert block["protocol"]["participants"] == "simulated"
    assert block["protocol"]["third"] == "within"


def test_the_numbers_are_those_of_the_parts(card, world, judgments):
    ids = world.ids[:20]
    inside = judgments.restrict(ids)
    assert card.rsa == rsa(world.rdm, judgments.rdm(ids), num_bootstrap=100)
    assert card.odd_one_out == odd_one_out(world.rdm, inside, num_bootstrap=100)
    assert card.ceiling == split_half_ceiling(judgments, ids, num_splits=20)
    assert card.to_dict()["n_triplets"] == len(inside)
    assert card.share_of_ceiling["max_model"] == card.rsa.r2 / card.ceiling.max_model_r2


def test_a_shared_or_absent_ceiling(world, judgments):
    options = dict(model="m", data="d", split="s", protocol="any", num_bootstrap=0)
    bare = score_rdm(
        world.rdm, judgments.rdm(), judgments, ceiling=None, versions={"bgs": "x"}, **options
    )
    assert bare.to_dict()["ceiling"] == {}
    assert bare.share_of_ceiling == {}
    assert bare.to_dict()["rsa"]["ci95"] is None
    assert bare.to_dict()["versions"] == {"bgs": "x"}


def test_versions_are_named():
    assert {"python", "bgs", "numpy", "scipy", "scikit-learn"} == set(library_versions())
