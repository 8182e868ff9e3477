"""Low-rank adapters (peft) on the bare encoder, in its layers and nowhere else.

The targets are resolved against the real module names, and handed to peft as one expression that spells out the
layers. Suffixes alone would also match a predictor or a text tower when the adapter is later put on the full
public model.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from bgs.backbones.contract import Backbone
from bgs.backbones.seeding import seeded
from bgs.config import LoraSettings
from bgs.errors import BackboneError


@dataclass(frozen=True, kw_only=True)
class LoraReport:
    """What was adapted; the counts are printed before training."""

    modules: tuple[str, ...]
    trainable: int
    total: int

    @property
    def share(self) -> float:
        """Trainable parameters as a share of all."""
        return self.trainable / self.total if self.total else 0.0

    def __str__(self) -> str:
        return (
            f"LoRA on {len(self.modules)} modules: {self.trainable:,} of {self.total:,} "
            f"parameters train ({100 * self.share:.2f} %)"
        )


def add_lora(backbone: Backbone, settings: LoraSettings, *, seed: int = 0) -> LoraReport:
    """Put adapters into the encoder, in place. `r: 0` leaves it frozen as it is."""
    if settings.r == 0:
        return LoraReport(modules=(), trainable=0, total=_count(backbone.encoder))
    if peft_model_of(backbone) is not None:
        raise BackboneError(
            f"{backbone.spec.name!r} has an adapter already", remedy="load the backbone afresh"
        )
    modules = match_targets(backbone, settings)
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=_expression(modules),
        use_dora=settings.use_dora,
        use_rslora=settings.use_rslora,
        base_model_name_or_path=backbone.spec.base_id,
        revision=backbone.spec.revision,
    )
    with seeded(seed), warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 by a name that is on its way out,
        warnings.filterwarnings(
            "ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning
        )
        # and forgets the name of a base that is no transformers model.
        warnings.filterwarnings("ignore", "The PEFT config's `base_model", UserWarning)
        wrapped = get_peft_model(backbone.encoder, config)
    wrapped.peft_config["default"].base_model_name_or_path = backbone.spec.base_id
    # Beside the module tree, not in it: the encoder stays the bare model with its own names.
    backbone.__dict__["_peft_model"] = wrapped
    backbone.__dict__["_lora_settings"] = settings
    trainable = sum(p.numel() for p in backbone.encoder.parameters() if p.requires_grad)
    return LoraReport(modules=modules, trainable=trainable, total=_count(backbone.encoder))


def peft_model_of(backbone: Backbone) -> PeftModel | None:
    """The peft wrapper around the encoder, if it has been adapted."""
    return cast("PeftModel | None", backbone.__dict__.get("_peft_model"))


def lora_settings_of(backbone: Backbone) -> LoraSettings | None:
    """The settings its adapter was made with."""
    return cast("LoraSettings | None", backbone.__dict__.get("_lora_settings"))


def match_targets(backbone: Backbone, settings: LoraSettings) -> tuple[str, ...]:
    """Full names of the linear modules to adapt; a target that matches none, or one outside the layers, is an error."""
    targets = settings.target_modules or backbone.spec.lora_targets
    linear = [
        name for name, module in backbone.encoder.named_modules() if isinstance(module, nn.Linear)
    ]
    if not linear:
        raise BackboneError(
            f"{backbone.spec.name!r} has no layers to adapt",
            remedy="set lora.r to 0 and train the head alone",
        )
    layers = _check_layers(backbone, settings)
    inside = re.compile(rf"{re.escape(_container(backbone))}\.(\d+)\.")
    matched: set[str] = set()
    for target in targets:
        names = [name for name in linear if name == target or name.endswith(f".{target}")]
        outside = [name for name in names if not inside.match(name)]
        if not names or outside:
            found = (
                f"module {outside[0]!r}, outside the encoder's layers"
                if outside
                else "no linear module"
            )
            raise BackboneError(
                f"target {target!r} matches {found} of {backbone.spec.name!r}",
                remedy=f"use some of {', '.join(backbone.spec.lora_targets)}",
            )
        matched.update(name for name in names if _layer_of(name, inside) in layers)
    return tuple(name for name in linear if name in matched)


def _check_layers(backbone: Backbone, settings: LoraSettings) -> frozenset[int]:
    count = len(backbone.blocks)
    layers = range(count) if settings.layers_to_transform is None else settings.layers_to_transform
    for layer in layers:
        if not 0 <= layer < count:
            raise BackboneError(
                f"layer {layer} asked of {backbone.spec.name!r}, which has {count}",
                remedy=f"use layers from 0 to {count - 1}",
            )
    if not layers:
        raise BackboneError(
            "layers_to_transform is empty", remedy="name a layer, or set lora.r to 0"
        )
    return frozenset(layers)


def _container(backbone: Backbone) -> str:
    """The dotted name of the list of layers within the encoder."""
    blocks = backbone.blocks
    return next(name for name, module in backbone.encoder.named_modules() if module is blocks)


def _layer_of(name: str, inside: re.Pattern[str]) -> int:
    found = inside.match(name)
    return -1 if found is None else int(found[1])


def _expression(modules: tuple[str, ...]) -> str:
    """One full-match expression for exactly these modules: CONTAINER.(layers).(suffixes)."""
    parts = [re.fullmatch(r"(.*?)\.(\d+)\.(.*)", name) for name in modules]
    found = [part for part in parts if part is not None]
    container = re.escape(found[0][1])
    layers = "|".join(dict.fromkeys(part[2] for part in found))
    suffixes = "|".join(re.escape(suffix) for suffix in dict.fromkeys(part[3] for part in found))
    return rf"{container}\.({layers})\.({suffixes})"


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
