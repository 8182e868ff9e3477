"""What a gain must be measured against: the same numbers without the part that is said to earn them.

- `random_init`: the untrained architecture, so that "before" is known to carry something.
- `head_only`: the same training of a head on the frozen backbone; what it gains is not LoRA's.
- `shuffled_judgments`: the same training on judgments whose odd one was drawn by lot.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.backbones.contract import FeatureBackbone
from bgs.backbones.model import EmbeddingModel, embed
from bgs.config import FitConfig
from bgs.data.features import FeatureBank
from bgs.run.building import build_model
from bgs.run.embed import Embeddings, bare, reads_no_frames
from bgs.run.learning import learn
from bgs.run.study import Study
from bgs.training.controls import shuffled_judgments

if TYPE_CHECKING:
    from bgs.run.building import Bank


def run_control(
    name: str, config: FitConfig, study: Study, bank: Bank, *, progress: bool = True
) -> Embeddings:
    """The embeddings of one control, trained (where it trains) in a folder that is thrown away."""
    with TemporaryDirectory(prefix="bgs-control-") as scratch:
        return CONTROLS[name](config, study, bank, scratch=Path(scratch), progress=progress)


def tells_something(name: str, config: FitConfig) -> bool:
    """Whether a control differs from the model it stands beside.

    Given features have no weights that could be random, without LoRA the head alone is the model, and
    without a head there is none to train alone.
    """
    if name == "random_init":
        return not reads_no_frames(config.backbone.name_or_path)
    return name != "head_only" or (config.lora.r > 0 and config.head.kind != "none")


def frozen_features(
    model: EmbeddingModel, bank: Bank, *, progress: bool = True
) -> NDArray[np.float32]:
    """The pooled output of the backbone, without a head: what the model says before anybody teaches it."""
    return embed(bare(model.backbone), bank, progress=progress)


def _random_init(
    config: FitConfig, study: Study, bank: Bank, *, scratch: Path, progress: bool
) -> Embeddings:
    untrained = config.backbone.model_copy(update={"random_init": True})
    model = build_model(config.model_copy(update={"backbone": untrained}), bank)
    features = frozen_features(model, bank, progress=progress)
    return Embeddings("random initialisation", bank.ids, features)


def _head_only(
    config: FitConfig, study: Study, bank: Bank, *, scratch: Path, progress: bool
) -> Embeddings:
    """The backbone is frozen, so its embeddings are computed once and the head alone is trained on them."""
    frozen = config.model_copy(update={"lora": config.lora.model_copy(update={"r": 0})})
    features = FeatureBank(
        bank.ids, frozen_features(build_model(frozen, bank), bank, progress=progress)
    )
    head = EmbeddingModel(FeatureBackbone(features.width), frozen.head, seed=frozen.seed)
    learn(head, features, study, config=frozen, output_dir=scratch, progress=progress)
    return Embeddings("head only", bank.ids, embed(head, features))


def _shuffled_judgments(
    config: FitConfig, study: Study, bank: Bank, *, scratch: Path, progress: bool
) -> Embeddings:
    model = build_model(config, bank)
    chance = shuffled_judgments(study.train_judgments, seed=config.seed)
    learn(
        model, bank, study, config=config, output_dir=scratch, judgments=chance, progress=progress
    )
    return Embeddings("shuffled judgments", bank.ids, embed(model, bank, progress=progress))


CONTROLS = {
    "random_init": _random_init,
    "head_only": _head_only,
    "shuffled_judgments": _shuffled_judgments,
}
