from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bgs.backbones.contract import FeatureBackbone
from bgs.backbones.heads import head_dim, make_head
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel, embed
from bgs.config import HeadSettings, LoraSettings
from bgs.errors import BackboneError


class FeatureRows:
    """The smallest bank there is."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows
        self.ids = [f"clip{i}" for i in range(len(rows))]

    def batch(self, indices: range) -> Tensor:
        return self.rows[list(indices)]


def test_paper_head_is_the_published_one() -> None:
    head = make_head(HeadSettings(kind="paper"), 384)
    assert [type(layer) for layer in head] == [nn.Linear, nn.LayerNorm, nn.ReLU, nn.Dropout]
    assert (head[0].in_features, head[0].out_features, head[3].p) == (384, 128, 0.3)


@pytest.mark.parametrize(
    ("kind", "parameters", "dim"),
    [
        ("paper", 6 * 4 + 4 + 2 * 4, 4),
        ("linear", 6 * 4 + 4, 4),
        ("square", 6 * 6, 6),
        ("mlp", 6 * 6 + 6 + 6 * 4 + 4, 4),
        ("none", 0, 6),
    ],
)
def test_heads_have_the_stated_size(kind: str, parameters: int, dim: int) -> None:
    settings = HeadSettings(kind=kind, dim=4)  # type: ignore[arg-type]
    head = make_head(settings, 6)
    assert sum(p.numel() for p in head.parameters()) == parameters
    assert head(torch.ones(2, 6)).shape == (2, dim)
    assert head_dim(settings, 6) == dim


def test_square_head_starts_as_the_identity() -> None:
    features = torch.randn(5, 7)
    assert torch.equal(make_head(HeadSettings(kind="square"), 7)(features), features)


def test_heads_are_seeded_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    first, second, other = (make_head(HeadSettings(), 6, seed=s)[0].weight for s in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_features_pass_through_and_come_out_at_unit_length() -> None:
    features = torch.randn(5, 6) * 10
    model = EmbeddingModel(FeatureBackbone(6), HeadSettings(kind="none"))
    embedded = embed(model, FeatureRows(features), batch_size=2)
    expected = (features / features.norm(dim=1, keepdim=True)).numpy()
    np.testing.assert_allclose(embedded, expected, atol=1e-6)
    assert embedded.dtype == np.float32
    assert model.dim == 6


def test_embed_is_deterministic_and_restores_the_mode() -> None:
    model = EmbeddingModel(FeatureBackbone(6), HeadSettings(dim=4, dropout=0.5)).train()
    rows = FeatureRows(torch.randn(5, 6))
    np.testing.assert_array_equal(embed(model, rows), embed(model, rows, batch_size=5))
    assert model.training
    assert model.head.training


def test_embed_of_an_empty_bank_keeps_its_width() -> None:
    model = EmbeddingModel(FeatureBackbone(6), HeadSettings(dim=4))
    assert embed(model, FeatureRows(torch.zeros(0, 6))).shape == (0, 4)


def test_embed_names_the_clip_that_is_not_finite() -> None:
    rows = torch.ones(3, 6)
    rows[1, 2] = float("nan")
    model = EmbeddingModel(FeatureBackbone(6), HeadSettings(kind="none"))
    with pytest.raises(BackboneError) as caught:
        embed(model, FeatureRows(rows))
    assert str(caught.value) == (
        "1 embeddings are not finite, the first of clip 'clip1'; "
        "if it was just trained, training diverged: lower learning_rate; else check the clip"
    )


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(BackboneError) as caught:
        FeatureBackbone(6)(torch.ones(2, 5))
    assert str(caught.value) == (
        "features of shape (2, 5) where (clips, 6) is expected; use the features the head was made for"
    )


def test_features_have_nothing_to_adapt() -> None:
    with pytest.raises(BackboneError) as caught:
        add_lora(FeatureBackbone(6), LoraSettings())
    assert str(caught.value) == (
        "'features' has no layers to adapt; set lora.r to 0 and train the head alone"
    )
    assert add_lora(FeatureBackbone(6), LoraSettings(r=0)).modules == ()


def test_frozen_features_learn_a_head(tmp_path: Path) -> None:
    # Two nuisance dimensions dwarf the one that matters; a square head learns to ignore them.
    features = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 5, 5]
    )
    model = EmbeddingModel(FeatureBackbone(3), HeadSettings(kind="square"))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    same_side = (features[:, :1].sign() @ features[:, :1].sign().T) > 0
    target = same_side.float() * 2 - 1
    losses = []
    for _ in range(60):
        embeddings = model(features)
        loss = (embeddings @ embeddings.T - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
