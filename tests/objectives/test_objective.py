"""The weighted sum: which terms, with which weights, on which batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bgs.config import (
    HardNegativeTerm,
    ObjectiveSettings,
    OddOneOutTerm,
    Ramp,
    RankRsaTerm,
    RsaTerm,
    TripletTerm,
    load_config,
)
from bgs.errors import ConfigError
from bgs.objectives import JudgedBatch, Objective
from bgs.objectives.hybrid import _draw_groups
from bgs.objectives.terms import grouped_negative_loss, rsa_loss, triplet_loss


@pytest.fixture
def embeddings() -> Tensor:
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


def batch(
    *, triplets: bool = True, num_pairs: int = 10, num_hard_negatives: int = 0
) -> JudgedBatch:
    pairs = torch.triu_indices(5, 5, offset=1).T[:num_pairs]
    return JudgedBatch(
        clips=torch.arange(5),
        triplets=torch.tensor([[0, 1, 2], [3, 4, 0]]) if triplets else torch.zeros(0, 3).long(),
        pairs=pairs,
        dissimilarities=torch.linspace(0, 1, num_pairs),
        counts=torch.arange(1.0, num_pairs + 1),
        num_hard_negatives=num_hard_negatives,
    )


@pytest.mark.parametrize(("epoch", "beta"), [(0, 0.3), (1, 0.4), (4, 0.7), (40, 0.7)])
def test_the_default_is_the_published_sum_with_its_ramp(
    embeddings: Tensor, epoch: int, beta: float
) -> None:
    judged = batch()
    loss = Objective(ObjectiveSettings())(embeddings, judged, epoch=epoch)
    triplet = float(triplet_loss(embeddings, judged.triplets, margin=0.2))
    rsa = float(rsa_loss(embeddings, judged.pairs, judged.dissimilarities))
    assert float(loss.total) == pytest.approx(0.7 * triplet + beta * rsa, abs=1e-6)
    assert {name: float(value) for name, value in loss.parts.items()} == pytest.approx(
        {"triplet": triplet, "rsa": rsa}
    )


def test_any_sum_of_all_terms(embeddings: Tensor) -> None:
    settings = ObjectiveSettings(
        triplet=TripletTerm(weight=0.1, symmetric=True),
        odd_one_out=OddOneOutTerm(weight=Ramp(start=0.2, per_epoch=0.1, stop=0.4)),
        hard_negatives=HardNegativeTerm(weight=0.3),
        rsa=RsaTerm(weight=0.4, count_weighted=True),
        rank_rsa=RankRsaTerm(weight=0.5, count_weighted=True),
    )
    loss = Objective(settings)(embeddings, batch(num_hard_negatives=2), epoch=1)
    weights = {
        "triplet": 0.1,
        "odd_one_out": 0.3,
        "hard_negatives": 0.3,
        "rsa": 0.4,
        "rank_rsa": 0.5,
    }
    assert loss.parts.keys() == weights.keys()
    total = sum(weight * float(loss.parts[name]) for name, weight in weights.items())
    assert float(loss.total) == pytest.approx(total, abs=1e-6)


def test_count_weighting_changes_the_correlation(embeddings: Tensor) -> None:
    plain = Objective(ObjectiveSettings(triplet=None))(embeddings, batch(), epoch=0)
    weighted = ObjectiveSettings(triplet=None, rsa=RsaTerm(count_weighted=True))
    other = Objective(weighted)(embeddings, batch(), epoch=0)
    expected = rsa_loss(embeddings, batch().pairs, batch().dissimilarities, weights=batch().counts)
    assert float(other.parts["rsa"]) == pytest.approx(float(expected))
    assert float(other.parts["rsa"]) != pytest.approx(float(plain.parts["rsa"]), abs=1e-4)


@pytest.mark.parametrize(
    ("judged", "present"),
    [
        (batch(triplets=False), ["rsa", "rank_rsa"]),
        (batch(num_pairs=2), ["triplet", "odd_one_out"]),
        (batch(num_hard_negatives=1, num_pairs=0), ["triplet", "odd_one_out", "hard_negatives"]),
        (batch(triplets=False, num_pairs=0), []),
    ],
)
def test_a_term_is_left_out_of_a_batch_that_says_nothing_about_it(
    embeddings: Tensor, judged: JudgedBatch, present: list[str]
) -> None:
    settings = ObjectiveSettings(
        odd_one_out=OddOneOutTerm(), hard_negatives=HardNegativeTerm(), rank_rsa=RankRsaTerm()
    )
    embeddings.requires_grad_()
    loss = Objective(settings)(embeddings, judged, epoch=0)
    loss.total.backward()  # even of nothing
    assert list(loss.parts) == present
    assert embeddings.grad is not None
    assert bool(embeddings.grad.any()) == bool(present)


def test_an_objective_without_terms_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Objective(ObjectiveSettings(triplet=None, rsa=None))
    assert str(caught.value) == (
        "the objective has no term, so there is nothing to learn; "
        "set one of triplet, odd_one_out, hard_negatives, rsa, rank_rsa"
    )


def test_the_objective_knows_its_terms_and_its_budget() -> None:
    objective = Objective(ObjectiveSettings(rsa=None, hard_negatives=HardNegativeTerm()))
    assert repr(objective) == "Objective(triplet + hard_negatives)"
    assert objective.num_hard_negatives == 738
    assert Objective(ObjectiveSettings()).num_hard_negatives == 0


def test_a_large_batch_is_asked_for_negatives_in_groups_that_batch_and_epoch_decide() -> None:
    settings = ObjectiveSettings(
        triplet=None, rsa=None, hard_negatives=HardNegativeTerm(margin=2.0)
    )
    rng = torch.Generator().manual_seed(0)
    clips = torch.arange(40)
    triplets = torch.stack([torch.randperm(40, generator=rng)[:3] for _ in range(60)])
    none = torch.zeros(0)
    large = JudgedBatch(
        clips=clips, triplets=triplets, pairs=torch.zeros(0, 2, dtype=torch.long),
        dissimilarities=none, counts=none, num_hard_negatives=5,
    )  # fmt: skip
    embeddings = torch.randn(40, 8, generator=rng)
    objective = Objective(settings)
    parts = [objective(embeddings, large, epoch=epoch).parts for epoch in (0, 0, 1)]
    losses = [float(found["hard_negatives"]) for found in parts]
    assert losses[0] == losses[1] != losses[2]
    groups = _draw_groups(large, (5, 4), epoch=0)
    expected = grouped_negative_loss(embeddings, triplets[groups], clips, margin=2.0)
    # 5 of the 15 groups of four that 60 judgments make have a negative.
    assert losses[0] == pytest.approx(float(expected) * 5 / 15)


def test_a_batch_says_what_it_holds_and_refuses_what_does_not_fit() -> None:
    assert repr(batch()) == "JudgedBatch(5 clips, 2 judgments, 10 pairs)"
    with pytest.raises(
        ValueError, match=r"^10 pairs, 10 dissimilarities and 9 counts; give one of each a pair$"
    ):
        JudgedBatch(
            clips=torch.arange(5),
            triplets=torch.zeros(0, 3),
            pairs=batch().pairs,
            dissimilarities=batch().dissimilarities,
            counts=torch.ones(9),
        )
    with pytest.raises(
        ValueError, match=r"triplets of shape \(4, 2\) and pairs of shape \(10, 2\)"
    ):
        JudgedBatch(
            clips=torch.arange(5),
            triplets=torch.zeros(4, 2),
            pairs=batch().pairs,
            dissimilarities=batch().dissimilarities,
            counts=batch().counts,
        )


VARIANTS = {
    "hybrid": ([], {"triplet": 0.7, "rsa": 0.5}),
    "triplet-only": (["objective.rsa=null", "objective.triplet.weight=1"], {"triplet": 1.0}),
    "rsa-only": (["objective.triplet=null"], {"rsa": 0.5}),
    "budget-matched": (
        ["objective.rsa=null", "objective.hard_negatives={weight: 0.5}"],
        {"triplet": 0.7, "hard_negatives": 0.5},
    ),
    "odd-one-out": (
        ["objective.rsa=null", "objective.triplet=null", "objective.odd_one_out={}"],
        {"odd_one_out": 1.0},
    ),
    "soft Spearman, weighted by counts": (
        ["objective.rsa=null", "objective.rank_rsa={weight: 2, count_weighted: true}"],
        {"triplet": 0.7, "rank_rsa": 2.0},
    ),
    "symmetric, weighted by counts, and one more": (
        [
            "objective.triplet.symmetric=true", "objective.rsa.count_weighted=true",
            "objective.odd_one_out={weight: {start: 0.1, per_epoch: 0.1, stop: 0.2}}",
        ],
        {"triplet": 0.7, "odd_one_out": 0.2, "rsa": 0.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_a_config_makes_any_weighted_sum(embeddings: Tensor, tmp_path: Path, name: str) -> None:
    words, weights = VARIANTS[name]
    path = tmp_path / "config.yaml"
    path.write_text(
        "data: {triplets: mine}\nobjective: {triplet: {weight: 0.7}, rsa: {weight: 0.5}}\n"
    )
    objective = Objective(load_config(path, overrides=words).objective)
    loss = objective(embeddings, batch(num_hard_negatives=2), epoch=5)
    assert set(loss.parts) == set(weights)
    total = sum(weight * float(loss.parts[term]) for term, weight in weights.items())
    assert float(loss.total) == pytest.approx(total, abs=1e-6)
    assert objective.num_hard_negatives == (738 if name == "budget-matched" else 0)
