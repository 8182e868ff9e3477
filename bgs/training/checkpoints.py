"""Checkpoints that are whole or not there at all.

    checkpoints/
      step-00000120/
        state.pt          weights, optimiser, generators, sampler, history
        checkpoint.json   step, size and SHA-256 of state.pt
      step-00000160/

A checkpoint is written beside its place, flushed to the disk and renamed into it; a kill at any moment
leaves the earlier ones and at most a `.partial-` folder, which the next save sweeps away. A damaged
one is told by its checksum, set aside with a warning, and the one before is used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bgs.errors import TrainingError

FORMAT = 1
PARTIAL = ".partial-"
DAMAGED = "damaged-"


class Checkpoints:
    """The checkpoints of one run; the newest `keep` of them are kept."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def steps(self) -> list[int]:
        """The updates after which there is a checkpoint, oldest first."""
        found = [path.name.removeprefix("step-") for path in self.folder.glob("step-*")]
        return sorted(int(name) for name in found if name.isdigit())

    def save(self, state: Mapping[str, Any], *, step: int) -> Path:
        """Write a checkpoint, then let go of the oldest."""
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        place = self._place(step)
        partial = self.folder / f"{PARTIAL}{place.name}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            partial.mkdir()
            _write(partial / "state.pt", buffer.getbuffer())
            _write(partial / "checkpoint.json", _manifest(buffer.getbuffer(), step=step))
            _flush_folder(partial)
            if place.exists():
                self._discard(place)
            partial.rename(place)
            _flush_folder(self.folder)
            for old in self.steps()[: -self.keep]:
                self._discard(self._place(old))
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise TrainingError(
                f"cannot write a checkpoint of {buffer.getbuffer().nbytes / 1e6:.1f} MB "
                f"({error.strerror or error}); {self._earlier()}",
                remedy="free some space and resume, or lower training.save_total_limit",
                file=place,
            ) from error
        return place

    def newest(self) -> dict[str, Any] | None:
        """The state of the newest checkpoint that is whole; None if there is none."""
        for step in reversed(self.steps()):
            place = self._place(step)
            try:
                return _read(place)
            except (OSError, ValueError, KeyError) as error:
                aside = self.folder / f"{DAMAGED}{place.name}"
                shutil.rmtree(aside, ignore_errors=True)
                place.rename(aside)
                warnings.warn(
                    f"{place}: damaged checkpoint ({error}); set aside as {aside.name}, "
                    "using the one before it",
                    stacklevel=2,
                )
        return None

    def _place(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _earlier(self) -> str:
        steps = self.steps()
        return f"the one of step {steps[-1]} is intact" if steps else "there is no earlier one"

    def _discard(self, place: Path) -> None:
        """Rename first: a kill while files are being deleted must not leave half a checkpoint."""
        doomed = self.folder / f"{PARTIAL}old-{place.name}"
        place.rename(doomed)
        shutil.rmtree(doomed)

    def _sweep(self) -> None:
        for leftover in self.folder.glob(f"{PARTIAL}*"):
            shutil.rmtree(leftover)


def _manifest(data: memoryview, *, step: int) -> bytes:
    digest = hashlib.sha256(data).hexdigest()
    content = {"format": FORMAT, "step": step, "bytes": data.nbytes, "sha256": digest}
    return (json.dumps(content, indent=1) + "\n").encode()


def _read(place: Path) -> dict[str, Any]:
    manifest = json.loads((place / "checkpoint.json").read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']!r}, this version reads {FORMAT}")
    data = (place / "state.pt").read_bytes()
    if len(data) != manifest["bytes"]:
        raise ValueError(f"{len(data)} bytes where {manifest['bytes']} were written")
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("its checksum does not match")
    state: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state


def _write(path: Path, data: bytes | memoryview) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
