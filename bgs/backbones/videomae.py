"""VideoMAE: joint space-time attention over tubelets; no CLS token, so the patch tokens are averaged.

Its position table is computed, not learnt, so a frame count other than the config's can be asked for at loading;
at any other time a wrong count is refused. `bgs-tiny` is of this family.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from transformers import VideoMAEModel

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
    refuse_image_size,
)

LORA_TARGETS = ("query", "key", "value", "output.dense", "intermediate.dense")
# What pre-training and classification checkpoints hold beside the encoder.
BESIDES = ("decoder.", "encoder_to_decoder.", "mask_token", "classifier.", "fc_norm.")


class VideoMaeBackbone(Backbone):
    """(clips, frames, 3, height, width) -> tokens of (frames / tubelet) x rows x columns patches."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Last tokens, (clips, tokens, width)."""
        return cast(Tensor, self.encoder(pixel_values=pixels).last_hidden_state)

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers."""
        return blocks_at(self.encoder, "encoder.layer")

    def attention_modules(self) -> list[nn.Module]:
        """Self-attention of each layer."""
        return [block.get_submodule("attention.attention") for block in self.blocks]


def open_videomae(request: LoadRequest) -> VideoMaeBackbone:
    """A VideoMAE from an id, a folder, or its architecture alone."""
    config = open_config(request)
    refuse_image_size(request, config.image_size)
    if request.num_frames is not None:
        check_multiple("num_frames", request.num_frames, config.tubelet_size)
        config.num_frames = request.num_frames
    encoder = build_encoder(VideoMAEModel, config, request, ignorable=BESIDES)
    frames = make_frame_spec(
        read_preprocessor(request), num_frames=config.num_frames, size=as_pair(config.image_size)
    )
    spec = BackboneSpec(
        name=request.name,
        family="videomae",
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
    return VideoMaeBackbone(encoder, spec)
