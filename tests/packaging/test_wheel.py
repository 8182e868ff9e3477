"""The wheel, built from a copy of the tree, holds what a stranger needs and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCES = (
    "bgs",
    "configs",
    "triplets",
    "videos",
    "pyproject.toml",
    "setup.cfg",
    "LICENSE",
    "README.md",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> list[str]:
    """The names inside a wheel built away from the tree, so that a build leaves nothing in it."""
    tree = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in SOURCES:
        if (repository / name).is_dir():
            shutil.copytree(repository / name, tree / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(repository / name, tree / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
    built = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (tree / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_bgs_is_the_only_top_level_package(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bgs"}


@pytest.mark.parametrize("home", ["triplets", "videos", "configs"])
def test_every_card_and_config_travels(wheel: list[str], repository: Path, home: str) -> None:
    here = {f"bgs/shipped/{home}/{path.name}" for path in (repository / home).glob("*.yaml")}
    there = {name for name in wheel if name.startswith(f"bgs/shipped/{home}/")}
    assert there == here
    assert here


def test_tiny_weights_and_templates_travel(wheel: list[str]) -> None:
    for name in (
        "bgs/backbones/tiny/config.json",
        "bgs/backbones/tiny/model.safetensors",
        "bgs/reports/templates/report.html.j2",
        "bgs/py.typed",
    ):
        assert name in wheel


def test_every_module_travels(wheel: list[str], repository: Path) -> None:
    here = {str(path.relative_to(repository)) for path in (repository / "bgs").rglob("*.py")}
    assert {name for name in wheel if name.endswith(".py")} == here
