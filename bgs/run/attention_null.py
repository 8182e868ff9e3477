"""How far would attention move if nothing could be learnt? The same tuning on judgments drawn by lot.

The run kept the epoch that agrees best with people's validation judgments. Chosen like that, a model tuned on chance
would be kept where it has hardly moved, so here the epoch of the run is kept: as many steps, nothing to learn.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.config import FitConfig
from bgs.evaluation.attention import Divergence, compare_maps, mean_interval
from bgs.objectives import Objective
from bgs.reports.document import read_document
from bgs.run.attention_maps import make_maps
from bgs.run.building import build_model, open_inputs
from bgs.run.folder import RESULTS
from bgs.run.study import load_study
from bgs.training import train
from bgs.training.controls import shuffled_judgments

if TYPE_CHECKING:
    from bgs.backbones.attention_maps import Method
    from bgs.backbones.model import EmbeddingModel
    from bgs.data.clip_cache import FrameBank

FloatArray = NDArray[np.float64]


def compare_with_chance(
    run: Path,
    config: FitConfig,
    base: FloatArray,
    found: Divergence,
    bank: FrameBank,
    *,
    method: Method,
    num_bootstrap: int,
    seed: int,
    progress: bool = True,
) -> dict[str, Any]:
    """Divergence of maps after tuning on chance, and by how much that on people's judgments exceeds it."""
    epoch = read_document(run / RESULTS).part("training").count("best_epoch")
    model = tune_on_chance(config, epoch=epoch, progress=progress)
    maps = make_maps(model, bank, method=method, progress=progress)
    chance = compare_maps(base, maps, num_bootstrap=num_bootstrap, seed=seed)
    excess = found.per_clip - chance.per_clip
    interval = mean_interval(excess, num_bootstrap=num_bootstrap, seed=seed)
    return {
        "mean": chance.mean,
        "ci95": None if chance.ci95 is None else list(chance.ci95),
        "difference": float(excess.mean()),
        "difference_ci95": None if interval is None else list(interval),
        "epoch": epoch,
    }


def tune_on_chance(config: FitConfig, *, epoch: int, progress: bool = True) -> EmbeddingModel:
    """The run's model after the run's training on its triads with the odd one drawn by lot, at this epoch."""
    study = load_study(config.data, seed=config.seed)
    backbone, bank = open_inputs(config, study.clips, progress=progress)
    model = build_model(config, bank, backbone=backbone)
    chance = shuffled_judgments(study.train_judgments, seed=config.seed)
    with TemporaryDirectory(prefix="bgs-control-") as scratch:
        train(
            model,
            bank.select(study.split.train),
            chance,
            chance.rdm(study.split.train),
            objective=Objective(config.objective),
            settings=config.training,
            seed=config.seed,
            output_dir=Path(scratch),
            validate=_prefer(epoch),
            progress=progress,
        )
    return model


def _prefer(epoch: int) -> Callable[[Any], float]:
    """A validation that is best at one epoch; it is asked once before training and once after every epoch."""
    asked = count()

    def validate(_model: Any) -> float:
        now = next(asked)
        return float(now) if now <= epoch else -1.0

    return validate
