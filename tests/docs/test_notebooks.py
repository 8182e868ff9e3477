"""The notebooks run from top to bottom, are kept without outputs, and say what is simulated."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat (the docs extra)")

FOLDER = Path(__file__).parents[2] / "docs" / "pages" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run_notebook(file: Path, folder: Path) -> str:
    """Execute a copy in `folder`; what its cells printed."""
    client = pytest.importorskip("nbclient", reason="needs nbclient (the docs extra)")
    pytest.importorskip("ipykernel", reason="needs ipykernel (the docs extra)")
    notebook = nbformat.read(file, as_version=4)
    client.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)  # a picture was drawn
    texts = (
        output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", "".join(texts))  # without the colours of a terminal


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, with one thread and no shared data."""
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.delenv("BGS_SHARED_DATA", raising=False)
    assert os.environ["OMP_NUM_THREADS"]
    return tmp_path


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_no_output_is_committed(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_the_demo_notebook_runs(kernel):
    printed = run_notebook(FOLDER / "demo.ipynb", kernel)
    assert "Simulated data: the judgments come from simulated participants." in printed
    assert "library_name: peft" in printed


def test_the_notebook_of_judgments_runs_on_people(shared_data, kernel, monkeypatch):
    monkeypatch.setenv("BGS_SHARED_DATA", str(shared_data))
    printed = run_notebook(FOLDER / "judgments.ipynb", kernel)
    assert "real Triplets('social250', 47,126 judgments, 250 clips, 215 participants)" in printed
    assert "imulated" not in printed


def test_without_the_release_it_says_so_and_simulates(kernel):
    printed = run_notebook(FOLDER / "judgments.ipynb", kernel)
    assert "social250 is not here: run `bgs data fetch social250`" in printed
    assert "SIMULATED judgments are used from here on" in printed
    assert "simulated participants: no finding about people" in printed
