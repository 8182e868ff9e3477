from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from huggingface_hub import HfApi

from bgs.backbones.contract import FeatureBackbone
from bgs.backbones.export import export_merged
from bgs.backbones.hub import UPLOADED, model_card, push_to_hub
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.saving import save_model
from bgs.config import HeadSettings
from bgs.errors import BackboneError


@pytest.fixture
def published(tuned_videomae: EmbeddingModel, tmp_path: Path) -> Path:
    """A saved model whose base others can get, with its scores."""
    folder = save_model(tuned_videomae, tmp_path / "run")
    record = json.loads((folder / "model.json").read_text())
    record["backbone"] |= {"base_id": "MCG-NJU/videomae-base", "revision": "abc123"}
    (folder / "model.json").write_text(json.dumps(record))
    block = {"rsa": {"r2": 0.1, "ci95": [0.05, 0.15]}, "odd_one_out": {"three_way": 0.5}}
    results = {"before": block, "after": {**block, "rsa": {"r2": 0.2, "ci95": [0.1, 0.3]}}}
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def test_the_card_says_what_it_is_and_how_to_use_it(published: Path) -> None:
    card = model_card(published, repo_id="someone/social")
    assert card.startswith("---\nlibrary_name: peft\n")
    for line in (
        "library_name: peft",
        "base_model: MCG-NJU/videomae-base",
        "# social",
        "from `MCG-NJU/videomae-base` at revision `abc123`.",
        "- Adapter: LoRA (rank 2, alpha 16) on the frozen encoder",
        "| before | 0.100 | [0.050, 0.150] | 0.500 |",
        "| after | 0.200 | [0.100, 0.300] | 0.500 |",
        'PeftModel.from_pretrained(base, "someone/social", subfolder="adapter")',
    ):
        assert line in card


def test_the_card_claims_no_scores_where_there_are_none(published: Path) -> None:
    (published / "results.json").unlink()
    assert "Agreement with people" not in model_card(published)
    record = json.loads((published / "model.json").read_text())
    (published / "model.json").write_text(json.dumps({**record, "lora": None}))
    assert "- Adapter: none: the encoder is frozen as published" in model_card(published)


def test_pushing_uploads_the_model_and_nothing_else(published: Path) -> None:
    api = create_autospec(HfApi, instance=True)  # refuses calls the real one would refuse
    api.create_repo.return_value = "https://huggingface.co/someone/social"
    address = push_to_hub(published, "someone/social", private=True, api=api)
    assert address == "https://huggingface.co/someone/social"
    api.create_repo.assert_called_once_with("someone/social", private=True, exist_ok=True)
    api.upload_folder.assert_called_once_with(
        repo_id="someone/social", folder_path=published, allow_patterns=list(UPLOADED),
        commit_message="Upload model",
    )  # fmt: skip
    assert (published / "README.md").read_text() == model_card(published, repo_id="someone/social")


def test_a_base_that_nobody_has_is_not_pushed(
    tuned_videomae: EmbeddingModel, tmp_path: Path
) -> None:
    folder = save_model(tuned_videomae, tmp_path)
    base = tuned_videomae.backbone.spec.base_id
    with pytest.raises(BackboneError) as caught:
        push_to_hub(folder, "someone/social", api=create_autospec(HfApi, instance=True))
    assert str(caught.value) == (
        f"{folder / 'model.json'}: its base is {base!r} on this machine, which nobody else has; "
        "tune from a published id, or share `bgs export --merge` of it"
    )


def test_a_folder_that_is_no_model_is_not_pushed(tmp_path: Path) -> None:
    with pytest.raises(BackboneError) as caught:
        push_to_hub(tmp_path, "someone/social")
    assert str(caught.value) == (
        f"{tmp_path}: not a saved model: model.json is missing; give a run folder"
    )


def test_features_have_no_encoder_to_export(tmp_path: Path) -> None:
    with pytest.raises(BackboneError) as caught:
        export_merged(EmbeddingModel(FeatureBackbone(4), HeadSettings()), tmp_path)
    assert str(caught.value) == (
        "'features' has no encoder to export; export a model tuned on clips"
    )
