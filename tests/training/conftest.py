"""A tiny world with a known answer: clips as features, judged by a geometry that a few of them span."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from bgs.backbones.model import embed
from bgs.config import ObjectiveSettings, TrainingSettings
from bgs.data.features import FeatureBank
from bgs.data.triplets import Triplets
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.training import TrainingResult, train


class TinyModel(nn.Module):
    """A backbone with dropout and a head, on features."""

    def __init__(
        self, width: int = 10, dim: int = 8, *, dropout: float = 0.2, seed: int = 0
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Dropout(dropout))
            self.head = nn.Linear(16, dim)
        self.dim = dim

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.normalize(self.head(self.backbone(inputs)), dim=1)


@dataclass
class World:
    bank: FeatureBank
    judgments: Triplets
    human: RDM
    validation: RDM

    def validate(self, model: nn.Module) -> float:
        bank = self.bank.select(self.validation.ids)
        vectors = embed(model, bank)  # type: ignore[arg-type]
        distances = RDM.from_embeddings(bank.ids, vectors).dissimilarities
        return float(spearmanr(distances, self.validation.dissimilarities).statistic)


def make_world(*, num_train: int = 24, num_validation: int = 12, num_judgments: int = 400) -> World:
    rng = np.random.default_rng(7)
    num_clips = num_train + num_validation
    ids = tuple(f"clip{index:03d}" for index in range(num_clips))
    features = rng.normal(size=(num_clips, 10)).astype(np.float32)
    latent = RDM.from_embeddings(ids, features[:, :3])  # what people see; the rest distracts
    train_ids = ids[:num_train]
    clips = np.array([rng.permutation(num_train)[:3] for _ in range(num_judgments)])
    square = latent.square()
    opposite = np.stack(
        [square[clips[:, a], clips[:, b]] for a, b in ((1, 2), (0, 2), (0, 1))], axis=1
    )
    judgments = Triplets(ids=train_ids, clips=clips, odd=opposite.argmin(axis=1), name="world")
    return World(
        bank=FeatureBank(ids, features),
        judgments=judgments,
        human=judgments.rdm(),
        validation=latent.restrict(ids[num_train:]),
    )


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def tiny_model() -> type[TinyModel]:
    return TinyModel


@pytest.fixture
def run(world: World, tmp_path: Path) -> Callable[..., tuple[TinyModel, TrainingResult]]:
    """Train a tiny model in the world; keywords are training settings, or those of `train`."""

    def start(
        model: TinyModel | None = None,
        *,
        objective: ObjectiveSettings | None = None,
        seed: int = 3,
        output_dir: Path = tmp_path / "run",
        resume: bool = False,
        allow_changes: bool = False,
        config: dict[str, Any] | None = None,
        validate: Callable[[Any], float] | None = None,
        judgments: Triplets | None = None,
        human: RDM | None = None,
        progress: bool = False,
        **settings: Any,
    ) -> tuple[TinyModel, TrainingResult]:
        model = TinyModel() if model is None else model
        values = {
            "learning_rate": 0.01,
            "num_train_epochs": 4,
            "per_device_train_batch_size": 8,
            "save_interval_seconds": 0,
        }
        result = train(
            model,
            world.bank,
            world.judgments if judgments is None else judgments,
            world.human if human is None else human,
            objective=Objective(objective or ObjectiveSettings()),
            settings=TrainingSettings(**{**values, **settings}),
            seed=seed,
            output_dir=output_dir,
            validate=validate or world.validate,
            resume=resume,
            allow_changes=allow_changes,
            config=config,
            progress=progress,
        )
        return model, result

    return start
