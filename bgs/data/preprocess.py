"""From a decoded picture to what a backbone's authors feed it: antialiased resize, then centre crop.

Done on uint8 tensors with torch alone. The kernel is the one torchvision calls and the sizes are rounded
as transformers rounds them, so the result is what the authors' processors give. Normalisation is left
to the backbone, on the device.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.frame_spec import FrameSpec


def resized_size(height: int, width: int, *, short_side: int) -> tuple[int, int]:
    """Height and width once the short side is `short_side`; the long one is rounded down, as is customary."""
    if height <= width:
        return short_side, int(short_side * width / height)
    return int(short_side * height / width), short_side


def prepare_picture(picture: NDArray[np.uint8], *, spec: FrameSpec) -> torch.Tensor:
    """One picture (height, width, 3) as uint8 (3, spec.height, spec.width)."""
    size = resized_size(picture.shape[0], picture.shape[1], short_side=spec.resize_short_side)
    if size[0] < spec.height or size[1] < spec.width:
        raise DataError(
            f"pictures of {picture.shape[0]} x {picture.shape[1]} become {size[0]} x {size[1]},"
            f" too small for a crop of {spec.height} x {spec.width}",
            remedy="use clips of another shape, or a larger resize_short_side",
        )
    # (1, 3, height, width). The first axis comes first, so that torch sees colours interleaved and resizes
    # them as they lie; the pixels are the same either way, in two thirds of the time.
    pixels = torch.from_numpy(picture)[None].permute(0, 3, 1, 2)
    if size != tuple(picture.shape[:2]):
        pixels = F.interpolate(pixels, size=size, mode=spec.interpolation, antialias=True)
    top, left = (size[0] - spec.height) // 2, (size[1] - spec.width) // 2
    return pixels[0, :, top : top + spec.height, left : left + spec.width]
