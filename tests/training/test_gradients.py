"""Chunks, replayed dropout and context clips give the gradient that plain back-propagation gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bgs.config import ObjectiveSettings, PublishedProtocol, TrainingSettings
from bgs.objectives import Objective
from bgs.training.batches import ClipSampler, Draw, TripletSampler, make_sampler
from bgs.training.gradients import GradientEngine
from bgs.training.judged import JudgedClips
from bgs.training.processes import Processes


@pytest.fixture
def judged(world) -> JudgedClips:
    return JudgedClips.from_human(world.bank, world.judgments, world.human)


def gradient(
    model: nn.Module, judged: JudgedClips, world, draw: Draw, sampler, *, chunk_size: int | None
) -> dict[str, Tensor]:
    engine = GradientEngine(
        model, Objective(ObjectiveSettings()), processes=Processes(), chunk_size=chunk_size
    )
    model.zero_grad()
    inputs = (world.bank.batch(judged.bank_rows[clips]) for clips in engine.loads_of(draw))
    engine.add(draw, sampler.judge(draw), inputs, epoch=2)
    assert next(inputs, None) is None  # everything that was announced was asked for
    return {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("chunk_size", [1, 5, 8, 23])
def test_chunks_give_the_gradient_of_one_batch(world, judged, tiny_model, chunk_size: int) -> None:
    sampler = ClipSampler(judged, len(judged), seed=0)
    (draw,) = sampler.draw(0)
    model = tiny_model(dropout=0.0)
    whole = gradient(model, judged, world, draw, sampler, chunk_size=None)
    chunked = gradient(model, judged, world, draw, sampler, chunk_size=chunk_size)
    for name, expected in whole.items():
        assert float((chunked[name] - expected).abs().max()) < 1e-5, name
        assert float(expected.abs().max()) > 1e-3, name


def test_the_second_pass_replays_the_dropout_of_the_first(world, judged, tiny_model) -> None:
    sampler = ClipSampler(judged, len(judged), seed=0)
    (draw,) = sampler.draw(0)
    model = tiny_model(dropout=0.5)
    torch.manual_seed(4)
    chunked = gradient(model, judged, world, draw, sampler, chunk_size=5)
    after = torch.get_rng_state()

    torch.manual_seed(4)
    clips = np.array_split(draw.clips, 5)
    embeddings = torch.cat([model(world.bank.batch(judged.bank_rows[chunk])) for chunk in clips])
    model.zero_grad()
    Objective(ObjectiveSettings())(embeddings, sampler.judge(draw), epoch=2).total.backward()
    assert torch.equal(after, torch.get_rng_state())  # dropout was drawn once, not twice
    for name, parameter in model.named_parameters():
        assert float((chunked[name] - parameter.grad).abs().max()) < 1e-5, name


def test_context_clips_are_compared_with_but_not_learnt_through(world, judged, tiny_model) -> None:
    sampler = TripletSampler(
        judged,
        2,
        PublishedProtocol(rsa_updates_per_epoch=1, rsa_clips=10, rsa_grad_clips=3),
        seed=0,
    )
    draw = next(draw for draw in sampler.draw(0) if len(draw.context))
    batch = sampler.judge(draw)
    model = tiny_model(dropout=0.0)
    found = gradient(model, judged, world, draw, sampler, chunk_size=None)

    model.zero_grad()
    with_graph = model(world.bank.batch(judged.bank_rows[draw.clips]))
    without = model(world.bank.batch(judged.bank_rows[draw.context])).detach()
    Objective(ObjectiveSettings())(
        torch.cat([with_graph, without]), batch, epoch=2
    ).total.backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


class Counting(nn.Module):
    """Notes how many numbers its graph holds on to at a time."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.held = 0
        self.most = 0

    def forward(self, inputs: Tensor) -> Tensor:
        counter = self

        class Held:
            def __init__(self, tensor: Tensor) -> None:
                self.tensor = tensor
                counter.held += tensor.numel()
                counter.most = max(counter.most, counter.held)

            def __del__(self) -> None:
                counter.held -= self.tensor.numel()

        with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
            return self.model(inputs)


def test_peak_memory_does_not_grow_with_the_number_of_clips(world, judged, tiny_model) -> None:
    most = {}
    for num_clips in (8, 16, 24):
        ids = world.human.ids[:num_clips]
        few = JudgedClips.from_human(
            world.bank, world.judgments.restrict(ids), world.human.restrict(ids)
        )
        sampler = ClipSampler(few, num_clips, seed=0)
        model = Counting(tiny_model())
        gradient(model, few, world, sampler.draw(0)[0], sampler, chunk_size=4)
        most[num_clips] = model.most
    assert most[8] > 0
    assert most[8] == most[16] == most[24]


def test_bfloat16_comes_close(world, judged, tiny_model) -> None:
    sampler = ClipSampler(judged, len(judged), seed=0)
    (draw,) = sampler.draw(0)
    model = tiny_model(dropout=0.0)
    exact = gradient(model, judged, world, draw, sampler, chunk_size=None)

    def inputs() -> Iterator[Tensor]:
        for clips in engine.loads_of(draw):
            yield world.bank.batch(judged.bank_rows[clips])

    engine = GradientEngine(
        model,
        Objective(ObjectiveSettings()),
        processes=Processes(),
        chunk_size=6,
        precision=torch.bfloat16,
    )
    model.zero_grad()
    engine.add(draw, sampler.judge(draw), inputs(), epoch=2)
    for name, parameter in model.named_parameters():
        assert parameter.grad.dtype == torch.float32
        ratio = (parameter.grad - exact[name]).norm() / exact[name].norm()
        assert 0 < float(ratio) < 0.1, name


def test_large_batch_is_one_step_an_epoch_over_all_clips(judged) -> None:
    settings = TrainingSettings(large_batch=True, per_device_train_batch_size=4)
    sampler = make_sampler(judged, settings, seed=0)
    assert sampler.steps_per_epoch == 1
    (draw,) = sampler.draw(0)
    assert sorted(draw.clips) == list(range(len(judged)))
