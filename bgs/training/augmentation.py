"""Random changes of clips, drawn from the run's seed, the step and the clip.

They are keyed rather than drawn from a running generator: a chunk that is embedded twice shows the
same pixels twice, and a clip looks the same whichever process embeds it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bgs.config import AugmentationSettings
from bgs.errors import TrainingError
from bgs.training.judged import IntArray


def augment(
    frames: Tensor, clips: IntArray, *, settings: AugmentationSettings, key: tuple[int, ...]
) -> Tensor:
    """Changed uint8 frames (clips, frames, 3, height, width); all frames of a clip change alike."""
    if frames.ndim != 5:
        raise TrainingError(
            f"features of shape {tuple(frames.shape)} cannot be augmented like frames",
            remedy="set training.augmentation: null",
        )
    return torch.stack(
        [
            _augment_clip(clip, settings, _generator((*key, int(number))))
            for clip, number in zip(frames, clips, strict=True)
        ]
    )


def _augment_clip(
    clip: Tensor, settings: AugmentationSettings, generator: torch.Generator
) -> Tensor:
    # Drawn whether used or not, so that switching one change on leaves the others as they were.
    scale, left, top, mirror, brightness, contrast, shift = torch.rand(
        7, generator=generator, dtype=torch.float64
    ).tolist()
    if settings.temporal_jitter:
        clip = _shift(clip, round((2 * shift - 1) * settings.temporal_jitter))
    if settings.crop:
        clip = _crop(clip, 1.0 - scale * settings.crop, left, top)
    if settings.flip and mirror < 0.5:
        clip = clip.flip(-1)
    if settings.colour:
        clip = _colour(
            clip,
            brightness=1.0 + (2 * brightness - 1) * settings.colour,
            contrast=1.0 + (2 * contrast - 1) * settings.colour,
        )
    return clip


def _shift(clip: Tensor, offset: int) -> Tensor:
    """The clip some frames later (or earlier); its first or last frame stands still meanwhile."""
    last = len(clip) - 1
    return clip[(torch.arange(len(clip), device=clip.device) + offset).clamp(0, last)]


def _crop(clip: Tensor, scale: float, left: float, top: float) -> Tensor:
    """A window of `scale` times each side, somewhere, resized to the size of the whole."""
    height, width = clip.shape[-2:]
    rows, columns = max(1, round(scale * height)), max(1, round(scale * width))
    y, x = round(top * (height - rows)), round(left * (width - columns))
    window = clip[..., y : y + rows, x : x + columns].float()
    resized = functional.interpolate(
        window, size=(height, width), mode="bilinear", antialias=True, align_corners=False
    )
    return resized.round().clamp(0, 255).to(clip.dtype)


def _colour(clip: Tensor, *, brightness: float, contrast: float) -> Tensor:
    pixels = clip.float() * brightness
    mean = pixels.mean()
    return (mean + (pixels - mean) * contrast).round().clamp(0, 255).to(clip.dtype)


def _generator(key: tuple[int, ...]) -> torch.Generator:
    mixed = 0
    for part in key:
        mixed = (mixed * 1_000_003 + part + 1) % 2**63
    return torch.Generator().manual_seed(mixed)
