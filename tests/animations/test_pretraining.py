"""The pre-training recipe: targets that describe what was drawn, weights that can learn, a safe clock."""

import argparse

import numpy as np
import pytest
import torch

from bgs.animations.seeds import generator
from experiments.pretrain_model import Pretext, initialise, new_encoder, pretext_loss
from experiments.pretrain_targets import MEAN, STD, Scales, draw_batch, simulate_bank
from experiments.pretrain_tiny import Run, learning_rate


@pytest.fixture(scope="module")
def bank():
    return simulate_bank(40, rng=generator("test", 0))


@pytest.fixture(scope="module")
def batch(bank):
    return draw_batch(bank, np.arange(40), rng=generator("test", 1), plain=True)


def test_the_first_agent_is_bright_where_the_targets_say_it_is(batch):
    pixels, raw = batch
    place = raw["tubelet"][:, :, :2]  # first agent, picture coordinates, a pair of frames
    luminance = (pixels.permute(0, 1, 3, 4, 2).numpy() * STD + MEAN).mean(-1)
    found = []
    for clip, moments in enumerate(place):
        column, row = ((moments[0] + 1) * 32).astype(int).clip(1, 62)
        around = luminance[clip, 0, row - 1 : row + 2, column - 1 : column + 2]
        found.append(around.max() - np.median(luminance[clip, 0]))
    assert np.mean(np.array(found) > 0.15) > 0.8  # fast agents have left the spot


def test_occupancy_peaks_in_the_patch_that_holds_the_agent(batch):
    _, raw = batch
    token = raw["token"].reshape(40, 6, 16, -1)
    place = ((raw["tubelet"][:, :, :2] + 1) * 2).astype(int).clip(0, 3)
    expected = place[..., 1] * 4 + place[..., 0]
    inside = (np.abs(raw["tubelet"][:, :, :2]) < 1).all(axis=-1)
    np.testing.assert_array_equal(token[..., 0].argmax(axis=2)[inside], expected[inside])


def test_the_same_stream_draws_the_same_batch(bank, batch):
    again, _ = draw_batch(bank, np.arange(40), rng=generator("test", 1), plain=True)
    torch.testing.assert_close(again, batch[0], rtol=0, atol=0)


def test_gradients_reach_every_weight(batch):
    pixels, raw = batch
    scales = Scales.of(raw)
    targets = scales.apply(raw)
    model = Pretext(targets.sizes())
    initialise(model.encoder, seed=0)
    loss, parts = pretext_loss(model(pixels), targets)
    loss.backward()
    assert set(parts) == {"occupancy", "place", "token", "tubelet", "social", "look"}
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def column_r2(encoder: torch.nn.Module) -> float:
    """How well a patch's column can be read linearly after the first block."""
    torch.manual_seed(0)
    with torch.no_grad():
        states = encoder(torch.randn(8, 12, 3, 64, 64), output_hidden_states=True).hidden_states
    x = torch.cat([states[1].flatten(0, 1), torch.ones(8 * 96, 1)], dim=1)
    column = torch.nn.functional.one_hot(torch.arange(96) % 4).float().repeat(8, 1)
    left = x @ torch.linalg.lstsq(x, column).solution - column
    return 1 - float(left.var() / column.var())


def test_columns_are_readable_from_the_start_unlike_with_the_default_weights():
    encoder = new_encoder()
    before = column_r2(encoder)
    initialise(encoder, seed=1)
    assert column_r2(encoder) > before + 0.3


def test_the_rate_warms_up_and_ends_with_the_time():
    assert learning_rate(0.0, peak=1.0, step=0) == pytest.approx(1 / 300)
    assert learning_rate(0.0, peak=1.0, step=400) == pytest.approx(1.0)
    assert learning_rate(1.0, peak=1.0, step=400) == pytest.approx(0.002)


def test_a_run_resumes_where_it_was_saved(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.pretrain_tiny.BANK", 64)
    monkeypatch.setattr("experiments.pretrain_tiny.EXAMPLES", 64)
    settings = {"out": str(tmp_path), "seed": 3, "lr": 1e-3, "batch": 4, "minutes": 1.0}
    first = Run(argparse.Namespace(**settings, resume=False))
    first.train_step()
    first.elapsed = 2.0
    first.save()
    second = Run(argparse.Namespace(**settings, resume=True))
    assert (second.step, second.elapsed) == (1, 2.0)
    first.train_step()
    second.train_step()
    for one, two in zip(first.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
