"""From what a user types to a resolved config: a file, or the name of a config shipped with the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from bgs.config import FitConfig, load_config
from bgs.errors import ConfigError


def resolve_config(name_or_path: str | Path, *, overrides: Sequence[str] = ()) -> FitConfig:
    """The config in that file, or the shipped one of that name, with `key=value` words on top."""
    with find_config(name_or_path) as file:
        return load_config(file, overrides=overrides)


@contextmanager
def find_config(name_or_path: str | Path) -> Iterator[Path]:
    """The file itself, or the shipped config of that name, which may lie inside an archive."""
    path = Path(name_or_path)
    if _is_file(path):
        yield path
        return
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
        yield file


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for any disk, or with a zero byte
        return False
