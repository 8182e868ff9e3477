"""A folder as a reader has it after the quickstart: a finished demo, and the same data as one's own, `mine`.

The demo is the rehearsal of the quickstart, run once for all pages; that page runs the rest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bgs.config import dump_config, parse_config

# `bgs data fetch demo` of the quickstart takes a minute; its effect is had here by copying the rehearsal's own data.
REHEARSAL = "bgs demo --quick --out runs/rehearsal"  # as the quickstart has it
KINDS = ("triplets", "videos")


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; every page gets a copy."""
    root = tmp_path_factory.mktemp("reader")
    with (root / "printed.txt").open("w") as printed:  # not a terminal: a test reads it
        command = [sys.executable, "-m", "bgs", "--verbose", *REHEARSAL.split()[1:]]
        subprocess.run(command, cwd=root, stdout=printed, stderr=subprocess.STDOUT, check=True)
    shutil.rmtree(root / "runs/rehearsal/checkpoints")
    shutil.copytree(root / "runs/rehearsal", root / "runs/demo")
    for kind in KINDS:
        payload = root / "runs/demo/data" / kind / "demo"
        for name in ("demo", "mine"):
            shutil.copytree(payload, root / kind / name)
        card = (repository / kind / "demo.yaml").read_text(encoding="utf-8")
        card = card.replace("demo\n", "mine\n").replace("demo/", "mine/")
        (root / kind / "mine.yaml").write_text(card, encoding="utf-8")
    (root / "mine-config.yaml").write_text(dump_config(quick_config()), encoding="utf-8")
    return root


def quick_config():
    """A short training on the reader's own data."""
    return parse_config(
        {
            "output_dir": "runs/mine",
            "data": {"triplets": "mine"},
            "training": {"num_train_epochs": 1},
            "evaluation": {"num_bootstrap": 100, "num_split_halves": 20},
        }
    )


@pytest.fixture
def reader(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's own copy, as the working directory."""
    folder = tmp_path / "reader"
    shutil.copytree(finished, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    return folder
