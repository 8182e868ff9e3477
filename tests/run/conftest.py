"""One rehearsal of the demo, made once and read by many tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bgs.run.demo import demo


class Rehearsal(NamedTuple):
    folder: Path
    results: dict[str, Any]


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    folder = tmp_path_factory.mktemp("rehearsal") / "run"
    return Rehearsal(folder, demo(folder, seed=3, quick=True, progress=False))
