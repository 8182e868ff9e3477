"""V-JEPA 2.1 behind the common contract.

Positions are rotary and rescaled to the picture, so any even frame count and any size in multiples of 16 pixels will
do, square or not. 384 pixels are its native size and expensive: 16 frames are 4,608 tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from torch import Tensor, nn

from bgs.backbones.attention_taps import Tap
from bgs.backbones.contract import Backbone, BackboneSpec
from bgs.backbones.huggingface import DTYPES, LoadRequest, as_pair, check_multiple
from bgs.backbones.seeding import seeded
from bgs.backbones.vjepa21 import Attention, Vjepa21Architecture, Vjepa21Encoder
from bgs.backbones.vjepa21_checkpoint import find_checkpoint, out_layers_of, read_checkpoint
from bgs.errors import BackboneError
from bgs.frame_spec import FrameSpec

LORA_TARGETS = ("qkv", "proj", "fc1", "fc2")
NATIVE_SIZE = 384
DEFAULT_FRAMES = 16


class Vjepa21Backbone(Backbone):
    """Tubelet tokens with joint space-time attention, averaged: there is no CLS token."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Last tokens, (clips, tokens, width)."""
        return self.encoder(pixels.transpose(1, 2))

    def encode_hierarchical(self, pixels: Tensor) -> Tensor:
        """Four normed layers side by side, (clips, tokens, 4 x width)."""
        return self._encoder.forward_hierarchical(pixels.transpose(1, 2))

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers."""
        return self._encoder.blocks

    def attention_modules(self) -> list[nn.Module]:
        """Self-attention of each layer."""
        return [block.get_submodule("attn") for block in self.blocks]

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Recompute each layer in the backward pass."""
        self._encoder.gradient_checkpointing = enabled

    @property
    def _encoder(self) -> Vjepa21Encoder:
        return cast(Vjepa21Encoder, self.encoder)

    @contextmanager
    def tapped(self, tap: Tap) -> Iterator[None]:
        """Its own attention tells a tap directly."""
        modules = [cast(Attention, module) for module in self.attention_modules()]
        for module in modules:
            module.tap = tap
        try:
            yield
        finally:
            for module in modules:
                module.tap = None

    @contextmanager
    def _eager_attention(self) -> Iterator[None]:
        modules = [cast(Attention, module) for module in self.attention_modules()]
        for module in modules:
            module.eager = True
        try:
            yield
        finally:
            for module in modules:
                module.eager = False


def open_vjepa21(request: LoadRequest) -> Vjepa21Backbone:
    """An encoder from a .pt file or URL, or a registered architecture with random weights."""
    base_id = request.base_id
    if request.random_init:
        encoder = _random_encoder(request)
    else:
        file = find_checkpoint(request)
        encoder = read_checkpoint(file, num_heads=request.num_heads)
        if base_id == request.name and not base_id.startswith(("http://", "https://")):
            base_id = str(file.resolve())
    architecture = encoder.architecture
    size = as_pair(request.image_size or NATIVE_SIZE)
    num_frames = request.num_frames or DEFAULT_FRAMES
    if num_frames != 1:  # one frame is a picture and has its own patches
        check_multiple("num_frames", num_frames, architecture.tubelet_size)
    for edge in size:
        check_multiple("image_size", edge, architecture.patch_size)
    spec = BackboneSpec(
        name=request.name,
        family="vjepa2.1",
        base_id=base_id,
        revision=None,
        width=architecture.dim,
        num_layers=architecture.depth,
        patch_size=architecture.patch_size,
        tubelet_size=architecture.tubelet_size,
        frames=FrameSpec(
            num_frames=num_frames,
            height=size[0],
            width=size[1],
            resize_short_side=int(max(size) * 256 / 224),
        ),
        pooling=request.pooling or "mean",
        num_prefix_tokens=0,
        lora_targets=LORA_TARGETS,
        load_options=request.options(),
    )
    return Vjepa21Backbone(encoder.to(DTYPES[request.dtype]).eval(), spec)


def _random_encoder(request: LoadRequest) -> Vjepa21Encoder:
    if request.architecture is None:
        raise BackboneError(
            f"{request.name!r} is a file of weights, not an architecture",
            remedy="use random_init with a name such as vjepa2.1-base",
        )
    architecture = Vjepa21Architecture(
        out_layers=out_layers_of(request.architecture["depth"]), **request.architecture
    )
    with seeded(request.seed):
        return Vjepa21Encoder(architecture)
