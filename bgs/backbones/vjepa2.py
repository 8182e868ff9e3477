"""V-JEPA 2: joint space-time attention with rotary positions; the encoder alone, its predictor never built.

`frames_per_clip` of the config (64) is what it was trained with, not a limit: positions are rotary. 16 frames are
the default here, enough for clips of a few seconds at a fourth of the tokens.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from transformers import VJEPA2Config
from transformers.models.vjepa2.modeling_vjepa2 import VJEPA2Encoder, VJEPA2PreTrainedModel

from bgs.backbones.contract import Backbone, BackboneSpec
from bgs.backbones.huggingface import (
    LoadRequest,
    as_pair,
    blocks_at,
    build_encoder,
    check_multiple,
    commit_of,
    make_frame_spec,
    open_config,
    read_preprocessor,
)
from bgs.errors import BackboneError

LORA_TARGETS = ("query", "key", "value", "proj", "fc1", "fc2")
BESIDES = ("predictor.", "vjepa2.predictor.", "pooler.", "classifier.")
DEFAULT_FRAMES = 16


class Vjepa2EncoderModel(VJEPA2PreTrainedModel):
    """`VJEPA2Model` without its predictor: module names are the same, so adapters fit both."""

    def __init__(self, config: VJEPA2Config) -> None:
        super().__init__(config)
        self.encoder = VJEPA2Encoder(config)
        self.post_init()

    def forward(self, pixel_values_videos: Tensor) -> Tensor:
        """(clips, frames, 3, height, width) -> (clips, tokens, width)."""
        return self.encoder(pixel_values_videos=pixel_values_videos).last_hidden_state


class Vjepa2Backbone(Backbone):
    """Tubelet tokens, averaged: there is no CLS token."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Last tokens, (clips, tokens, width)."""
        return cast(Tensor, self.encoder(pixels))

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers."""
        return blocks_at(self.encoder, "encoder.layer")

    def attention_modules(self) -> list[nn.Module]:
        """Self-attention of each layer."""
        return [block.get_submodule("attention") for block in self.blocks]


def open_vjepa2(request: LoadRequest) -> Vjepa2Backbone:
    """A V-JEPA 2 encoder from an id, a folder, or its architecture alone."""
    config = open_config(request)
    num_frames = request.num_frames or min(DEFAULT_FRAMES, config.frames_per_clip)
    check_multiple("num_frames", num_frames, config.tubelet_size)
    if request.image_size is not None:
        config.crop_size = _square(request)
        check_multiple("image_size", config.crop_size, config.patch_size)
    encoder = build_encoder(Vjepa2EncoderModel, config, request, ignorable=BESIDES)
    size = config.crop_size
    frames = make_frame_spec(
        read_preprocessor(request) if request.image_size is None else {},
        num_frames=num_frames,
        size=(size, size),
        short_side=int(size * 256 / 224),
    )
    spec = BackboneSpec(
        name=request.name,
        family="vjepa2",
        base_id=request.base_id,
        revision=commit_of(config, request),
        width=config.hidden_size,
        num_layers=config.num_hidden_layers,
        patch_size=as_pair(config.patch_size)[0],
        tubelet_size=config.tubelet_size,
        frames=frames,
        pooling=request.pooling or "mean",
        num_prefix_tokens=0,
        lora_targets=LORA_TARGETS,
        load_options=request.options(),
    )
    return Vjepa2Backbone(encoder, spec)


def _square(request: LoadRequest) -> int:
    """Its positions are counted on a square grid; another shape would scramble rows and columns."""
    height, width = as_pair(request.image_size or 0)
    if height != width:
        raise BackboneError(
            f"image_size {height} x {width} asked of {request.name!r}, which takes squares only",
            remedy="give one number",
        )
    return height
