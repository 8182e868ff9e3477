"""The learning-rate factor against torch's and transformers' own schedulers."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import get_cosine_schedule_with_warmup

from bgs.config import TrainingSettings
from bgs.training.schedules import Schedule


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def test_cosine_with_warmup_is_that_of_transformers() -> None:
    settings = TrainingSettings(lr_scheduler_type="cosine", warmup_ratio=0.25)
    schedule = Schedule(settings, total_steps=20)
    reference = optimizer()
    theirs = get_cosine_schedule_with_warmup(reference, num_warmup_steps=5, num_training_steps=20)
    for step in range(20):
        assert schedule.at(step) == pytest.approx(reference.param_groups[0]["lr"]), step
        reference.step()
        theirs.step()
    assert schedule.at(25) == 0.0  # more epochs than planned do not swing back up


def test_plateau_is_that_of_torch() -> None:
    settings = TrainingSettings(lr_plateau_patience=1, lr_plateau_factor=0.5)
    schedule = Schedule(settings, total_steps=100)
    reference = optimizer()
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        reference, mode="max", patience=1, factor=0.5
    )
    scores = [0.01, 0.02, 0.02, 0.01, 0.02, 0.1, 0.10000001, 0.0, 0.1, 0.05, 0.0, 0.4, 0.3, 0.2]
    for step, score in enumerate(scores):
        schedule.observe(score)
        theirs.step(score)
        assert schedule.at(step) == reference.param_groups[0]["lr"], step
    assert schedule.at(99) == 1 / 16


def test_a_negative_score_must_rise_too_to_be_better() -> None:
    """Torch compares with best * 1.0001, which is worse than best where best is below 0."""
    schedule = Schedule(TrainingSettings(lr_plateau_patience=0), total_steps=100)
    for score in (-0.2, -0.2):
        schedule.observe(score)
    assert schedule.at(0) == 0.5
    schedule.observe(-0.1)
    assert schedule.at(0) == 0.5


def test_constant_ignores_validation_and_warms_up_too() -> None:
    settings = TrainingSettings(lr_scheduler_type="constant", warmup_ratio=0.5)
    schedule = Schedule(settings, total_steps=8)
    for _ in range(10):
        schedule.observe(-1.0)
    assert [schedule.at(step) for step in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_schedule_continues_from_its_state() -> None:
    settings = TrainingSettings(lr_plateau_patience=0)
    first = Schedule(settings, total_steps=10)
    assert first.state_dict()["best"] == -math.inf
    for score in (0.5, 0.4):
        first.observe(score)
    second = Schedule(settings, total_steps=10)
    second.load_state_dict(first.state_dict())
    assert second.at(3) == first.at(3) == 0.5
