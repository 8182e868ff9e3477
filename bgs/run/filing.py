"""Results of later analyses, filed in the run they are about, where its report finds them.

runs/mine/analyses/KIND.json   what `bgs KIND ... --into runs/mine` found, the newest of each kind
runs/mine/analyses/KIND/       pictures that belong to it, where it has any
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bgs.errors import BgsError
from bgs.run.folder import ANALYSES, RESULTS, prepare_folder, write_text

KINDS = ("leaderboard", "variance", "probes", "layers", "retention", "attention", "transfer")


def check_run(run_dir: Path) -> Path:
    """The folder of a finished run, refused before the work is done rather than after."""
    if not (run_dir / RESULTS).is_file():
        raise BgsError(
            f"{str(run_dir)!r} is not a finished run: it has no {RESULTS}",
            remedy="name a folder that `bgs fit` or `bgs demo` has finished",
        )
    prepare_folder(run_dir / ANALYSES)
    return run_dir


def analysis_folder(run_dir: Path, kind: str) -> Path:
    """Where an analysis of this kind keeps its pictures; made if absent."""
    folder = run_dir / ANALYSES / _known(kind)
    prepare_folder(folder)
    return folder


def file_analysis(run_dir: Path, kind: str, result: Mapping[str, Any]) -> Path:
    """Write `analyses/KIND.json` in place of an earlier one; strict JSON, all of it or none."""
    path = run_dir / ANALYSES / f"{_known(kind)}.json"
    text = json.dumps(dict(result), indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")
    return path


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of analysis; the kinds are {', '.join(KINDS)}")
    return kind
