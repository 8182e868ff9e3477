"""Exporting says nothing by itself: what there is to say, the command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.backbones.export import export_merged
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.config import HeadSettings, LoraSettings


@pytest.mark.filterwarnings("error::FutureWarning")
def test_merging_shows_no_bar_of_a_library(tmp_path: Path, capfd) -> None:
    backbone = load_backbone("bgs-tiny", random_init=True)
    backbone.set_gradient_checkpointing(True)
    add_lora(backbone, LoraSettings())
    export_merged(EmbeddingModel(backbone, HeadSettings(dim=4)), tmp_path / "merged")
    assert (tmp_path / "merged" / "model.safetensors").is_file()
    assert capfd.readouterr() == ("", "")
