"""Features of layers: pooled by hand, on the grid that the connector sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bgs.backbones import load_backbone
from bgs.errors import DataError
from bgs.fusion.connector import box_coverage
from bgs.fusion.example import Box
from bgs.fusion.layers import pool_people, read_layers
from bgs.fusion.seeing import on_grid, patch_tokens, read_frames
from bgs.fusion.tasks import load_task


@pytest.fixture(scope="module")
def tiny():
    return load_backbone("bgs-tiny")


def test_pooling_by_hand():
    """Two by two patches; one person in the left column, one in the lower right patch."""
    tokens = torch.tensor([[[1.0, 0.0], [2.0, 0.0], [3.0, 4.0], [10.0, 8.0]]])
    boxes = [[Box(0, 0, 0.5, 1), Box(0.5, 0.5, 1, 1)]]
    found = pool_people(tokens, box_coverage(boxes, rows=2, columns=2))
    torch.testing.assert_close(found, torch.tensor([[4.0, 3.0, 2.0, 2.0, 10.0, 8.0]]))


def test_a_patch_half_in_the_box_counts_half():
    tokens = torch.tensor([[[0.0], [3.0]]])
    found = pool_people(tokens, box_coverage([[Box(0, 0, 0.75, 1)]], rows=1, columns=2)[:, :1])
    torch.testing.assert_close(found, torch.tensor([[1.5, 1.0]]))


def test_the_last_layer_is_what_the_connector_sees(tiny, twins: Path):
    examples = load_task("pisc", home=twins)["train"][:3]
    frames = torch.stack([read_frames(example, tiny) for example in examples])
    with torch.inference_mode():
        last = on_grid(tiny, tiny.tokens(frames)[-1].float())
    torch.testing.assert_close(last, patch_tokens(tiny, frames), atol=1e-5, rtol=1e-4)


def test_every_layer_has_features_of_the_picture_and_of_each_person(tiny, twins: Path):
    for name, people in (("pisc", 2), ("lam", 1)):
        examples = load_task(name, home=twins)["train"][:3]
        found = read_layers(tiny, examples, batch_size=2, progress=False)
        assert found.shape == (tiny.spec.num_layers, 3, tiny.spec.width * (1 + people))
        assert np.isfinite(found).all()
        assert not np.allclose(found[0], found[-1])


def test_questions_about_different_numbers_of_people_are_not_mixed(tiny, twins: Path):
    mixed = [load_task(name, home=twins)["train"][0] for name in ("pisc", "lam")]
    with pytest.raises(
        DataError, match=r"examples about \[1, 2\] people; probe one task at a time"
    ):
        read_layers(tiny, mixed, progress=False)
