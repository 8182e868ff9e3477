from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from huggingface_hub import HfApi

from bgs.backbones.contract import FeatureBackbone
from bgs.backbones.export import export_merged
from bgs.backbones.hub import FROM_DISK, UPLOADED, push_to_hub
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.saving import save_model
from bgs.config import HeadSettings
from bgs.errors import BackboneError
from bgs.reports.model_card import load_snippet


@pytest.fixture
def published(tuned_videomae: EmbeddingModel, tmp_path: Path) -> Path:
    """A saved model whose base others can get, with its scores."""
    folder = save_model(tuned_videomae, tmp_path / "run")
    record = json.loads((folder / "model.json").read_text())
    record["backbone"] |= {"base_id": "MCG-NJU/videomae-base", "revision": "abc123"}
    (folder / "model.json").write_text(json.dumps(record))
    card = f'# social\n\nmodel = PeftModel.{FROM_DISK}\nmodel = load_model("..")\n'
    (folder / "adapter" / "README.md").write_text(card, encoding="utf-8")
    return folder


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
    card = (published / "README.md").read_text(encoding="utf-8")
    assert 'PeftModel.from_pretrained(base, "someone/social", subfolder="adapter")' in card
    assert "load_model(FOLDER)  # hf download someone/social --local-dir FOLDER" in card


def test_nothing_is_pushed_without_a_card(published: Path) -> None:
    (published / "adapter" / "README.md").unlink()
    api = create_autospec(HfApi, instance=True)
    with pytest.raises(BackboneError, match="there is no model card to publish it with"):
        push_to_hub(published, "someone/social", api=api)
    api.create_repo.assert_not_called()


def test_the_card_of_a_run_says_what_pushing_replaces() -> None:
    """The two rooms agree on one line of Python, and neither imports the other."""
    base = {
        "family": "videomae",
        "base_id": "MCG-NJU/videomae-base",
        "revision": None,
        "options": {},
    }
    assert FROM_DISK in load_snippet(base)


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
        f"{tmp_path}: not a saved model: model.json is missing; give a run folder of `bgs fit`"
    )


def test_features_have_no_encoder_to_export(tmp_path: Path) -> None:
    with pytest.raises(BackboneError) as caught:
        export_merged(EmbeddingModel(FeatureBackbone(4), HeadSettings()), tmp_path)
    assert str(caught.value) == (
        "'features' has no encoder to export; export a model tuned on clips"
    )
