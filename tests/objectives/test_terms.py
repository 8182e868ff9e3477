"""Every vectorised term against a loop that says the same slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr
from torch import Tensor

from bgs.objectives.terms import (
    correlation,
    cosine_distances,
    grouped_negative_loss,
    hard_negative_loss,
    mid_ranks,
    odd_one_out_loss,
    rank_rsa_loss,
    rsa_loss,
    soft_ranks,
    triplet_loss,
)

TRIPLETS = torch.tensor([[0, 1, 2], [3, 1, 0], [5, 4, 2], [2, 0, 5], [1, 2, 3]])


@pytest.fixture
def embeddings() -> Tensor:
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).double().float()


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(1)
    rows, columns = np.triu_indices(6, k=1)
    chosen = rng.permutation(len(rows))[:9]
    return (
        torch.from_numpy(np.stack([rows[chosen], columns[chosen]], axis=1)),
        torch.from_numpy(rng.integers(0, 4, size=9) / 3).float(),
        torch.from_numpy(rng.integers(1, 6, size=9)).float(),
    )


def distance(embeddings: Tensor, a: int, b: int) -> float:
    x, y = embeddings[a].double(), embeddings[b].double()
    return 1.0 - float(x @ y / (x.norm() * y.norm()))


def test_cosine_distances_do_not_mind_length(embeddings: Tensor) -> None:
    lengths = torch.tensor([1.0, 3.0, 0.1, 7.0, 2.0, 5.0])[:, None]
    torch.testing.assert_close(cosine_distances(embeddings), cosine_distances(embeddings * lengths))
    assert float(cosine_distances(torch.tensor([[1.0, 0.0], [-2.0, 0.0]]))[0, 1]) == 2.0


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("margin", [0.0, 0.2, 1.5])
def test_triplet_loss_is_the_naive_loop(embeddings: Tensor, margin: float, symmetric: bool) -> None:
    losses = []
    for a, p, o in TRIPLETS.tolist():
        for anchor, positive in [(a, p), (p, a)] if symmetric else [(a, p)]:
            near, far = distance(embeddings, anchor, positive), distance(embeddings, anchor, o)
            losses.append(max(0.0, near - far + margin))
    loss = triplet_loss(embeddings, TRIPLETS, margin=margin, symmetric=symmetric)
    assert float(loss) == pytest.approx(sum(losses) / len(losses), abs=1e-6)


def test_triplet_loss_is_zero_once_the_odd_clip_is_a_margin_further_away() -> None:
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    judged = torch.tensor([[0, 1, 2]])
    assert float(triplet_loss(embeddings, judged, margin=1.0)) == 0.0
    assert float(triplet_loss(embeddings, judged, margin=1.2)) == pytest.approx(0.2)


def test_odd_one_out_loss_is_the_naive_loop(embeddings: Tensor) -> None:
    losses = []
    for a, p, o in TRIPLETS.tolist():
        scores = [
            math.exp((1 - distance(embeddings, i, j)) / 0.3) for i, j in ((a, p), (a, o), (p, o))
        ]
        losses.append(-math.log(scores[0] / sum(scores)))
    loss = odd_one_out_loss(embeddings, TRIPLETS, temperature=0.3)
    assert float(loss) == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_odd_one_out_loss_of_an_indifferent_model_is_log_three() -> None:
    loss = odd_one_out_loss(torch.eye(3), torch.tensor([[0, 1, 2]]), temperature=0.1)
    assert float(loss) == pytest.approx(math.log(3))


@pytest.mark.parametrize("count", [1, 3, 99])
def test_hard_negative_loss_is_the_naive_loop(embeddings: Tensor, count: int) -> None:
    clips = torch.tensor([10, 11, 12, 13, 11, 15])  # row 4 shows the clip of row 1 again
    losses = []
    for a, p, _ in TRIPLETS.tolist():
        wrong = [r for r in range(6) if clips[r] not in (clips[a], clips[p])]
        nearest = min(distance(embeddings, a, r) for r in wrong)
        losses.append(max(0.0, distance(embeddings, a, p) - nearest + 0.2))
    worst = sorted(losses, reverse=True)[:count]
    loss = hard_negative_loss(embeddings, TRIPLETS, clips, count=count, margin=0.2)
    assert float(loss) == pytest.approx(sum(worst) / len(worst), abs=1e-6)


def test_hard_negative_loss_is_zero_where_a_batch_holds_no_wrong_clip(embeddings: Tensor) -> None:
    clips = torch.tensor([1, 2, 1])
    loss = hard_negative_loss(embeddings[:3], torch.tensor([[0, 1, 2]]), clips, count=1, margin=0.2)
    assert float(loss) == 0.0


def test_a_group_of_judgments_is_a_small_batch(embeddings: Tensor) -> None:
    """The mean over groups of what each would be as a batch of its own, the worst of it alone."""
    clips = torch.tensor([10, 11, 12, 13, 11, 15])
    groups = TRIPLETS[torch.tensor([[0, 1], [2, 0]])]  # (groups, judgments, 3)
    losses = []
    for group in groups:
        rows = group.flatten()
        alone = torch.arange(6).reshape(2, 3)
        losses.append(hard_negative_loss(embeddings[rows], alone, clips[rows], count=1, margin=0.2))
    loss = grouped_negative_loss(embeddings, groups, clips, margin=0.2)
    assert float(loss) == pytest.approx(float(sum(losses)) / 2, abs=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_rsa_loss_is_the_naive_correlation(
    embeddings: Tensor, pairs: tuple[Tensor, Tensor, Tensor], weighted: bool
) -> None:
    places, people, counts = pairs
    repeats = counts.int().tolist() if weighted else [1] * len(people)
    model, human = [], []
    for (a, b), value, times in zip(places.tolist(), people.tolist(), repeats, strict=True):
        model += [distance(embeddings, a, b)] * times  # a weight is a repetition
        human += [value] * times
    loss = rsa_loss(embeddings, places, people, weights=counts if weighted else None)
    assert float(loss) == pytest.approx(-np.corrcoef(model, human)[0, 1], abs=1e-6)


def test_rsa_loss_of_the_model_s_own_distances_is_minus_one(embeddings: Tensor) -> None:
    places = torch.triu_indices(6, 6, offset=1).T
    people = cosine_distances(embeddings)[places[:, 0], places[:, 1]] * 3 + 2
    assert float(rsa_loss(embeddings, places, people)) == pytest.approx(-1.0, abs=1e-6)


def test_a_correlation_with_a_constant_is_zero_and_pulls_nowhere() -> None:
    values = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    result = correlation(values, torch.ones(3))
    result.backward()
    assert float(result.detach()) == 0.0
    assert values.grad is not None
    assert values.grad.tolist() == [0.0, 0.0, 0.0]


def test_rank_rsa_approaches_spearman_as_the_temperature_falls(
    embeddings: Tensor, pairs: tuple[Tensor, Tensor, Tensor]
) -> None:
    places, people, _ = pairs
    model = [distance(embeddings, a, b) for a, b in places.tolist()]
    expected = -spearmanr(model, people.numpy()).statistic
    sharp = rank_rsa_loss(embeddings, places, people, temperature=1e-4)
    assert float(sharp) == pytest.approx(expected, abs=1e-3)
    smooth = rank_rsa_loss(embeddings, places, people, temperature=0.1)
    assert float(smooth) == pytest.approx(expected, abs=0.15)


def test_soft_ranks_are_the_naive_sigmoids() -> None:
    values = torch.tensor([0.1, 0.5, 0.4, 0.9])
    width = 0.2 * float(values.std())
    naive = [
        sum(1 / (1 + math.exp(-(float(v) - float(w)) / width)) for w in values) / 4 for v in values
    ]
    assert soft_ranks(values, temperature=0.2).tolist() == pytest.approx(naive, abs=1e-6)


def test_soft_ranks_of_many_values_need_only_some_anchors() -> None:
    values = torch.rand(3000, generator=torch.Generator().manual_seed(2))
    exact = soft_ranks(values, temperature=0.05, num_anchors=3000)
    quick = soft_ranks(values, temperature=0.05, num_anchors=256)
    assert float((exact - quick).abs().max()) < 5e-3


def test_mid_ranks_are_scipy_s() -> None:
    values = torch.tensor([0.5, 0.1, 0.5, 0.9, 0.1, 0.5])
    expected = (rankdata(values.numpy()) - 0.5) / 6
    assert mid_ranks(values).tolist() == pytest.approx(expected.tolist())


def test_every_term_has_the_gradient_of_finite_differences() -> None:
    start = torch.randn(6, 4, generator=torch.Generator().manual_seed(5))
    places = torch.triu_indices(6, 6, offset=1).T
    people = torch.rand(15, generator=torch.Generator().manual_seed(6))
    terms = {
        "triplet": lambda e: triplet_loss(e, TRIPLETS, margin=0.2, symmetric=True),
        "odd_one_out": lambda e: odd_one_out_loss(e, TRIPLETS, temperature=0.5),
        "rsa": lambda e: rsa_loss(e, places, people, weights=people + 1),
        "hard": lambda e: hard_negative_loss(e, TRIPLETS, torch.arange(6), count=3, margin=0.5),
    }
    direction = torch.randn(6, 4, generator=torch.Generator().manual_seed(8))
    for name, term in terms.items():
        embeddings = start.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(term(embeddings), embeddings)
        step = 1e-3
        slope = (term(start + step * direction) - term(start - step * direction)) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(float(slope), abs=2e-3), name
