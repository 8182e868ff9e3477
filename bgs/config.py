"""Settings: typed, frozen and strict, one class a room; a key nobody knows is an error.

Names are those of `transformers.TrainingArguments` and `peft.LoraConfig` where one exists.
The defaults are the published recipe; a YAML file and `key=value` words on the command line change them.
The module is long because it is the one list of every setting there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bgs.errors import ConfigError
from bgs.settings_text import override, parse_settings, read_settings

PositiveInt = Field(ge=1)


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def enough_for_percentiles(num_bootstrap: int) -> int:
    """Refuse resamples too few for an interval before a run starts, and not when it is scored."""
    if 0 < num_bootstrap < 100:
        raise ValueError("input should be 0 or 100 and more")
    return num_bootstrap


class DataSettings(Settings):
    """Which judgments and clips, and how they are divided."""

    triplets: str = Field(description="name of a card in triplets_dir, or a file of judgments")
    videos: str | None = Field(
        default=None, description="name of a card in videos_dir, or a folder of clips"
    )
    triplets_dir: Path = Path("triplets")
    videos_dir: Path = Path("videos")
    third: Literal["within", "any"] = Field(
        default="within",
        description="which judgments define a pair: all three clips in the split, or any third",
    )
    validation_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="share of the training clips kept to choose the epoch"
    )
    decoder: Literal["auto", "pyav", "decord", "torchcodec"] = "auto"
    cache_dir: Path | None = Field(
        default=None, description="where decoded clips are kept; default ~/.cache/bgs"
    )
    num_workers: int = Field(default=2, ge=0)


class BackboneSettings(Settings):
    """Which video encoder, and in which precision its weights are loaded."""

    name_or_path: str = "bgs-tiny"
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    pooling: Literal["mean", "cls"] | None = Field(
        default=None, description="default: what the family calls for"
    )
    random_init: bool = Field(
        default=False, description="the architecture without its weights: a control"
    )
    num_frames: int | None = Field(
        default=None, ge=1, description="frames a clip; default: the backbone's own"
    )
    image_size: int | None = Field(
        default=None, ge=1, description="for families that take any; default: its own"
    )


class LoraSettings(Settings):
    """Low-rank adapters (peft). `r: 0` freezes the backbone and trains the head alone."""

    r: int = Field(default=8, ge=0)
    lora_alpha: int = Field(default=16, ge=1)
    lora_dropout: float = Field(default=0.1, ge=0, lt=1)
    target_modules: tuple[str, ...] | None = Field(
        default=None, description="default: the family's preset"
    )
    layers_to_transform: tuple[int, ...] | None = None
    use_dora: bool = False
    use_rslora: bool = False


class HeadSettings(Settings):
    """The projection that turns a pooled embedding into a point on the unit sphere."""

    kind: Literal["paper", "linear", "square", "mlp", "none"] = Field(
        default="paper", description="'square' keeps the width and starts at the identity"
    )
    dim: int = Field(
        default=128, ge=2, description="not used by 'square' and 'none', which keep the width"
    )
    dropout: float = Field(default=0.3, ge=0, lt=1)


class Ramp(Settings):
    """A weight that grows by `per_epoch` each epoch from `start` until it reaches `stop`."""

    start: float = Field(ge=0)
    per_epoch: float = Field(default=0.0, ge=0)
    stop: float = Field(ge=0)

    def at(self, epoch: int) -> float:
        """The weight in `epoch`, counted from 0."""
        return min(self.stop, self.start + self.per_epoch * epoch)


Weight = Annotated[float, Field(ge=0)] | Ramp


class TripletTerm(Settings):
    """The odd clip must be further from the anchor than its partner is, by a margin of cosine distance."""

    weight: Weight = 0.7
    margin: float = Field(default=0.2, ge=0)
    symmetric: bool = Field(
        default=False,
        description="both clips of the pair in turn as anchor, instead of the first alone",
    )


class OddOneOutTerm(Settings):
    """Cross-entropy of picking the pair people left, among the three pairs of a judgment."""

    weight: Weight = 1.0
    temperature: float = Field(
        default=0.1, gt=0, description="of the softmax over cosine similarities"
    )


class HardNegativeTerm(Settings):
    """Extra triplets with the nearest wrong clip of the batch: the budget-matched control of the RSA term."""

    weight: Weight = 0.7
    margin: float = Field(default=0.2, ge=0)
    per_epoch: int = Field(
        default=738,
        ge=1,
        description="extra constraints an epoch; 6 x 123 is what the RSA term sees",
    )
    judgments: int = Field(
        default=4,
        ge=1,
        description="a negative is sought among the clips of so many judgments, a published step's; "
        "of a larger batch, random groups of so many are taken",
    )


class RsaTerm(Settings):
    """Cosine distances must correlate (Pearson) with human dissimilarities over the observed pairs."""

    weight: Weight = Ramp(start=0.3, per_epoch=0.1, stop=0.7)
    count_weighted: bool = Field(
        default=False, description="a pair counts as often as people saw it, instead of once"
    )


class RankRsaTerm(Settings):
    """The same with soft ranks on the model's side and true ranks on people's: a smooth Spearman."""

    weight: Weight = Ramp(start=0.3, per_epoch=0.1, stop=0.7)
    count_weighted: bool = False
    temperature: float = Field(
        default=0.1,
        gt=0,
        description="width of a soft rank, in standard deviations of the distances",
    )


class ObjectiveSettings(Settings):
    """A weighted sum of terms; a term set to null is left out."""

    triplet: TripletTerm | None = TripletTerm()
    odd_one_out: OddOneOutTerm | None = None
    hard_negatives: HardNegativeTerm | None = None
    rsa: RsaTerm | None = RsaTerm()
    rank_rsa: RankRsaTerm | None = None


class PublishedProtocol(Settings):
    """How `batching: triplets` draws its steps."""

    rsa_updates_per_epoch: int = Field(default=6, ge=0)
    rsa_clips: int = Field(default=24, ge=3, description="clips whose pairs are compared")
    rsa_grad_clips: int = Field(default=6, ge=1, description="how many of them carry a gradient")


class AugmentationSettings(Settings):
    """Random changes of a clip that leave its meaning alone; each is off at 0."""

    crop: float = Field(default=0.0, ge=0, lt=1, description="largest share of each side cut away")
    flip: bool = Field(
        default=False, description="mirror half the clips; left and right can matter"
    )
    colour: float = Field(
        default=0.0, ge=0, lt=1, description="largest change of brightness and contrast"
    )
    temporal_jitter: int = Field(default=0, ge=0, description="largest shift in frames")


class TrainingSettings(Settings):
    """The optimisation loop."""

    batching: Literal["clips", "triplets"] = Field(
        default="clips",
        description="batches of clips with all judgments inside, or the published protocol",
    )
    large_batch: bool = Field(
        default=False,
        description="one exact step an epoch over all training clips, embedded in chunks",
    )
    published: PublishedProtocol = PublishedProtocol()
    learning_rate: float = Field(default=1e-4, gt=0)
    head_learning_rate: float | None = Field(
        default=None, gt=0, description="default: learning_rate"
    )
    weight_decay: float = Field(default=0.01, ge=0)
    adam_beta1: float = Field(default=0.9, ge=0, lt=1)
    adam_beta2: float = Field(default=0.999, ge=0, lt=1)
    num_train_epochs: int = Field(default=50, ge=1)
    per_device_train_batch_size: int = Field(
        default=32,
        ge=1,
        description="clips a device embeds at a time; judgments with batching: triplets",
    )
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    lr_scheduler_type: Literal["constant", "cosine", "reduce_lr_on_plateau"] = (
        "reduce_lr_on_plateau"
    )
    warmup_ratio: float = Field(default=0.0, ge=0, lt=1)
    lr_plateau_patience: int = Field(default=3, ge=0)
    lr_plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    max_grad_norm: float = Field(default=1.0, gt=0)
    early_stopping_patience: int | None = Field(default=5, ge=1)
    ema_decay: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="validate and keep an exponential average of the weights",
    )
    augmentation: AugmentationSettings | None = None
    bf16: bool = Field(default=False, description="autocast to bfloat16 where the device has it")
    fp16: bool = Field(default=False, description="autocast to float16 with loss scaling, on a GPU")
    gradient_checkpointing: bool = False
    save_steps: int | None = Field(default=None, ge=1, description="checkpoint inside an epoch too")
    save_interval_seconds: float = Field(
        default=5.0, ge=0, description="epochs that end sooner after a checkpoint make none"
    )
    save_total_limit: int = Field(default=2, ge=1)
    report_to: Literal["none", "wandb", "tensorboard"] = "none"


class EvaluationSettings(Settings):
    """How a model is scored on held-out clips."""

    num_bootstrap: int = Field(
        default=1000,
        ge=0,
        description="samples of clips behind every interval; 0 for none, else 100 or more",
    )
    num_split_halves: int = Field(default=1000, ge=2)
    caption_model: str = Field(
        default="tfidf", description="'tfidf', or a sentence-transformers id or folder"
    )

    @field_validator("num_bootstrap")
    @classmethod
    def _enough(cls, value: int) -> int:
        return enough_for_percentiles(value)


ControlName = Literal[
    "random_init", "head_only", "shuffled_judgments", "language_distilled", "caption_residual"
]


class FitConfig(Settings):
    """Everything that decides what a run does; saved with the run before it starts."""

    name: str = "run"
    seed: int = Field(default=0, ge=0, lt=2**63)
    output_dir: Path = Path("runs/run")
    data: DataSettings
    backbone: BackboneSettings = BackboneSettings()
    lora: LoraSettings = LoraSettings()
    head: HeadSettings = HeadSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    controls: tuple[ControlName, ...] = Field(
        default=("random_init", "head_only"), description="what a gain is measured against"
    )


def load_config(path: Path, *, overrides: Sequence[str] = ()) -> FitConfig:
    """A config from a YAML file, then `key.sub=value` words on top of it."""
    if not path.is_file():
        raise ConfigError(
            f"config {str(path)!r} does not exist", remedy="see `bgs fit --help` for an example"
        )
    values = read_settings(path, first_key="data")
    override(values, overrides)
    return parse_config(values, file=path)


def parse_config(values: dict[str, Any], *, file: Path | None = None) -> FitConfig:
    """Strictly typed settings from plain values; the error names the first bad key by its full path."""
    return parse_settings(FitConfig, values, command="bgs fit CONFIG", file=file)


def dump_config(config: FitConfig) -> str:
    """The resolved config as YAML; reading it back gives the same config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
