"""CLIP and SigLIP vision towers, alone or inside a vision-language model: each frame a picture, a clip their average.

They do not see the order of frames, which makes them the static baseline. CLIP reads out its CLS token; SigLIP has
none, and its patch tokens are averaged (its attention-pooling head is not built). Pictures are cropped, as for every
other backbone, where SigLIP's own preprocessor would squeeze them into a square.

Of a vision-language model (LLaVA, PaliGemma, Gemma 3) only the weights of its tower are read, whatever the size of the
rest, so that a tower can be compared with what became of it there.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from transformers import CLIPVisionModel, PreTrainedConfig, SiglipVisionModel

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

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
# What checkpoints of pairs hold beside the vision tower.
BESIDES = (
    "text_model.", "text_projection.", "visual_projection.", "logit_", "head.", "vision_model.head.", "classifier.",
)  # fmt: skip
# Vision-language models that hold such a tower under one name, and what else their checkpoints hold.
VISION_LANGUAGE = ("llava", "vipllava", "llava_next", "llava_onevision", "paligemma", "gemma3")
OF_LANGUAGE = tuple(
    whole + part
    for whole in ("", "model.")
    for part in ("language_model.", "multi_modal_projector.", "lm_head.", "image_newline")
)
INSIDE = {r"^(?:model\.)?vision_tower\.": ""}
DEFAULT_FRAMES = 8
CLIP_STATISTICS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
SIGLIP_STATISTICS = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class ClipBackbone(Backbone):
    """Frames go through the tower as a batch of pictures; tokens come back frame after frame."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Last tokens, (clips, frames x tokens, width)."""
        pictures = pixels.flatten(0, 1)  # (clips * frames, 3, height, width)
        hidden = self.encoder(pixel_values=pictures).last_hidden_state
        if self.spec.family == "clip":  # CLIP's output is taken before its final norm
            hidden = self.encoder.get_submodule("post_layernorm")(hidden)
        return cast(Tensor, hidden).reshape(len(pixels), -1, self.spec.width)

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers."""
        return blocks_at(self.encoder, "encoder.layers")

    @property
    def views(self) -> int:
        """A view a frame."""
        return self._frame_spec.num_frames

    def attention_modules(self) -> list[nn.Module]:
        """Self-attention of each layer."""
        return [block.get_submodule("self_attn") for block in self.blocks]


def open_clip(request: LoadRequest) -> ClipBackbone:
    """The vision tower of a CLIP or SigLIP from an id, a folder, or its architecture alone."""
    config, commit, inside = _vision_config(request)
    is_siglip = config.model_type.startswith("siglip")
    refuse_image_size(request, config.image_size)
    if is_siglip:
        config.vision_use_head = False
    model_class = SiglipVisionModel if is_siglip else CLIPVisionModel
    encoder = build_encoder(
        model_class,
        config,
        request,
        ignorable=(*BESIDES, *OF_LANGUAGE) if inside else BESIDES,
        renamed=INSIDE if inside else None,
    )
    mean, std = SIGLIP_STATISTICS if is_siglip else CLIP_STATISTICS
    frames = make_frame_spec(
        {"resample": 3, **read_preprocessor(request)},
        num_frames=request.num_frames or DEFAULT_FRAMES,
        size=as_pair(config.image_size),
        mean=mean,
        std=std,
    )
    spec = BackboneSpec(
        name=request.name,
        family="siglip" if is_siglip else "clip",
        base_id=request.base_id,
        revision=commit,
        width=config.hidden_size,
        num_layers=config.num_hidden_layers,
        patch_size=config.patch_size,
        tubelet_size=1,
        frames=frames,
        pooling=request.pooling or ("mean" if is_siglip else "cls"),
        num_prefix_tokens=0 if is_siglip else 1,
        lora_targets=LORA_TARGETS,
        load_options=request.options(),
    )
    return ClipBackbone(encoder, spec)


def _vision_config(request: LoadRequest) -> tuple[PreTrainedConfig, str | None, bool]:
    """The tower's own config, its revision, and whether it stands inside a vision-language model."""
    whole = open_config(request)
    config = getattr(whole, "vision_config", whole)
    inside = whole.model_type in VISION_LANGUAGE
    if inside and not config.model_type.startswith(("clip", "siglip")):
        raise BackboneError(
            f"the vision tower of {request.name!r} is a {config.model_type!r} model",
            remedy="use a model whose tower is a CLIP or a SigLIP",
        )
    return config, commit_of(whole, request), inside
