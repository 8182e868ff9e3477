"""TimeSformer: attention over time, then over space, in every layer; read out from its CLS token.

Its layers reshape by `config.num_frames`, whatever they are fed: 16 frames given to an 8-frame model mix time and
space without a word. So another count is refused, or asked for at loading, when the learnt time embedding is
interpolated and the config changed with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel, TimesformerModel

from bgs.backbones.attention_taps import Axis, Tap, tap_qkv
from bgs.backbones.contract import Backbone, BackboneSpec
from bgs.backbones.huggingface import (
    LoadRequest,
    as_pair,
    blocks_at,
    build_encoder,
    commit_of,
    make_frame_spec,
    open_config,
    read_preprocessor,
    refuse_image_size,
)
from bgs.errors import BackboneError

LORA_TARGETS = ("qkv", "output.dense", "intermediate.dense", "temporal_dense")
BESIDES = ("classifier.",)
MEAN, STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)


class TimesformerBackbone(Backbone):
    """One CLS token, then patches with time running fastest."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Last tokens, (clips, 1 + patches x frames, width)."""
        return cast(Tensor, self.encoder(pixels).last_hidden_state)

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers."""
        return blocks_at(self.encoder, "encoder.layer")

    def attention(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Spatial attention of every layer, one view a frame: (clips, frames, heads, tokens, tokens)."""
        layers = self.encoder(self.normalise(frames), output_attentions=True).attentions
        return tuple(weights.unflatten(0, (len(frames), -1)) for weights in layers)

    @contextmanager
    def tapped(self, tap: Tap) -> Iterator[None]:
        """Each layer tells of its attention over time, then of its attention over space."""
        kind = cast(Any, self.encoder).config.attention_type
        if kind != "divided_space_time":
            raise BackboneError(
                f"{self.spec.name!r} has attention of type {kind!r}, of which maps are not made",
                remedy="use a TimeSformer with divided_space_time attention, as the published ones have",
            )
        axes: tuple[tuple[str, Axis], ...] = (
            ("temporal_attention.attention", "time"),
            ("attention.attention", "space"),
        )
        modules = [
            (block.get_submodule(name), axis) for block in self.blocks for name, axis in axes
        ]
        with tap_qkv(modules, tap):
            yield

    def to_grid(self, rows: Tensor) -> Tensor:
        """Frames first, although time runs fastest among its tokens."""
        height, width = self.grid_size
        patches = rows[:, 0, 1:].unflatten(1, (height, width, -1))  # (clips, rows, columns, frames)
        return patches.permute(0, 3, 1, 2)


def open_timesformer(request: LoadRequest) -> TimesformerBackbone:
    """A TimeSformer from an id, a folder, or its architecture alone."""
    config = open_config(request)
    refuse_image_size(request, config.image_size)
    encoder = build_encoder(TimesformerModel, config, request, ignorable=BESIDES)
    if request.num_frames is not None:
        reconfigure_frames(encoder, request.num_frames)
        config = encoder.config
    frames = make_frame_spec(
        read_preprocessor(request),
        num_frames=config.num_frames,
        size=as_pair(config.image_size),
        mean=MEAN,
        std=STD,
    )
    spec = BackboneSpec(
        name=request.name,
        family="timesformer",
        base_id=request.base_id,
        revision=commit_of(config, request),
        width=config.hidden_size,
        num_layers=config.num_hidden_layers,
        patch_size=as_pair(config.patch_size)[0],
        tubelet_size=1,
        frames=frames,
        pooling=request.pooling or "cls",
        num_prefix_tokens=1,
        lora_targets=LORA_TARGETS,
        load_options=request.options(),
    )
    return TimesformerBackbone(encoder, spec)


def reconfigure_frames(encoder: PreTrainedModel, num_frames: int) -> None:
    """Stretch the learnt time embedding to another frame count, and tell the layers."""
    if num_frames == encoder.config.num_frames:
        return
    embeddings: Any = encoder.embeddings
    if encoder.config.attention_type != "space_only":
        learnt = embeddings.time_embeddings.detach().float().transpose(1, 2)  # (1, width, frames)
        stretched = F.interpolate(learnt, size=num_frames, mode="linear", align_corners=True)
        dtype = embeddings.time_embeddings.dtype
        embeddings.time_embeddings = nn.Parameter(stretched.transpose(1, 2).contiguous().to(dtype))
    encoder.config.num_frames = num_frames
