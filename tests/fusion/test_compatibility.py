"""Gradients at angles that are known, with and without noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bgs.errors import DataError
from bgs.fusion.compatibility import (
    OVERALL,
    collect_gradients,
    compare_gradients,
    mend_conflicts,
    parts_of,
)


def batches(direction: np.ndarray, noise: float, *, count: int = 16, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (direction + rng.normal(0, noise, (count, len(direction)))).astype(np.float32)


def at_angle(degrees: float, *, dim: int = 400, length: float = 1.0) -> np.ndarray:
    direction = np.zeros(dim)
    direction[0], direction[1] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return length * direction


@pytest.mark.parametrize("degrees", [0, 45, 90, 120, 180])
def test_the_angle_between_two_tasks_without_noise(degrees):
    samples = {"a": batches(at_angle(0), 0.0), "b": batches(at_angle(degrees, length=3.0), 0.0)}
    (found,) = compare_gradients(samples)
    assert found.cosine == pytest.approx(np.cos(np.radians(degrees)), abs=1e-6)
    assert found.reliability == pytest.approx((1.0, 1.0))
    assert found.ratio == pytest.approx(1 / 3)
    if degrees != 90:
        assert found.conflict == float(degrees > 90)


@pytest.mark.parametrize("degrees", [0, 60, 120])
def test_noise_lowers_the_cosine_and_the_null_says_so(degrees):
    """At a noise of .2 in 400 dimensions one batch says little: within a task, too, cosines are low."""
    truth = np.cos(np.radians(degrees))
    found = [
        compare_gradients(
            {"a": batches(at_angle(0), 0.2, seed=2 * k), "b": batches(at_angle(degrees), 0.2, seed=2 * k + 1)},
        )[0]
        for k in range(20)
    ]  # fmt: skip
    assert abs(np.mean([f.cosine for f in found])) < abs(truth) * 0.75
    assert np.mean([f.without_noise for f in found]) == pytest.approx(truth, abs=0.08)
    assert 0.1 < np.mean([f.reliability[0] for f in found]) < 0.75


def test_pure_noise_is_known_for_what_it_is():
    samples = {name: batches(np.zeros(400), 1.0, seed=k) for k, name in enumerate("ab")}
    (found,) = compare_gradients(samples)
    assert abs(found.cosine) < 0.2
    assert max(found.reliability) < 0.35
    assert found.conflict == pytest.approx(0.5, abs=0.15)
    assert found.conflict_within == pytest.approx(0.5, abs=0.15)


def test_intervals_hold_the_truth():
    inside = 0
    for k in range(40):
        samples = {"a": batches(at_angle(0, dim=20), 0.3, count=40, seed=2 * k),
                   "b": batches(at_angle(60, dim=20), 0.3, count=40, seed=2 * k + 1)}  # fmt: skip
        (found,) = compare_gradients(samples, seed=k)
        # The mean of many batches: what the interval is about is the noisy cosine, not the angle.
        expected = 0.5 / (1 + 20 * 0.09 / 40)
        inside += found.ci95[0] <= expected <= found.ci95[1]
    assert inside >= 33


def test_every_pair_of_tasks_is_compared():
    samples = {name: batches(at_angle(30 * k), 0.0) for k, name in enumerate("abc")}
    found = {
        (f.first, f.second): round(np.degrees(np.arccos(f.cosine)))
        for f in compare_gradients(samples)
    }
    assert found == {("a", "b"): 30, ("a", "c"): 60, ("b", "c"): 30}


def test_too_few_batches():
    with pytest.raises(DataError, match="2 gradients of task 'a'; take 4 batches or more"):
        compare_gradients({"a": np.ones((2, 3), np.float32), "b": np.ones((4, 3), np.float32)})


def test_gradients_of_a_toy_model_are_those_of_its_losses():
    """(w . x - y)^2 with w = (1, 2): the gradient is 2 (w . x - y) x."""
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 2.0]]))
    cases = [(torch.tensor([1.0, 0.0]), 0.0), (torch.tensor([1.0, 1.0]), 5.0)]
    losses = [lambda x=x, y=y: (model(x) - y).square().sum() for x, y in cases]
    found = collect_gradients(model, losses, parts=parts_of(model))
    np.testing.assert_allclose(found[OVERALL], [[2, 0], [-4, -4]])
    assert model.weight.grad is None


def test_parts_are_layers_and_leave_out_what_is_frozen():
    model = nn.ModuleDict(
        {"layers": nn.ModuleList([nn.Linear(2, 2) for _ in range(2)]), "head": nn.Linear(2, 1)}
    )
    model["head"].bias.requires_grad_(False)
    parts = parts_of(model)
    assert {name: sum(p.numel() for p in found) for name, found in parts.items()} == {
        "overall": 14, "layers.0": 6, "layers.1": 6, "head": 2,
    }  # fmt: skip


def test_a_weight_that_a_loss_does_not_touch_has_no_gradient():
    model = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
    found = collect_gradients(
        model, [lambda: model["a"](torch.ones(1)).sum()], parts=parts_of(model)
    )
    np.testing.assert_allclose(found["b"], 0)


def test_mending_two_opposed_gradients_by_hand():
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    # first loses its part along second: (1,0) - (-1/2)(-1,1) = (1/2, 1/2); second loses (-1) of first: (0, 1)
    torch.testing.assert_close(mend_conflicts([first, second]), torch.tensor([0.5, 1.5]))


def test_mending_leaves_gradients_that_agree_alone_and_no_task_worse_off():
    agreeing = [torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])]
    torch.testing.assert_close(mend_conflicts(agreeing), torch.tensor([2.0, 1.0]))
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        pair = [torch.randn(5, generator=rng) for _ in range(2)]
        step = mend_conflicts(pair, generator=rng)
        assert all(step @ gradient >= -1e-5 for gradient in pair)
