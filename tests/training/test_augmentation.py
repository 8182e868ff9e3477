"""Augmentation: one change at a time, keyed by clip, the same on every frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bgs.config import AugmentationSettings
from bgs.errors import TrainingError
from bgs.training.augmentation import augment


@pytest.fixture
def frames() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 5, 3, 12, 16), dtype=torch.uint8, generator=generator)


CLIPS = np.array([4, 9, 2])


def changed(
    frames: Tensor, clips: np.ndarray = CLIPS, *, key: int = 1, **settings: object
) -> Tensor:
    return augment(frames, clips, settings=AugmentationSettings(**settings), key=(key,))


def test_nothing_is_changed_by_default(frames: Tensor) -> None:
    assert torch.equal(changed(frames), frames)


@pytest.mark.parametrize(
    "settings", [{"crop": 0.4}, {"flip": True}, {"colour": 0.4}, {"temporal_jitter": 3}]
)
def test_a_clip_changes_the_same_way_wherever_it_is_embedded(frames: Tensor, settings) -> None:
    whole = changed(frames, **settings)
    assert whole.shape == frames.shape
    assert whole.dtype == torch.uint8
    alone = changed(frames[1:2], CLIPS[1:2], **settings)
    assert torch.equal(alone[0], whole[1])
    others = [changed(frames, key=key, **settings) for key in range(2, 8)]
    assert any(not torch.equal(other, whole) for other in others)


def test_a_flip_mirrors_about_half_the_clips(frames: Tensor) -> None:
    mirrored = 0
    for key in range(40):
        for before, after in zip(frames, changed(frames, key=key, flip=True), strict=True):
            is_mirrored = torch.equal(after, before.flip(-1))
            assert is_mirrored or torch.equal(after, before)
            mirrored += is_mirrored
    assert 40 < mirrored < 80


def test_jitter_shifts_whole_frames_and_holds_the_last(frames: Tensor) -> None:
    shifts = set()
    for key in range(30):
        after = changed(frames, key=key, temporal_jitter=2)[0]
        options = {s: frames[0][(torch.arange(5) + s).clamp(0, 4)] for s in range(-2, 3)}
        shifts |= {s for s, option in options.items() if torch.equal(option, after)}
    assert shifts == {-2, -1, 0, 1, 2}


def test_colour_moves_brightness_by_no_more_than_it_may() -> None:
    grey = torch.full((1, 2, 3, 8, 8), 100, dtype=torch.uint8)
    means = [float(changed(grey, CLIPS[:1], key=k, colour=0.2).float().mean()) for k in range(50)]
    assert 80 <= min(means) < 90
    assert 110 < max(means) <= 120


def test_a_crop_shows_a_part_at_full_size() -> None:
    ramp = torch.arange(32, dtype=torch.uint8).expand(1, 1, 3, 32, 32)
    spans = []
    for key in range(30):
        after = changed(ramp, CLIPS[:1], key=key, crop=0.5).float()
        spans.append(float(after.max() - after.min()))
    assert 14 <= min(spans) < 20
    assert max(spans) > 28


def test_features_cannot_be_augmented() -> None:
    with pytest.raises(TrainingError) as caught:
        changed(torch.zeros(3, 10), flip=True)
    assert str(caught.value) == (
        "features of shape (3, 10) cannot be augmented like frames; set training.augmentation: null"
    )
