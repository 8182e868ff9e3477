"""The loop on a real video model: frames in, adapters and head trained, everything else left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel, embed
from bgs.backbones.registry import load_backbone
from bgs.config import HeadSettings, LoraSettings, ObjectiveSettings, TrainingSettings
from bgs.data.triplets import Triplets
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.training import TrainingResult, train

NUM_CLIPS = 8


class Frames:
    """A bright square on noise; where it starts and how fast it moves is its clip's number."""

    def __init__(self, model: EmbeddingModel) -> None:
        spec = model.backbone.spec.frames
        assert spec is not None
        rng = np.random.default_rng(0)
        self.ids = tuple(f"clip{index}" for index in range(NUM_CLIPS))
        shape = (NUM_CLIPS, spec.num_frames, 3, spec.height, spec.width)
        self.frames = torch.from_numpy(rng.integers(0, 60, shape, dtype=np.uint8))
        for index in range(NUM_CLIPS):
            for time in range(spec.num_frames):
                x = 4 * (index % 4) + 3 * time * (index // 4)
                self.frames[index, time, :, 20:32, x : x + 12] = 230

    def batch(self, indices: list[int]) -> Tensor:
        return self.frames[indices]


def adapted(*, dropout: float = 0.0) -> EmbeddingModel:
    backbone = load_backbone("bgs-tiny", random_init=True)
    add_lora(backbone, LoraSettings(lora_dropout=dropout))
    return EmbeddingModel(backbone, HeadSettings(dim=8, dropout=dropout))


def fit(folder: Path, model: EmbeddingModel, **settings: Any) -> TrainingResult:
    bank = Frames(model)
    place = np.arange(NUM_CLIPS) % 4 + 10.0 * (np.arange(NUM_CLIPS) // 4)
    rng = np.random.default_rng(1)
    clips = np.array([rng.permutation(NUM_CLIPS)[:3] for _ in range(60)])
    middle = np.median(place[clips], axis=1, keepdims=True)
    judgments = Triplets(
        ids=bank.ids, clips=clips, odd=np.abs(place[clips] - middle).argmax(axis=1)
    )
    human = judgments.rdm()

    def validate(candidate: EmbeddingModel) -> float:
        rdm = RDM.from_embeddings(bank.ids, embed(candidate, bank))
        seen = human.observed
        return float(np.corrcoef(rdm.dissimilarities[seen], human.dissimilarities[seen])[0, 1])

    return train(
        model,
        bank,
        judgments,
        human,
        objective=Objective(ObjectiveSettings()),
        settings=TrainingSettings(learning_rate=1e-3, num_train_epochs=2, **settings),
        seed=0,
        output_dir=folder,
        validate=validate,
        progress=False,
    )


def test_adapters_and_head_move_and_the_backbone_does_not(tmp_path: Path) -> None:
    model = adapted(dropout=0.1)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    augmentation = {"crop": 0.2, "colour": 0.2, "temporal_jitter": 1}
    result = fit(tmp_path, model, per_device_train_batch_size=4, augmentation=augmentation)
    assert result.steps == 4
    assert result.best_score > result.history[0]["validation_rsa"]
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert moved == trainable
    adapters = [name for name in moved if name.startswith("backbone.")]
    assert len(adapters) > 0
    assert all("lora_" in name for name in adapters)
    assert any(name.startswith("head.") for name in moved)


@pytest.mark.filterwarnings("error::FutureWarning")  # the names of checkpointing methods change
def test_chunks_and_recomputed_activations_change_no_weight(tmp_path: Path) -> None:
    def weights(name: str, **settings: Any) -> Tensor:
        model = adapted()
        fit(tmp_path / name, model, large_batch=True, **settings)
        return torch.cat([p.detach().flatten() for p in model.parameters() if p.requires_grad])

    start = torch.cat([p.detach().flatten() for p in adapted().parameters() if p.requires_grad])
    whole = weights("whole", per_device_train_batch_size=8)
    chunked = weights("chunked", per_device_train_batch_size=3)
    recomputed = weights("again", per_device_train_batch_size=3, gradient_checkpointing=True)
    # Adam divides by the size of a gradient, so rounding shows where a gradient is next to nothing.
    assert float((whole - chunked).norm() / (whole - start).norm()) < 1e-3
    assert torch.equal(chunked, recomputed)


def test_bfloat16_trains_float32_adapters(tmp_path: Path) -> None:
    model = adapted()
    result = fit(tmp_path, model, large_batch=True, per_device_train_batch_size=4, bf16=True)
    assert result.best_score > result.history[0]["validation_rsa"]
    assert {p.dtype for p in model.parameters()} == {torch.float32}
