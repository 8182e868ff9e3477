"""One update: what several draws add up to, and when a loss is scaled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bgs.config import ObjectiveSettings, TrainingSettings
from bgs.objectives import Objective
from bgs.training.batches import Draw
from bgs.training.judged import JudgedClips
from bgs.training.processes import Processes
from bgs.training.updates import Updater
from bgs.training.work import judgment_work


@pytest.fixture
def judged(world) -> JudgedClips:
    return JudgedClips.from_human(world.bank, world.judgments, world.human)


def updater_of(model: nn.Module, bank: Any, judged: JudgedClips, **settings: Any) -> Updater:
    values = TrainingSettings(
        per_device_train_batch_size=8, learning_rate=0.01, max_grad_norm=1e9, **settings
    )
    processes, objective = Processes(), Objective(ObjectiveSettings())
    work = judgment_work(model, bank, judged, objective, values, seed=0, processes=processes)
    return Updater(model, work, values, processes, seed=0, total_steps=10)


def frames(world, judged: JudgedClips, updater: Updater, draws: list[Draw]) -> Iterator[Tensor]:
    return (world.bank.batch(judged.bank_rows[clips]) for clips in updater.loads_of(draws))


def gradients(model: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_an_accumulated_gradient_is_the_mean_over_draws(world, judged, tiny_model) -> None:
    def after(chosen: slice) -> tuple[Tensor, float]:
        model = tiny_model(dropout=0.0)
        updater = updater_of(model, world.bank, judged)
        draws = updater.sampler.draw(0)[chosen]
        update = updater.update(draws, frames(world, judged, updater, draws), epoch=0, step=0)
        return gradients(model), update.losses["loss"]

    alone = [after(slice(number, number + 1)) for number in range(3)]
    together, loss = after(slice(0, 3))
    mean = torch.stack([gradient for gradient, _ in alone]).mean(dim=0)
    assert float((together - mean).abs().max()) < 1e-6
    assert float(mean.abs().max()) > 1e-3
    assert loss == pytest.approx(sum(value for _, value in alone) / 3)


@pytest.mark.parametrize(
    ("precision", "scale"), [({}, 1.0), ({"bf16": True}, 1.0), ({"fp16": True}, 65536.0)]
)
def test_only_float16_scales_its_loss(
    world, judged, tiny_model, precision: dict[str, bool], scale: float
) -> None:
    exact, model = tiny_model(dropout=0.0), tiny_model(dropout=0.0)
    found = []
    for trained, settings in ((exact, {}), (model, precision)):
        updater = updater_of(trained, world.bank, judged, **settings)
        draws = updater.sampler.draw(0)[:1]
        updater.update(draws, frames(world, judged, updater, draws), epoch=0, step=0)
        found.append(updater.scaler.get_scale())
    assert found == [1.0, scale]
    # Unscaled again before it is clipped and stepped with: the size of a float32 gradient.
    ratio = gradients(model).norm() / gradients(exact).norm()
    assert 0.9 < float(ratio) < 1.1


def test_a_float16_step_that_overflows_is_skipped_and_the_scale_falls(
    world, judged, tiny_model
) -> None:
    class Exploding(tiny_model):
        def forward(self, inputs: Tensor) -> Tensor:
            result = super().forward(inputs)
            if result.requires_grad:
                result.register_hook(lambda gradient: gradient * torch.inf)
            return result

    model = Exploding()
    before = weights(model)
    updater = updater_of(model, world.bank, judged, fp16=True)
    draws = updater.sampler.draw(0)[:1]
    updater.update(draws, frames(world, judged, updater, draws), epoch=0, step=0)
    assert torch.equal(weights(model), before)
    assert updater.scaler.get_scale() == 32768.0
