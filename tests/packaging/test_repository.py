"""Facts that stand in two files agree, and the habits that a linter cannot see are kept."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import bgs

SLOW_IMPORTS = ("torch", "transformers", "pandas", "matplotlib", "sklearn", "av", "pydantic")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, object]:
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, str]:
    lines = (repository / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {_normal(name): version for name, version in pairs}


def test_everything_required_is_pinned(project: dict[str, object], pins: dict[str, str]) -> None:
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(need for extra in extras.values() for need in extra)]
    names = {_normal(re.match(r"[\w.-]+", need).group()) for need in wanted} - {"bgs"}
    assert names <= set(pins)


def test_pins_are_exact_and_portable(repository: Path, pins: dict[str, str]) -> None:
    assert pins["torch"] == "2.13.0"
    assert "torchvision" not in pins
    assert not [version for version in pins.values() if "+" in version or "*" in version]
    text = (repository / "constraints.txt").read_text()
    assert "://" not in text
    for caller in ("Makefile", ".ci/run"):
        assert f"torch=={pins['torch']}" in (repository / caller).read_text()


def test_the_running_versions_are_the_pinned_ones(pins: dict[str, str]) -> None:
    import torch
    import transformers

    if transformers.__version__ != pins["transformers"]:
        pytest.skip("this environment was not installed with constraints.txt")
    assert torch.__version__.split("+")[0] == pins["torch"]


def test_the_version_is_the_same_everywhere(repository: Path) -> None:
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert citation["version"] == bgs.__version__
    assert f"## [{bgs.__version__}]" in (repository / "CHANGELOG.md").read_text()


def test_nothing_imports_torchvision(repository: Path) -> None:
    pattern = re.compile(r"^\s*(import|from)\s+torchvision", re.MULTILINE)
    files = [
        path
        for room in ("bgs", "experiments", "tests")
        for path in (repository / room).rglob("*.py")
    ]
    assert files
    assert [str(path) for path in files if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_import_is_light() -> None:
    code = f"import sys, bgs; print(*[m for m in {SLOW_IMPORTS} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_data_homes_are_not_packages(repository: Path) -> None:
    for home in ("triplets", "videos", "configs"):
        assert not list((repository / home).glob("*.py"))
        assert (repository / "bgs" / "shipped" / home).resolve() == (repository / home).resolve()
