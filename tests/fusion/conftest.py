"""Tiny twins of the five data sets, drawn once, and a tiny encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.backbones import load_backbone
from bgs.backbones.contract import Backbone
from bgs.fusion.twins import TINY, TWINS, write_twin
from tests.fusion.planted import ROWS, WIDTH


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("twins")
    for name in TWINS:
        write_twin(name, home / name, size=TINY)
    return home


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    """A random encoder that sees on the grid of the planted tokens."""
    from transformers import VideoMAEConfig, VideoMAEModel

    folder = tmp_path_factory.mktemp("encoder")
    VideoMAEModel(
        VideoMAEConfig(
            image_size=16 * ROWS, patch_size=16, num_frames=4, hidden_size=WIDTH,
            num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        )
    ).save_pretrained(folder)  # fmt: skip
    return load_backbone(str(folder))
