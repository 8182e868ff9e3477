"""From what a user types to the settings of a SocialFusion run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bgs.config import BackboneSettings
from bgs.fusion.settings import TINY, FusionConfig, LanguageSettings, TwinSettings
from bgs.run.configs import find_config
from bgs.settings_text import override, parse_settings, read_settings

COMMAND = "bgs fusion train CONFIG"
Part = TypeVar("Part", BackboneSettings, LanguageSettings)


def resolve_fusion(
    name_or_path: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    twins: bool = False,
) -> FusionConfig:
    """A config file, or the shipped one of that name, or the defaults; then `key=value` words, then `changes`.

    The keys of `changes` are dotted like the words; a value of None changes nothing. `twins` asks for simulated
    twins of absent data sets, of the sizes in the config where it names some.
    """
    config = _resolve(name_or_path, overrides, changes or {})
    if twins and config.twins is None:
        return config.model_copy(update={"twins": TwinSettings()})
    return config


def dump_fusion(config: FusionConfig) -> str:
    """The resolved settings as YAML; reading it back gives the same settings."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _resolve(
    name_or_path: str | Path | None, overrides: Sequence[str], changes: Mapping[str, Any]
) -> FusionConfig:
    values: dict[str, Any] = {}
    with nullcontext() if name_or_path is None else find_config(name_or_path) as file:
        if file is not None:
            values = read_settings(file, first_key="train_on")
            parse_settings(FusionConfig, values, command=COMMAND, file=file)  # its own faults first
    override(values, overrides)
    given = {key: value for key, value in changes.items() if value is not None}
    override(values, [f"{key}={_as_word(value)}" for key, value in given.items()])
    config = parse_settings(FusionConfig, values, command=COMMAND)
    return config.model_copy(
        update={
            "backbone": _at_home(config.backbone),
            "language": _at_home(config.language),
        }
    )


def _at_home(part: Part) -> Part:
    """A folder by its whole path, so that a run is found from wherever it is opened."""
    path = Path(part.name_or_path).expanduser()
    # A bare word may be a name of ours: of backbones there are many, of language models `tiny`.
    named = part.name_or_path == TINY or (
        isinstance(part, BackboneSettings) and len(path.parts) < 2
    )
    if path.is_dir() and not named:
        return part.model_copy(update={"name_or_path": str(path.resolve())})
    return part


def _as_word(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True).strip()
