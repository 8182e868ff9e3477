"""A leaderboard is sorted, paired and lettered; its numbers are those of the single scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgs.errors import DataError
from bgs.evaluation.ceilings import split_half_ceiling
from bgs.evaluation.leaderboard import compact_letters, rank_models
from bgs.evaluation.rsa import paired_difference, rsa
from bgs.rdm import RDM


@pytest.fixture(scope="module")
def models(world):
    rng = np.random.default_rng(77)

    def blur(noise):
        return RDM.from_embeddings(
            world.ids, world.latent + noise * rng.normal(size=world.latent.shape)
        )

    return {"far": blur(8.0), "near": blur(0.2), "truth": world.rdm, "middle": blur(1.2)}


@pytest.fixture(scope="module")
def board(models, judgments):
    return rank_models(
        models,
        judgments.rdm(),
        judgments=judgments,
        ceiling=split_half_ceiling(judgments, num_splits=20),
        num_bootstrap=200,
        num_permutations=200,
    )


def test_rows_are_the_single_scores_from_best_to_worst(board, models, judgments):
    human = judgments.rdm()
    r2 = [row.r2 for row in board.rows]
    assert r2 == sorted(r2, reverse=True)
    assert board.rows[-1].model == "far"
    for row in board.rows:
        alone = rsa(models[row.model], human, num_bootstrap=200)
        assert (row.spearman, row.r2) == (pytest.approx(alone.spearman), pytest.approx(alone.r2))
        assert row.ci95 == pytest.approx(alone.ci95)
    assert board.rows[0].p == pytest.approx(1 / 201)
    assert board.rows[0].share_of_ceiling > 0.5


def test_a_model_that_orders_clips_backwards_comes_last(models, judgments):
    """Its square is as large as that of the truth, and it still is no good."""
    upside_down = RDM.from_condensed(models["truth"].ids, 2 - models["truth"].dissimilarities)
    board = rank_models(
        {"backwards": upside_down, **models},
        judgments.rdm(),
        num_bootstrap=100,
        num_permutations=100,
    )
    assert board.rows[-1].model == "backwards"
    assert board.rows[-1].spearman == pytest.approx(-board.rows[0].spearman)


def test_differences_are_paired_and_corrected(board, models, judgments):
    assert len(board.differences) == 6
    for difference in board.differences:
        alone = paired_difference(
            models[difference.worse], models[difference.better], judgments.rdm(), num_bootstrap=200
        )
        assert difference.r2 == pytest.approx(alone.r2)
        assert difference.ci95 == pytest.approx(alone.ci95)
        assert difference.r2 >= 0
        assert difference.p <= difference.p_holm <= 1


def test_letters_say_who_can_be_told_apart(board):
    letters = {row.model: set(row.letters) for row in board.rows}
    for difference in board.differences:
        told_apart = difference.p_holm < board.level
        assert told_apart == (not letters[difference.better] & letters[difference.worse])
    assert "a" in board.rows[0].letters
    assert not letters["far"] & letters["truth"]


@given(pairs=st.sets(st.sampled_from(list(itertools.combinations("abcdef", 2)))))
@settings(max_examples=100, deadline=None)
def test_letters_for_any_pattern(pairs):
    letters = compact_letters(list("abcdef"), pairs)
    for first, second in itertools.combinations("abcdef", 2):
        assert ((first, second) in pairs) == (not set(letters[first]) & set(letters[second]))


def test_letters_by_hand():
    assert compact_letters(["x", "y", "z"], {("x", "z")}) == {"x": "a", "y": "ab", "z": "b"}
    assert compact_letters(["x", "y"], set()) == {"x": "a", "y": "a"}
    many = [f"m{i}" for i in range(30)]
    letters = compact_letters(many, set(itertools.combinations(many, 2)))
    assert letters["m25"], letters["m26"] == ("z", "a1")


def test_records_are_flat(board):
    record = board.to_records()[0]
    assert record["model"] == board.rows[0].model
    assert record["three_way"] == board.rows[0].odd_one_out.three_way
    assert (record["n_clips"], record["seed"]) == (24, 0)


def test_one_model_without_extras(models, judgments):
    board = rank_models(
        {"truth": models["truth"]}, judgments.rdm(), num_bootstrap=100, test_chance=False
    )
    assert board.differences == ()
    assert board.rows[0].p is None
    assert board.to_records()[0]["three_way"] is None
    with pytest.raises(DataError, match=r"^no model to rank; pass one model or more$"):
        rank_models({}, judgments.rdm())
