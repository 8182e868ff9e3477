"""Maps of all clips of a bank by one model, a few clips at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.errors import BackboneError

if TYPE_CHECKING:
    from bgs.backbones.attention_maps import Method
    from bgs.backbones.contract import Backbone
    from bgs.backbones.model import EmbeddingModel
    from bgs.data.clip_cache import FrameBank

FloatArray = NDArray[np.float64]
MOST_CLIPS = 16  # a batch
MOST_WEIGHTS = 2**25  # numbers in the rollout matrices of a batch: 128 MB in float32


def make_maps(
    model: EmbeddingModel, bank: FrameBank, *, method: Method, progress: bool = True
) -> FloatArray:
    """Where the model looks in every clip, (clips, times, rows, columns); each clip's sum is one."""
    import torch
    from tqdm.auto import tqdm

    from bgs.backbones.attention_maps import attention_maps
    from bgs.backbones.model import embed

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.eval().to(device)
    reference = None
    if method == "relevance":
        _check_relevance(model, len(bank))
        means = embed(model, bank, device=device).mean(axis=0)  # (dim,)
        reference = torch.from_numpy(means).to(device)
    size = batch_size(model.backbone)
    parts = []
    for start in tqdm(
        range(0, len(bank), size),
        desc=f"attention of {model.backbone.spec.name}",
        unit="batch",
        disable=None if progress else True,
    ):
        frames = bank.batch(range(start, min(start + size, len(bank)))).to(device)
        maps = attention_maps(model, frames, method=method, reference=reference)
        parts.append(maps.double().cpu().numpy())
    found = np.concatenate(parts)
    return found / found.sum(axis=(1, 2, 3), keepdims=True)


def batch_size(backbone: Backbone) -> int:
    """As many clips as keep the matrices of a rollout within bounds; one at least."""
    frames, spec = backbone.spec.frames, backbone.spec
    if frames is None:
        return 1
    rows, columns = backbone.grid_size
    tokens = spec.num_prefix_tokens + rows * columns
    if backbone.views == 1:
        tokens = spec.num_prefix_tokens + rows * columns * max(
            frames.num_frames // max(spec.tubelet_size, 1), 1
        )
    return max(1, min(MOST_CLIPS, MOST_WEIGHTS // (backbone.views * tokens**2)))


def _check_relevance(model: EmbeddingModel, clips: int) -> None:
    if clips < 2:
        raise BackboneError(
            f"relevance asked of {model.backbone.spec.name!r} with one clip, which has no others to stand apart from",
            remedy="name two clips or more, or use another method",
        )
