"""A saved model answers as it did, and another encoder, language model or file in its place is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bgs.backbones import load_backbone
from bgs.errors import BackboneError, BgsError
from bgs.fusion.language import make_tiny
from bgs.fusion.learn import answer
from bgs.fusion.questions import words_of
from bgs.fusion.record import Shape, read_record
from bgs.fusion.saving import build_model, load_social, save_social
from bgs.fusion.tasks import TASKS
from tests.fusion.planted import COLUMNS, ROWS, WIDTH, config, planted

SHAPE = Shape(ROWS, COLUMNS, WIDTH)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A language model as transformers saves it."""
    folder = tmp_path_factory.mktemp("language")
    language = make_tiny(words_of(TASKS.values()), seed=5)
    language.model.save_pretrained(folder)
    language.tokenizer.save_pretrained(folder)
    return folder


def trained(settings):
    """A model whose every trainable weight has moved."""
    model = build_model(settings, SHAPE)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    model.connector.calibrate(torch.randn(20, ROWS * COLUMNS, WIDTH, generator=generator))
    return model.eval()


@pytest.mark.parametrize("kind", ["tiny", "lora", "whole"])
def test_the_same_answers_come_back(kind, base, backbone, tmp_path):
    language = {"tiny": {}, "lora": {"name_or_path": str(base), "r": 4}}.get(
        kind, {"name_or_path": str(base), "r": 0}
    )
    settings = config(tmp_path, language=language, use_heatmap=True)
    model, material = trained(settings), planted("lam")
    save_social(model, tmp_path, config=settings, shape=SHAPE, backbone=backbone)
    again = load_social(tmp_path, config=settings, backbone=backbone)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    first, second = (answer(m, material, "lam", split="test").scores for m in (model, again))
    assert first.tolist() == second.tolist()
    whole = (tmp_path / "language" / "model.safetensors").is_file()
    assert whole == (kind != "lora")  # an adapter names its base and does not store it


def test_another_encoder_is_refused(backbone, tmp_path):
    settings = config(tmp_path)
    save_social(trained(settings), tmp_path, config=settings, shape=SHAPE, backbone=backbone)
    with pytest.raises(BackboneError, match="encoder 'clip' is not the one"):
        load_social(tmp_path, config=settings, backbone=load_backbone("bgs-tiny"))


def test_another_language_model_under_an_adapter_is_refused(base, backbone, tmp_path):
    settings = config(tmp_path / "run", language={"name_or_path": str(base), "r": 4})
    save_social(
        trained(settings), tmp_path / "run", config=settings, shape=SHAPE, backbone=backbone
    )
    other = make_tiny(words_of(TASKS.values()), seed=6)
    other.model.save_pretrained(tmp_path / "other")
    other.tokenizer.save_pretrained(tmp_path / "other")
    changed = config(tmp_path / "run", language={"name_or_path": str(tmp_path / "other"), "r": 4})
    with pytest.raises(BackboneError, match="is not the one this adapter was trained on"):
        load_social(tmp_path / "run", config=changed, backbone=backbone)


def test_a_folder_that_is_not_whole_is_refused(backbone, tmp_path):
    with pytest.raises(BackboneError, match=r"holds no trained SocialFusion model: fusion\.json"):
        read_record(tmp_path)
    settings = config(tmp_path)
    save_social(trained(settings), tmp_path, config=settings, shape=SHAPE, backbone=backbone)
    file = tmp_path / "connector.safetensors"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(BackboneError, match=r"connector\.safetensors: damaged"):
        load_social(tmp_path, config=settings, backbone=backbone)
    (tmp_path / "fusion.json").write_text(
        '{"format": 9, "shape": {"rows": 1, "columns": 1, "width": 1}}'
    )
    with pytest.raises(BackboneError, match="format 9, this version reads 1"):
        read_record(tmp_path)


def test_a_shared_embedding_is_not_trained_by_its_other_name(base, tmp_path):
    """The tiny model's output layer is its embedding: frozen under LoRA, so in no checkpoint."""
    from bgs.training.weights import trained_weights

    model = build_model(config(tmp_path, language={"name_or_path": str(base), "r": 4}), SHAPE)
    names = [name for name in trained_weights(model) if name.startswith("language")]
    assert names
    assert all("lora_" in name for name in names)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[" * 100_000, "brackets within brackets without end"),
        ("[]", r"not a model record \(the whole: input should be"),
        ("{}", r"not a model record \(shape: field required"),
        ('{"shape": {"rows": 0, "columns": 1, "width": 1}}', r"\(shape.rows: input should be gr"),
        ('{"shape": {"rows": "a", "columns": 1, "width": 1}}', r"\(shape.rows: input should be a"),
        (
            '{"shape": {"rows": 1, "columns": 1, "width": 1}, "encoder": "clip"}',
            r"\(encoder: input should be",
        ),
    ],
)
def test_a_record_that_says_something_else_is_refused(tmp_path, text, fault):
    (tmp_path / "fusion.json").write_text(text, encoding="utf-8")
    with pytest.raises(BgsError, match=rf"fusion\.json.*{fault}"):
        read_record(tmp_path)


def test_a_record_of_another_grid_is_refused_before_anything_is_built(backbone, tmp_path):
    settings = config(tmp_path)
    save_social(trained(settings), tmp_path, config=settings, shape=SHAPE, backbone=backbone)
    file = tmp_path / "fusion.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["shape"]["width"] = 10**12
    file.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(BackboneError, match="is not the one this model was trained on"):
        load_social(tmp_path, config=settings, backbone=backbone)


def test_weights_that_are_not_finite_are_refused(backbone, tmp_path):
    settings = config(tmp_path)
    model = trained(settings)
    with torch.no_grad():
        model.connector.markers[0, 0] = float("nan")
    save_social(model, tmp_path, config=settings, shape=SHAPE, backbone=backbone)
    with pytest.raises(BackboneError, match="damaged: 'markers' holds numbers that are not finite"):
        load_social(tmp_path, config=settings, backbone=backbone)
