"""What a frozen encoder sees of each example, computed once: patch tokens on the grid of the picture.

A picture is resized whole to the encoder's size, so that boxes stay the shares they are. A video encoder sees a
still picture as a clip that does not move, and a track as its frames in order; tokens are averaged over time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from bgs.backbones.contract import Backbone
from bgs.backbones.lora import lora_settings_of
from bgs.data.clip_store import CACHE
from bgs.data.embedding_cache import weights_sha256
from bgs.errors import BackboneError
from bgs.fusion.example import Example
from bgs.fusion.pictures import read_picture
from bgs.whole_files import PARTIAL, written_whole

FloatArray = NDArray[np.float16]


class TokenBank:
    """Patch tokens of examples, (examples, tokens, width) in half precision, in memory or mapped from a file."""

    def __init__(self, ids: Sequence[str], tokens: FloatArray, *, rows: int, columns: int) -> None:
        self.ids = tuple(ids)
        self.tokens = tokens
        self.rows, self.columns = rows, columns

    @property
    def width(self) -> int:
        """Numbers a token."""
        return int(self.tokens.shape[2])

    def batch(self, indices: Sequence[int]) -> Tensor:
        """The tokens of these examples in single precision."""
        return torch.from_numpy(np.asarray(self.tokens[list(indices)], dtype=np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return (
            f"TokenBank({len(self)} examples, {self.rows} x {self.columns} tokens of {self.width})"
        )


def see(
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    layer: int | None = None,
    cache: Path | None = None,
    batch_size: int = 16,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> TokenBank:
    """The tokens of all examples after a layer, counted from 1, by default the last.

    With a `cache` folder, what was seen before is mapped from there.
    """
    check_layer(backbone, layer)
    rows, columns = backbone.grid_size
    ids = [example.id for example in examples]
    shape = (len(examples), rows * columns, backbone.spec.width)
    looking = partial(
        _look, backbone.to(device), examples,
        layer=layer, batch_size=batch_size, device=device, progress=progress,
    )  # fmt: skip
    if cache is None:
        tokens = np.empty(shape, dtype=np.float16)
        looking(tokens)
        return TokenBank(ids, tokens, rows=rows, columns=columns)
    file = cache / f"tokens-{_key(backbone, examples, layer)}.npy"
    if not file.is_file():
        # Two processes that look at the same must not write into one another's file.
        aside = file.with_name(f"{file.name}.{os.getpid()}{PARTIAL}")
        with written_whole(file, aside=aside, remedies=CACHE) as draft:
            looking(_map(draft, shape))
    return TokenBank(ids, np.load(file, mmap_mode="r"), rows=rows, columns=columns)


def _look(
    backbone: Backbone,
    examples: Sequence[Example],
    into: FloatArray,
    *,
    layer: int | None,
    batch_size: int,
    device: str | torch.device,
    progress: bool,
) -> None:
    """Fill a table with what the encoder sees."""
    starts = range(0, len(examples), batch_size)
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    for start in tqdm(starts, desc="see", unit="batch", disable=hidden):
        part = examples[start : start + batch_size]
        frames = torch.stack([read_frames(example, backbone) for example in part]).to(device)
        into[start : start + len(part)] = patch_tokens(backbone, frames, layer).cpu().numpy()
    if isinstance(into, np.memmap):
        into.flush()


def _map(file: Path, shape: tuple[int, ...]) -> FloatArray:
    """A table on disk. Its room is taken at once: a mapped file on a full disk kills the process."""
    table = np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with file.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
    return table


def read_frames(example: Example, backbone: Backbone) -> Tensor:
    """uint8 (frames, 3, height, width): a still repeated, a track sampled evenly."""
    spec = backbone.spec.frames
    assert spec is not None  # an encoder of pictures has one
    places = np.linspace(0, len(example.pictures) - 1, spec.num_frames).round().astype(int)
    shown = {
        place: _resized(example.pictures[place], spec.width, spec.height)
        for place in set(places.tolist())
    }
    return torch.from_numpy(np.stack([shown[place] for place in places.tolist()]))


def check_layer(backbone: Backbone, layer: int | None) -> None:
    """Refuse a layer that this encoder does not have."""
    if layer is not None and not 1 <= layer <= backbone.spec.num_layers:
        raise BackboneError(
            f"layer {layer} of {backbone.spec.name!r}, which has {backbone.spec.num_layers}",
            remedy=f"choose one from 1 to {backbone.spec.num_layers}",
        )


def patch_tokens(backbone: Backbone, frames: Tensor, layer: int | None = None) -> Tensor:
    """uint8 (examples, frames, 3, height, width) -> (examples, rows * columns, width), averaged over time."""
    with torch.inference_mode():
        tokens = (  # (examples, tokens, width)
            backbone.encode(backbone.normalise(frames))
            if layer is None
            else backbone.tokens(frames)[layer - 1]
        )
        return on_grid(backbone, tokens.float())


def on_grid(backbone: Backbone, tokens: Tensor) -> Tensor:
    """(examples, tokens, width) of any layer -> (examples, rows * columns, width), averaged over time."""
    each = tokens.transpose(1, 2).unflatten(2, (backbone.views, -1))
    grid = backbone.to_grid(each.flatten(0, 1))  # (examples * width, times, rows, columns)
    return grid.mean(dim=1).flatten(1).unflatten(0, each.shape[:2]).transpose(1, 2)


def _resized(file: Path, width: int, height: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(read_picture(file))
    small = picture.resize((width, height), Image.Resampling.BILINEAR)  # antialiased in Pillow
    return np.asarray(small, dtype=np.uint8).transpose(2, 0, 1)


def encoder_key(backbone: Backbone) -> str:
    """A hash over everything of an encoder that decides its tokens, adapters and their strength among it."""
    digest = hashlib.sha256(repr((backbone.spec.family, backbone.spec.frames)).encode())
    digest.update(repr(lora_settings_of(backbone)).encode())
    digest.update(weights_sha256(backbone.encoder.state_dict()).encode())
    return digest.hexdigest()


def _key(backbone: Backbone, examples: Sequence[Example], layer: int | None) -> str:
    """What decides the tokens: the encoder, and every picture by name, size and time of change."""
    digest = hashlib.sha256(f"{encoder_key(backbone)} {layer}".encode())
    for example in examples:
        for picture in example.pictures:
            state = picture.stat()
            digest.update(f"{picture}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
