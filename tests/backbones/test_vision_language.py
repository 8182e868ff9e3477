"""The tower inside a vision-language model: the same weights, and only those, give the same tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from bgs.backbones import load_backbone
from bgs.backbones.contract import Backbone
from bgs.errors import BackboneError

SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
TEXT = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4,
}  # fmt: skip


def make_llava(folder: Path) -> LlavaForConditionalGeneration:
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**SIZES),
        text_config=LlamaConfig(**TEXT),
        image_token_index=5,
    )
    model = LlavaForConditionalGeneration(config)
    model.save_pretrained(folder)
    return model


def make_gemma(folder: Path) -> Gemma3ForConditionalGeneration:
    text = Gemma3TextConfig(**TEXT, num_key_value_heads=2, head_dim=8)
    config = Gemma3Config(
        vision_config=SiglipVisionConfig(**SIZES, vision_use_head=False), text_config=text,
        mm_tokens_per_image=4,
    )  # fmt: skip
    model = Gemma3ForConditionalGeneration(config)
    model.save_pretrained(folder)
    return model


def look(backbone: Backbone) -> torch.Tensor:
    shape = (2, backbone.spec.frames.num_frames, 3, 32, 32)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.manual_seed(0))
    return torch.stack([layer for layer in backbone.tokens(frames)])


@pytest.mark.parametrize(
    ("make", "alone"), [(make_llava, CLIPVisionModel), (make_gemma, SiglipVisionModel)]
)
def test_a_tower_is_the_same_inside_and_alone(make, alone, tmp_path):
    model = make(tmp_path / "whole")
    tower = alone(model.config.vision_config)
    tower.load_state_dict(model.model.vision_tower.state_dict())
    tower.save_pretrained(tmp_path / "tower")
    inside, outside = (load_backbone(tmp_path / name) for name in ("whole", "tower"))
    assert inside.spec.family == outside.spec.family
    assert torch.equal(look(inside), look(outside))
    loaded = sum(p.numel() for p in inside.encoder.parameters())
    assert loaded == sum(p.numel() for p in tower.parameters())  # the rest is not in memory


@pytest.mark.parametrize(
    "prefix", ["vision_tower.vision_model.", "model.vision_tower.", "vision_tower."]
)
def test_checkpoints_of_every_age_are_read(prefix, tmp_path):
    """Names of weights have changed with the library; published files keep theirs."""
    model = make_llava(tmp_path)
    wanted = look(load_backbone(tmp_path))
    file = tmp_path / "model.safetensors"
    kept = {key: value for key, value in load_file(file).items() if "vision_tower" not in key}
    tower = {prefix + key: value for key, value in model.model.vision_tower.state_dict().items()}
    save_file({**kept, **tower}, file, metadata={"format": "pt"})
    assert torch.equal(look(load_backbone(tmp_path)), wanted)


def test_a_tower_that_lacks_weights_is_refused(tmp_path):
    make_llava(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    gone = next(key for key in weights if "vision_tower" in key)
    del weights[gone]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(BackboneError, match="the checkpoint lacks 1 weights, the first"):
        load_backbone(tmp_path)


def test_a_tower_of_another_kind_is_refused(tmp_path):
    make_llava(tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["vision_config"] = {"model_type": "pixtral"}
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(
        BackboneError, match=r"the vision tower of .* is a 'pixtral' model; use a mo"
    ):
        load_backbone(tmp_path)
