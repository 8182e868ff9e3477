"""Tiny twins of the five data sets, drawn once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgs.fusion.twins import TINY, TWINS, write_twin


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("twins")
    for name in TWINS:
        write_twin(name, home / name, size=TINY)
    return home
