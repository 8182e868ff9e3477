"""Every layer of a frozen encoder, pooled for a linear probe: the whole picture, then where each person is.

tokens of a layer --mean over time--> grid --+-- mean over all patches ---------------+
                                              +-- mean over patches in the first box --+--> features
                                              +-- mean over patches in the second box -+   (a pair)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from bgs.backbones.contract import Backbone
from bgs.errors import DataError
from bgs.fusion.connector import NUM_MARKERS, box_coverage
from bgs.fusion.example import Example
from bgs.fusion.questions import who
from bgs.fusion.seeing import on_grid, read_frames


def read_layers(
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    batch_size: int = 16,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> NDArray[np.float32]:
    """Features of every layer, (layers, examples, width * (1 + people)); examples are all of one task."""
    boxes = [who(example) for example in examples]
    people = {min(len(found), NUM_MARKERS) for found in boxes}
    if len(people) != 1:
        raise DataError(
            f"examples about {sorted(people)} people", remedy="probe one task at a time"
        )
    (count,) = people
    rows, columns = backbone.grid_size
    coverage = box_coverage(boxes, rows=rows, columns=columns)[:, :count].to(device)
    width = backbone.spec.width * (1 + count)
    found = np.empty((backbone.spec.num_layers, len(examples), width), dtype=np.float32)
    backbone = backbone.to(device)
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    for start in tqdm(
        range(0, len(examples), batch_size), desc="layers", unit="batch", disable=hidden
    ):
        part = slice(start, min(start + batch_size, len(examples)))
        frames = torch.stack([read_frames(example, backbone) for example in examples[part]])
        with torch.inference_mode():
            layers = backbone.tokens(frames.to(device))
            for place, tokens in enumerate(layers):
                pooled = pool_people(on_grid(backbone, tokens.float()), coverage[part])
                found[place, part] = pooled.cpu().numpy()
    return found


def pool_people(tokens: Tensor, coverage: Tensor) -> Tensor:
    """Means of (examples, tokens, width) over all tokens and over those in each box, side by side."""
    shares = coverage / coverage.sum(dim=2, keepdim=True).clamp_min(1e-12)
    inside = torch.einsum("bmt,btw->bmw", shares, tokens)
    return torch.cat([tokens.mean(dim=1, keepdim=True), inside], dim=1).flatten(1)
