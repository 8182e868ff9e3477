"""One training run on a study: which judgments it learns from and how its epochs are judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bgs.backbones.model import EmbeddingModel, embed
from bgs.config import FitConfig
from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.evaluation.rsa import correlate
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.run.study import Study
from bgs.training import TrainingResult, train

if TYPE_CHECKING:
    from bgs.run.building import Bank


def learn(
    model: EmbeddingModel,
    bank: Bank,
    study: Study,
    *,
    config: FitConfig,
    output_dir: Path,
    judgments: Triplets | None = None,
    geometry: RDM | None = None,
    resume: bool = False,
    allow_changes: bool = False,
    progress: bool = True,
) -> TrainingResult:
    """Train on the study's training judgments and keep the best epoch.

    A control learns from other `judgments`, or from a `geometry` that is not theirs. The best epoch is the
    one whose distances between validation clips correlate best (Spearman) with people's, for a control
    too; held-out clips play no part.
    """
    learnt = study.train_judgments if judgments is None else judgments
    validation = bank.select(study.split.validation)

    def validate(candidate: EmbeddingModel) -> float:
        distances = RDM.from_embeddings(validation.ids, embed(candidate, validation))
        try:
            return correlate(distances, study.validation_geometry)
        except DataError:
            return -1.0  # collapsed onto one point: no order at all, and never the best epoch

    return train(
        model,
        bank.select(study.split.train),
        learnt,
        learnt.rdm(study.split.train) if geometry is None else geometry,
        objective=Objective(config.objective),
        settings=config.training,
        seed=config.seed,
        output_dir=output_dir,
        validate=validate,
        resume=resume,
        allow_changes=allow_changes,
        config=config.model_dump(mode="json", include={"data", "backbone", "lora", "head"}),
        progress=progress,
    )
