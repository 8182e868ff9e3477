"""From what a user types to a resolved config: a file, or the name of a config shipped with the package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from bgs.config import FitConfig, load_config
from bgs.errors import ConfigError


def resolve_config(name_or_path: str | Path, *, overrides: Sequence[str] = ()) -> FitConfig:
    """The config in that file, or the shipped one of that name, with `key=value` words on top."""
    path = Path(name_or_path)
    if path.is_file():
        return load_config(path, overrides=overrides)
    shipped = {
        item.name.removesuffix(".yaml"): item
        for item in files("bgs").joinpath("shipped/configs").iterdir()
        if item.name.endswith(".yaml")
    }
    if str(name_or_path) not in shipped:
        raise ConfigError(
            f"config {str(name_or_path)!r} is neither a file nor a shipped config",
            remedy=f"shipped configs: {', '.join(sorted(shipped))}",
        )
    with as_file(shipped[str(name_or_path)]) as file:
        return load_config(file, overrides=overrides)
