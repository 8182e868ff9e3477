from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import VideoMAEModel

from bgs.backbones.contract import FeatureBackbone
from bgs.backbones.lora import peft_model_of
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.saving import SAVE_AGAIN, load_model, save_model
from bgs.config import HeadSettings
from bgs.errors import BackboneError

ADAPTER = "adapter/adapter_model.safetensors"


def test_reload_gives_the_same_embeddings_bit_for_bit(
    tuned_videomae: EmbeddingModel, tmp_path: Path, draw_frames: Callable[..., Tensor]
) -> None:
    frames = draw_frames(tuned_videomae.backbone)
    folder = save_model(tuned_videomae, tmp_path / "run")
    again = load_model(folder)
    assert torch.equal(again(frames), tuned_videomae(frames))
    assert again.backbone.spec == tuned_videomae.backbone.spec
    assert not again.training
    assert not list(folder.rglob("*.part"))


def test_saving_twice_writes_the_same_bytes(tuned_videomae: EmbeddingModel, tmp_path: Path) -> None:
    first = save_model(tuned_videomae, tmp_path / "a")
    second = save_model(load_model(first), tmp_path / "b")
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert [str(n) for n in names] == [
        "adapter/adapter_config.json", ADAPTER, "head.safetensors", "model.json", "preprocessor.json",
    ]  # fmt: skip
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_peft_alone_reads_the_adapter(
    tuned_videomae: EmbeddingModel,
    videomae_folder: Path,
    tmp_path: Path,
    draw_frames: Callable[..., Tensor],
) -> None:
    backbone = tuned_videomae.backbone
    pixels = backbone.normalise(draw_frames(backbone))
    save_model(tuned_videomae, tmp_path)
    public = PeftModel.from_pretrained(
        VideoMAEModel.from_pretrained(videomae_folder), tmp_path / "adapter"
    )
    assert torch.equal(public(pixel_values=pixels).last_hidden_state, backbone.encode(pixels))


def test_a_deep_copy_is_independent_and_whole(
    tuned_videomae: EmbeddingModel, draw_frames: Callable[..., Tensor]
) -> None:
    frames = draw_frames(tuned_videomae.backbone)
    expected = tuned_videomae(frames)
    copied = copy.deepcopy(tuned_videomae)
    for parameter in tuned_videomae.parameters():
        parameter.data.zero_()
    assert torch.equal(copied(frames), expected)
    wrapped = peft_model_of(copied.backbone)
    assert wrapped is not None
    assert wrapped.base_model.model is copied.backbone.encoder


@pytest.mark.parametrize("file", [ADAPTER, "head.safetensors"])
@pytest.mark.parametrize("fault", ["missing", "extra", "renamed"])
def test_every_wrong_key_is_an_error(
    tuned_videomae: EmbeddingModel, tmp_path: Path, file: str, fault: str
) -> None:
    path = save_model(tuned_videomae, tmp_path) / file
    tensors = load_file(path)
    first = sorted(tensors)[0]
    if fault == "extra":
        tensors["stray.weight"] = torch.zeros(1)
        problem = "1 unknown (first 'stray.weight')"
    elif fault == "missing":
        del tensors[first]
        problem = f"1 missing (first {first!r})"
    else:
        tensors["embedding_layer.weight"] = tensors.pop(first)
        problem = f"1 missing (first {first!r}), 1 unknown (first 'embedding_layer.weight')"
    save_file(tensors, path)
    with pytest.raises(BackboneError) as caught:
        load_model(tmp_path)
    assert str(caught.value) == f"{path}: keys do not fit the model: {problem}; {SAVE_AGAIN}"


def test_a_wrong_shape_is_an_error(tuned_videomae: EmbeddingModel, tmp_path: Path) -> None:
    path = save_model(tuned_videomae, tmp_path) / "head.safetensors"
    tensors = load_file(path)
    tensors["0.bias"] = torch.zeros(9)
    save_file(tensors, path)
    with pytest.raises(
        BackboneError, match=r"keys do not fit the model: 1 misshapen \(first '0.bias'\)"
    ):
        load_model(tmp_path)


def test_missing_and_cut_short_files_are_errors(
    tuned_videomae: EmbeddingModel, tmp_path: Path
) -> None:
    path = save_model(tuned_videomae, tmp_path) / "head.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BackboneError, match=r"head\.safetensors: damaged or cut short"):
        load_model(tmp_path)
    path.unlink()
    with pytest.raises(
        BackboneError, match=r"head\.safetensors: the file is missing; save the model again"
    ):
        load_model(tmp_path)


def test_another_base_is_an_error(tuned_videomae: EmbeddingModel, tmp_path: Path) -> None:
    backbone = tuned_videomae.backbone
    other = VideoMAEModel(backbone.encoder.config)
    other.save_pretrained(tmp_path / "other")
    save_model(tuned_videomae, tmp_path / "run")
    record = tmp_path / "run" / "model.json"
    values = json.loads(record.read_text())
    values["backbone"]["base_id"] = str(tmp_path / "other")
    record.write_text(json.dumps(values))
    with pytest.raises(BackboneError) as caught:
        load_model(tmp_path / "run")
    assert str(caught.value) == (
        f"{record}: the weights of {str(tmp_path / 'other')!r} are not those this model was trained on; "
        "restore the original weights or revision"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not a saved model: model.json is missing; give a run folder of `bgs fit`"),
        ("{", "not a model record"),
        ('{"format": 99}', "model format 99 but this bgs reads 1; update bgs"),
        (
            '{"format": 1, "backbone": {}, "lora": null, "head": {"kind": "best"}}',
            "not a model record",
        ),
    ],
)
def test_a_folder_that_is_no_model_is_an_error(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(BackboneError) as caught:
        load_model(tmp_path)
    assert message in str(caught.value)


def test_a_head_on_features_is_saved_too(tmp_path: Path) -> None:
    model = EmbeddingModel(
        FeatureBackbone(6, name="features:a.npz"), HeadSettings(kind="mlp", dim=4), seed=5
    )
    again = load_model(save_model(model, tmp_path))
    features = torch.randn(3, 6)
    assert torch.equal(again(features), model.eval()(features))
    assert again.backbone.spec.name == "features:a.npz"
