"""From what a user types to the settings of a SocialFusion run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bgs.config import _key_of, _override
from bgs.errors import ConfigError
from bgs.fusion.settings import FusionConfig, TwinSettings
from bgs.strict_yaml import parse_mapping

PRINT = "`bgs fusion train CONFIG --print-config`"


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
    path = None if name_or_path is None else Path(name_or_path)
    if path is None or path.is_file():
        return _read(path, overrides, changes)
    shipped = files("bgs").joinpath(f"shipped/configs/{name_or_path}.yaml")
    if not shipped.is_file():
        raise ConfigError(
            f"config {str(name_or_path)!r} is neither a file nor a shipped config",
            remedy="give a YAML file or the name fusion-twins, or leave it out and use the options",
        )
    with as_file(shipped) as file:
        return _read(file, overrides, changes)


def _read(path: Path | None, overrides: Sequence[str], changes: Mapping[str, Any]) -> FusionConfig:
    values: dict[str, Any] = {}
    if path is not None:
        text = path.read_text(encoding="utf-8")
        values = parse_mapping(
            text, file=path, what="config", first_key="train_on", error=ConfigError
        )
    for word in overrides:
        _override(values, word)
    for key, value in changes.items():
        if value is not None:
            _override(values, f"{key}={yaml.safe_dump(value, default_flow_style=True).strip()}")
    try:
        return FusionConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = _key_of(first["loc"], values)
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"unknown setting {key!r}", remedy=f"{PRINT} lists the settings", file=path
            ) from error
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"setting {key!r}: {message[0].lower() + message[1:]}",
            remedy=f"{PRINT} shows the defaults",
            file=path,
        ) from error
