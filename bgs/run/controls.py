"""What a gain must be measured against: the same numbers without the part that is said to earn them.

- `random_init`: the untrained architecture, so that "before" is known to carry something.
- `head_only`: the same training of a head on the frozen backbone; what it gains is not LoRA's.
- `shuffled_judgments`: the same training on judgments whose odd one was drawn by lot.
- `language_distilled`: the same triads and pairs with the answers of a caption model in place of people's.
- `caption_residual`: people's dissimilarities minus what the caption model predicts of them, by the RSA term
  alone (a judgment has no remainder).

Every one of them keeps its best epoch by people's validation judgments, as the model itself does.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.backbones.contract import FeatureBackbone
from bgs.backbones.model import EmbeddingModel, embed
from bgs.config import FitConfig, ObjectiveSettings, RsaTerm
from bgs.data.features import FeatureBank
from bgs.errors import DataError
from bgs.rdm import RDM
from bgs.run.building import build_model
from bgs.run.embed import CAPTIONS, Embeddings, bare, embed_with, reads_no_frames
from bgs.run.learning import learn
from bgs.run.study import Study
from bgs.training.controls import (
    distilled_geometry,
    distilled_judgments,
    residual_geometry,
    shuffled_judgments,
)

if TYPE_CHECKING:
    from bgs.run.building import Bank

NEED_CAPTIONS = ("language_distilled", "caption_residual")


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


def check_controls(config: FitConfig, study: Study) -> None:
    """Refuse before the training what could not be controlled after it."""
    wanted = [name for name in config.controls if name in NEED_CAPTIONS]
    if wanted and not study.clips.captions:
        raise DataError(
            f"control {wanted[0]!r} needs captions, which clip set {study.clips.name!r} lacks",
            remedy="name a caption column in its card, or leave the control out",
        )


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
    # Features of the clips as they are: there are no frames left to augment.
    training = config.training.model_copy(update={"augmentation": None})
    lora = config.lora.model_copy(update={"r": 0})
    frozen = config.model_copy(update={"lora": lora, "training": training})
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


def _language_distilled(
    config: FitConfig, study: Study, bank: Bank, *, scratch: Path, progress: bool
) -> Embeddings:
    language = _caption_geometry(config, study)
    learnt = study.train_judgments
    model = build_model(config, bank)
    learn(
        model,
        bank,
        study,
        config=config,
        output_dir=scratch,
        judgments=distilled_judgments(learnt, language),
        geometry=distilled_geometry(learnt.rdm(study.split.train), language),
        progress=progress,
    )
    return Embeddings("language-distilled", bank.ids, embed(model, bank, progress=progress))


def _caption_residual(
    config: FitConfig, study: Study, bank: Bank, *, scratch: Path, progress: bool
) -> Embeddings:
    human = study.train_judgments.rdm(study.split.train)
    by_pairs = config.model_copy(update={"objective": _pair_terms(config.objective)})
    model = build_model(by_pairs, bank)
    learn(
        model,
        bank,
        study,
        config=by_pairs,
        output_dir=scratch,
        geometry=residual_geometry(human, _caption_geometry(config, study)),
        progress=progress,
    )
    return Embeddings("caption residual", bank.ids, embed(model, bank, progress=progress))


def _caption_geometry(config: FitConfig, study: Study) -> RDM:
    """What the caption model of the evaluation makes of the training clips."""
    name = CAPTIONS + config.evaluation.caption_model
    return embed_with(name, study.clips, config.data).rdm(study.split.train)


def _pair_terms(objective: ObjectiveSettings) -> ObjectiveSettings:
    """The terms that compare distances of pairs, or the default one where there is none."""
    rsa = objective.rsa or (None if objective.rank_rsa else RsaTerm())
    return ObjectiveSettings(triplet=None, rsa=rsa, rank_rsa=objective.rank_rsa)


CONTROLS = {
    "random_init": _random_init,
    "head_only": _head_only,
    "shuffled_judgments": _shuffled_judgments,
    "language_distilled": _language_distilled,
    "caption_residual": _caption_residual,
}
