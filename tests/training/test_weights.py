"""The moving average of weights, and which weights a checkpoint holds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bgs.training.weights import MovingAverage, set_trained_weights, trained_weights


def model_at(value: float) -> nn.Linear:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


def test_the_average_follows_the_formula() -> None:
    model = model_at(0.0)
    average = MovingAverage(model, decay=0.6)
    expected = 0.0
    for step in range(1, 6):
        nn.init.constant_(model.weight, float(step))
        average.update(model)
        decay = min(0.6, 1 - 1 / (step + 1))
        expected = decay * expected + (1 - decay) * step
    assert float(average.values["weight"]) == pytest.approx(expected)


def test_averaged_weights_are_in_place_only_inside() -> None:
    model = model_at(0.0)
    average = MovingAverage(model, decay=0.5)
    nn.init.constant_(model.weight, 8.0)
    average.update(model)
    with average.applied(model):
        assert float(model.weight.detach()) == 4.0
    assert float(model.weight.detach()) == 8.0
    other = MovingAverage(model, decay=0.5)
    other.load_state_dict(average.state_dict())
    assert float(other.values["weight"]) == 4.0
    assert other.steps == 1


def test_the_kept_weights_are_the_averaged_ones(run, tiny_model) -> None:
    seen = []

    def validate(model: nn.Module) -> float:
        seen.append(model.head.weight.detach().clone())
        return float(len(seen))

    model, _ = run(validate=validate, ema_decay=0.9)
    assert torch.equal(model.head.weight, seen[-1])


def test_frozen_weights_are_not_saved_and_buffers_are() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].weight.requires_grad_(False)
    saved = trained_weights(model)
    assert set(saved) == {
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    }
    nn.init.constant_(model[0].bias, 7.0)
    set_trained_weights(model, saved)
    assert torch.equal(model[0].bias, saved["0.bias"])
