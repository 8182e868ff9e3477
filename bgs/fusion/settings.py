"""Settings of a SocialFusion run. What the paper leaves open has a default of ours, and is said to be ours."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from bgs.config import BackboneSettings, Settings, TrainingSettings
from bgs.fusion.tasks import TASKS

ALL = ("affectnet", "gazefollow", "hagrid", "lam", "pisc")


class ConnectorSettings(Settings):
    """What turns visual tokens into words' places; by default small, since the encoder is to do the work."""

    kind: Literal["mlp", "queries"] = Field(
        default="mlp",
        description="every token through an MLP, or a few queries that read all tokens",
    )
    hidden: int = Field(default=256, ge=1, description="width inside the MLP")
    num_queries: int = Field(default=8, ge=1)


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
    steps_per_epoch: int | None = Field(
        default=None, ge=1, description="default: as many as ask every training example once"
    )


class FusionConfig(Settings):
    """Everything that decides what a SocialFusion run does."""

    name: str = "fusion"
    seed: int = Field(default=0, ge=0)
    output_dir: Path = Path("runs/fusion")
    home: Path = Field(default=Path("videos"), description="where the data sets are, as downloaded")
    train_on: tuple[str, ...] = ALL
    val_on: tuple[str, ...] = Field(default=(), description="default: what it is trained on")
    backbone: BackboneSettings = BackboneSettings(name_or_path="clip")
    connector: ConnectorSettings = ConnectorSettings()
    language: LanguageSettings = LanguageSettings()
    use_heatmap: bool = Field(default=False, description="a decoder of gaze beside the words")
    sampling: SamplingSettings = SamplingSettings()
    training: TrainingSettings = TrainingSettings(
        learning_rate=1e-3,
        num_train_epochs=5,
        per_device_train_batch_size=32,
        lr_scheduler_type="cosine",
        warmup_ratio=0.05,
        early_stopping_patience=None,
    )

    @field_validator("train_on", "val_on")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in TASKS:
                raise ValueError(f"unknown task {name!r}; the tasks are {', '.join(TASKS)}")
        if len(set(names)) < len(names):
            raise ValueError("a task is named twice")
        return names

    @property
    def validated(self) -> tuple[str, ...]:
        """The tasks that choose the epoch and are scored."""
        return self.val_on or self.train_on
