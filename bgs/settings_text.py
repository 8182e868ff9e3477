"""From text to settings: a YAML file, then `key.sub=value` words on top, then strict types.

Every fault names the file, the setting by its full key, what was given and the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bgs.errors import ConfigError, DataError
from bgs.strict_json import decode_text
from bgs.strict_yaml import parse_mapping

Model = TypeVar("Model", bound=BaseModel)


def read_settings(path: Path, *, first_key: str) -> dict[str, Any]:
    """The plain values in a config file; `first_key` shows how one begins."""
    try:
        text = decode_text(path.read_bytes(), path=path)
    except DataError as error:
        raise ConfigError(
            "the config is not UTF-8 text", remedy="save it as UTF-8", file=path, row=error.row
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the config cannot be read ({error.strerror})", remedy="check the path", file=path
        ) from error
    return parse_mapping(text, file=path, what="config", first_key=first_key, error=ConfigError)


def override(values: dict[str, Any], words: Sequence[str]) -> None:
    """Put `key.sub=value` words, each with a value in YAML, on top of plain values."""
    for word in words:
        _override(values, word)


def parse_settings(
    model: type[Model], values: dict[str, Any], *, command: str, file: Path | None = None
) -> Model:
    """Strictly typed settings from plain values; `command` is where `--print-config` shows them all."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = _key_of(first["loc"], values)
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"unknown setting {key!r}",
                remedy=f"`{command} --print-config` lists the settings",
                file=file,
            ) from error
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"setting {key!r}: {message[0].lower() + message[1:]}, got {first.get('input')!r}",
            remedy=f"`{command} --print-config` shows the defaults",
            file=file,
        ) from error


def _key_of(location: tuple[int | str, ...], values: Any) -> str:
    """The dotted key, without the names pydantic gives to the members of a union."""
    parts: list[str] = []
    for part in location:
        inside = isinstance(values, dict) and part in values
        if parts and not inside and not isinstance(values, dict):
            break  # a union's member: what was typed ends here
        parts.append(str(part))
        values = values[part] if inside else {}
    return ".".join(parts)


def _override(values: dict[str, Any], word: str) -> None:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ConfigError(f"{word!r} is not of the form key=value", remedy="write e.g. lora.r=16")
    *parents, leaf = key.split(".")
    place = values
    for parent in parents:
        child = place.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(
                f"setting {key!r}: {parent!r} has no settings below it", remedy="check the key"
            )
        place = child
    try:
        place[leaf] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"value {text!r} of {key!r} is not YAML", remedy="quote it") from error
