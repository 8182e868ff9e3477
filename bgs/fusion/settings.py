"""Settings of a SocialFusion run. What the paper leaves open has a default of ours, and is said to be ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from bgs.config import BackboneSettings, Settings, TrainingSettings, enough_for_percentiles
from bgs.fusion.tasks import TASKS

TINY = "tiny"  # a random language model for tests and twins
ALL = ("affectnet", "gazefollow", "hagrid", "lam", "pisc")


class ConnectorSettings(Settings):
    """What turns visual tokens into words' places; by default small, since the encoder is to do the work."""

    kind: Literal["mlp", "queries"] = Field(
        default="mlp",
        description="every token through an MLP, or a few queries that read all tokens",
    )
    hidden: int = Field(default=256, ge=1, description="width inside the MLP")
    num_queries: int = Field(default=8, ge=1, le=4096)


class LanguageSettings(Settings):
    """The language model that reads the tokens and answers."""

    name_or_path: str = Field(
        default="tiny",
        description="a causal model's id or folder; 'tiny' is a random one for tests and twins",
    )
    r: int = Field(default=16, ge=0, description="rank of LoRA; 0 trains every weight")
    lora_alpha: int = Field(default=32, ge=1)
    lora_dropout: float = Field(default=0.05, ge=0, lt=1)


class SamplingSettings(Settings):
    """How often a task is asked: `proportional` to its examples, all alike, or in between by temperature."""

    kind: Literal["proportional", "uniform", "temperature"] = "uniform"
    temperature: float = Field(
        default=2.0, gt=0, description="shares are sizes to the power of 1 / temperature"
    )
    weights: Mapping[str, float] = Field(
        default_factory=dict,
        description="factors on the shares of some tasks, as `gazefollow: 2`",
    )
    own_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="of a task that asks several things of a picture: how often its own question is asked",
    )
    mixed: bool = Field(
        default=True, description="every step asks some of every task; false: one task a step"
    )
    steps_per_epoch: int | None = Field(
        default=None, ge=1, description="default: as many as ask every training example once"
    )

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: Mapping[str, float]) -> Mapping[str, float]:
        for name, weight in weights.items():
            if name not in TASKS:
                raise ValueError(f"unknown task {name!r}; the tasks are {', '.join(TASKS)}")
            if not weight > 0:
                raise ValueError(f"the weight of {name!r} is {weight:g}; above 0 is needed")
        return weights


class TwinSettings(Settings):
    """Simulated stand-ins of data sets that are absent: how many examples each has, and where they are drawn."""

    train: int = Field(default=400, ge=8)
    val: int = Field(default=100, ge=8)
    test: int = Field(default=200, ge=8)
    seed: int = Field(default=0, ge=0)
    home: Path | None = Field(default=None, description="default: a folder in output_dir/data")


class FusionConfig(Settings):
    """Everything that decides what a SocialFusion run does."""

    name: str = "fusion"
    seed: int = Field(default=0, ge=0, lt=2**63)
    output_dir: Path = Path("runs/fusion")
    home: Path = Field(default=Path("videos"), description="where the data sets are, as downloaded")
    twins: TwinSettings | None = Field(
        default=None, description="draw a simulated twin of every data set that is not in `home`"
    )
    max_examples: int | None = Field(
        default=None,
        ge=8,
        description="of the training and of the validation part of a task, drawn from the seed; "
        "the test part is always whole",
    )
    cache_dir: Path | None = Field(
        default=None, description="where visual tokens are kept; default ~/.cache/bgs"
    )
    train_on: tuple[str, ...] = ALL
    val_on: tuple[str, ...] = Field(default=(), description="default: what it is trained on")
    backbone: BackboneSettings = Field(
        default=BackboneSettings(name_or_path="clip"),
        description="the name of a backbone, or a run folder: its tuned encoder, frozen",
    )
    layer: int | None = Field(
        default=None, ge=1, description="tokens after this layer, counted from 1; default: the last"
    )
    connector: ConnectorSettings = ConnectorSettings()
    language: LanguageSettings = LanguageSettings()
    use_heatmap: bool = Field(default=False, description="a decoder of gaze beside the words")
    sampling: SamplingSettings = SamplingSettings()
    mend_conflicts: bool = Field(
        default=False,
        description="PCGrad: a step asks every task, and conflicting gradients are projected",
    )
    num_bootstrap: int = Field(
        default=500,
        ge=0,
        description="resamples behind every interval; 0 for none, else 100 or more",
    )
    training: TrainingSettings = TrainingSettings(
        learning_rate=1e-3,
        num_train_epochs=5,
        per_device_train_batch_size=32,
        lr_scheduler_type="cosine",
        warmup_ratio=0.05,
        early_stopping_patience=None,
    )

    @field_validator("num_bootstrap")
    @classmethod
    def _enough(cls, value: int) -> int:
        return enough_for_percentiles(value)

    @field_validator("train_on", "val_on")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in TASKS:
                raise ValueError(f"unknown task {name!r}; the tasks are {', '.join(TASKS)}")
        if len(set(names)) < len(names):
            raise ValueError("a task is named twice")
        return names

    @field_validator("train_on")
    @classmethod
    def _something(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            raise ValueError("name a task or more")
        return names

    @field_validator("training")
    @classmethod
    def _applies(cls, training: TrainingSettings) -> TrainingSettings:
        # What is about clips and judgments would be ignored in silence.
        if training.augmentation is not None:
            raise ValueError("pictures are seen once, so `augmentation` has nothing to change")
        if training.batching != "clips" or training.large_batch:
            raise ValueError("`batching` and `large_batch` are about judgments, not questions")
        return training

    @property
    def validated(self) -> tuple[str, ...]:
        """The tasks that choose the epoch and are scored."""
        return self.val_on or self.train_on
