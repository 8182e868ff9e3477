"""What a run left behind, read once and checked: the only input of every report.

Only results.json must be there. A run that was scored without distances or thumbnails gives a page
without heat maps or pictures, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.rdm import RDM
from bgs.reports.analyses import load_analyses
from bgs.reports.document import RERUN
from bgs.reports.rows import is_simulated
from bgs.reports.sections import Exhibit, Section
from bgs.reports.thumbnails import PNG_SIGNATURE
from bgs.strict_json import decode_text, parse_json, read_json

IntArray = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RunRecord:
    """One run: its numbers, and what is needed to show where they come from.

    `human`, `before` and `after` are about the same held-out clips. `triads` holds one row a held-out
    judgment, as positions in `human.ids`: the two clips left together, then the odd one.
    """

    name: str
    results: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...] = ()
    human: RDM | None = None
    before: RDM | None = None
    after: RDM | None = None
    triads: IntArray | None = None  # (judgments, 3)
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)  # clip id -> PNG
    captions: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    analyses: tuple[Section, ...] = ()  # later ones that were filed in the run's folder

    def __post_init__(self) -> None:
        for clip, png in self.thumbnails.items():
            if not png.startswith(PNG_SIGNATURE):
                raise DataError(f"the thumbnail of clip {clip!r} is not a PNG", remedy=RERUN)
        if self.human is None:
            missing = [
                name for name in ("before", "after", "triads") if getattr(self, name) is not None
            ]
            if missing:
                raise DataError(
                    f"{missing[0]} without the human RDM", remedy="give both or neither"
                )
            return
        # Position means nothing: the models' distances take the order of the human ones, or are refused.
        for name in ("before", "after"):
            rdm = getattr(self, name)
            if rdm is not None:
                object.__setattr__(self, name, rdm.restrict(self.human.ids))
        if self.triads is not None:
            object.__setattr__(self, "triads", _check_triads(self.triads, clips=len(self.human)))

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """The pictures of all analyses."""
        return tuple(exhibit for section in self.analyses for exhibit in section.exhibits)

    @property
    def simulated(self) -> bool:
        """Whether the judgments were made by simulated participants."""
        return is_simulated(self.results)

    def __repr__(self) -> str:
        clips = 0 if self.human is None else len(self.human)
        judgments = 0 if self.triads is None else len(self.triads)
        return (
            f"RunRecord({self.name!r}, {clips} clips, {judgments} judgments, "
            f"{len(self.thumbnails)} thumbnails, {len(self.history)} history rows, {len(self.analyses)} analyses)"
        )


def load_record(run_dir: Path, *, name: str | None = None) -> RunRecord:
    """Read a run folder; a file that is there but broken is refused by name."""
    results_file = run_dir / "results.json"
    if not results_file.is_file():
        raise DataError(
            f"run {str(run_dir)!r} has no results.json",
            remedy="name a folder that `bgs fit` or `bgs demo` has finished",
        )
    geometry = _read_geometry(run_dir / "geometry.npz")
    thumbnails, captions = _read_thumbnails(run_dir / "thumbnails.npz")
    return RunRecord(
        name=name or run_dir.resolve().name,
        results=_read_results(results_file),
        history=_read_history(run_dir / "metrics.jsonl"),
        thumbnails=thumbnails,
        captions=captions,
        config=_read_text(run_dir / "config.yaml"),
        analyses=load_analyses(run_dir),
        **geometry,
    )


def _check_triads(triads: IntArray, *, clips: int) -> IntArray:
    table = np.asarray(triads, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != 3:
        raise DataError(
            f"triads have shape {table.shape}", remedy="give one row of three clips a judgment"
        )
    if len(table) and (table.min() < 0 or table.max() >= clips):
        raise DataError(
            f"a triad names clip number {int(table.max())} of {clips}",
            remedy="number the clips of the human RDM from 0",
        )
    return table


def _read_results(file: Path) -> Mapping[str, Any]:
    results = read_json(file, remedy=RERUN)
    if not isinstance(results, dict):
        raise DataError("results are not a JSON object", remedy=RERUN, file=file)
    return results


def _read_history(file: Path) -> tuple[Mapping[str, Any], ...]:
    lines = _read_text(file).splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    rows = []
    for number, line in numbered:
        rows.append(parse_json(line, path=file, row=number, remedy=RERUN))
        if not isinstance(rows[-1], dict):
            raise DataError("is not a JSON object", remedy=RERUN, file=file, row=number)
    return tuple(rows)


def _read_text(file: Path) -> str:
    """The text of a file, none where the file is absent."""
    return decode_text(file.read_bytes(), path=file, remedy=RERUN) if file.is_file() else ""


def _read_geometry(file: Path) -> dict[str, Any]:
    arrays = _read_npz(file, required=("ids", "human"))
    if not arrays:
        return {}
    ids = tuple(str(clip) for clip in arrays["ids"])
    found: dict[str, Any] = {
        "human": RDM.from_condensed(ids, arrays["human"], counts=arrays.get("counts")),
        "triads": arrays.get("triads"),
    }
    for name in ("before", "after"):
        if name in arrays:
            found[name] = RDM.from_condensed(ids, arrays[name])
    return found


def _read_thumbnails(file: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    arrays = _read_npz(file, required=("ids", "offsets", "png"))
    if not arrays:
        return {}, {}
    ids = [str(clip) for clip in arrays["ids"]]
    offsets = arrays["offsets"]
    if len(offsets) != len(ids) + 1:
        raise DataError(
            f"{len(offsets)} offsets for {len(ids)} thumbnails", remedy=RERUN, file=file
        )
    png = arrays["png"].tobytes()
    pictures = {clip: png[offsets[i] : offsets[i + 1]] for i, clip in enumerate(ids)}
    captions = arrays.get("captions", np.full(len(ids), ""))
    return pictures, {
        clip: str(text) for clip, text in zip(ids, captions, strict=True) if str(text)
    }


def _read_npz(file: Path, *, required: tuple[str, ...]) -> Arrays:
    """The arrays of a file, or none where the file is absent."""
    if not file.is_file():
        return {}
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, TypeError, EOFError, OSError, BadZipFile) as error:
        raise DataError(f"not readable as NPZ ({error})", remedy=RERUN, file=file) from error
    missing = [name for name in required if name not in arrays]
    if missing:
        raise DataError(
            f"no array {missing[0]!r} (found: {', '.join(arrays)})", remedy=RERUN, file=file
        )
    return arrays
