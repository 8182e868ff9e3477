"""A disk that fills up while results are written: one line says so, and earlier files are as they were."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bgs.errors import DataError
from bgs.rdm import RDM
from bgs.reports.panels import Figure
from bgs.run.embed import Embeddings, write_embeddings
from bgs.run.report import report
from bgs.run.results import Candidate
from bgs.run.scores_export import export_scores

IDS = tuple(f"clip_{number}" for number in range(6))


def half_a_file(place: Any, *_: Any, **__: Any) -> None:
    """In place of what writes a file by its first argument."""
    if isinstance(place, str | Path):
        Path(place).write_bytes(b"half")
    else:
        place.write(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def fails_and_keeps(folder: Path, work: Callable[[], object]) -> None:
    before = contents(folder)
    assert before
    with pytest.raises(DataError) as caught:
        work()
    assert str(caught.value) == (
        f"the disk of {folder} is full; free some space, or choose another place for the output; "
        "what was there before is kept"
    )
    assert contents(folder) == before
    assert not list(folder.rglob("*.partial"))


def embeddings(seed: int) -> Embeddings:
    rows = np.random.default_rng(seed).normal(size=(len(IDS), 3)).astype(np.float32)
    return Embeddings("model", IDS, rows)


def test_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "mine.npz"
    write_embeddings(embeddings(0), out)
    monkeypatch.setattr(np, "savez", half_a_file)
    fails_and_keeps(tmp_path, lambda: write_embeddings(embeddings(1), out))


@pytest.mark.parametrize(
    "place",
    ["pandas.DataFrame.to_parquet", "rsatoolbox.rdm.rdms.RDMs.save"],
)
def test_tables_of_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    geometry = embeddings(0).rdm(IDS)
    counts = np.ones(len(geometry.dissimilarities))
    study: Any = SimpleNamespace(
        test_geometry=RDM.from_condensed(IDS, geometry.dissimilarities, counts=counts)
    )

    def export(seed: int) -> list[Path]:
        candidate = Candidate("model", "model", embeddings(seed).rdm(IDS))
        return export_scores(tmp_path, {"models": []}, study, [candidate])

    (tmp_path / "note.txt").write_text("mine")
    written = export(1)
    assert {path.name for path in written} == contents(tmp_path).keys() - {"note.txt"}
    monkeypatch.setattr(place, lambda _self, path, *args, **options: half_a_file(path))
    fails_and_keeps(tmp_path, lambda: export(2))


def test_figures_of_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, figures = tmp_path / "run", tmp_path / "figures"
    run.mkdir()
    (run / "results.json").write_text(
        '{"models": [{"model": "x", "rsa": {"spearman": 0.5, "r2": 0.25}}]}'
    )
    report([run], figures=figures)
    assert {"scores.svg", "scores.pdf", "scores.csv"} <= contents(figures).keys()
    page = (run / "report.html").read_bytes()
    monkeypatch.setattr(
        Figure, "write", lambda _, folder: half_a_file(_made(folder) / "scores.svg")
    )
    fails_and_keeps(figures, lambda: report([run], figures=figures))
    assert (run / "report.html").read_bytes() == page


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def test_a_full_disk_keeps_the_weights_that_were_there(monkeypatch, tmp_path):
    """Safetensors says so in an error of its own."""
    from safetensors import SafetensorError

    from bgs.backbones import saving

    def full(tensors: Any, draft: Path, **_: Any) -> None:
        draft.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    file = tmp_path / "head.safetensors"
    saving.save_tensors({"weight": torch.zeros(2)}, file)
    monkeypatch.setattr(saving, "save_file", full)
    fails_and_keeps(tmp_path, lambda: saving.save_tensors({"weight": torch.ones(2)}, file))
