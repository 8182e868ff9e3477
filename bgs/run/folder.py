"""A run on disk: config first, results last, every file complete or absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgs.config import FitConfig, dump_config
from bgs.data.triplets import Triplets
from bgs.errors import BgsError, TrainingError
from bgs.rdm import RDM
from bgs.strict_json import decode_text
from bgs.strict_yaml import parse_mapping
from bgs.whole_files import written_whole

CONFIG, RESULTS, METRICS = "config.yaml", "results.json", "metrics.jsonl"
GEOMETRY, THUMBNAILS, REPORT = "geometry.npz", "thumbnails.npz", "report.html"
ANALYSES = "analyses"  # what `bgs.run.filing` keeps: about this model, so replaced with it

# What a run leaves behind; `overwrite` removes these and nothing else of the folder.
OWNED = (
    CONFIG,
    RESULTS,
    METRICS,
    GEOMETRY,
    THUMBNAILS,
    REPORT,
    ANALYSES,
    "adapter",
    "checkpoints",
    "head.safetensors",
    "preprocessor.json",
    "model.json",
)


def check_place(folder: Path, *, resume: bool, overwrite: bool, also: Sequence[str] = ()) -> None:
    """Refuse a run that cannot be written, or would replace what it should not. Changes nothing.

    `also` are names that this kind of run writes beside those of every run.
    """
    if resume and overwrite:
        raise TrainingError(
            "a run is either resumed or overwritten",
            remedy="give --resume or --overwrite, not both",
        )
    if resume and not (folder / CONFIG).is_file():
        raise TrainingError(
            f"run {str(folder)!r} does not exist", remedy="start it without --resume"
        )
    if not resume:
        refuse_earlier_run(folder, overwrite=overwrite)
        _refuse_foreign_folder(folder, (*OWNED, *also))
    prepare_folder(folder)


def start_run(config: FitConfig, *, resume: bool) -> None:
    """Put the config into the run's folder in place of an earlier run.

    Called when data and model are in memory: settings that cannot work cost no earlier run.
    """
    if resume:
        return
    replace_run(config.output_dir, dump_config(config))


def replace_run(folder: Path, config: str, *, also: Sequence[str] = ()) -> None:
    """Remove an earlier run and begin the next with its config.

    A config stands there all the while: a folder without one is somebody else's.
    """
    _remove(folder, [name for name in (*OWNED, *also) if name != CONFIG])
    write_text(folder / CONFIG, config)


def refuse_earlier_run(folder: Path, *, overwrite: bool) -> None:
    """A finished or interrupted run is replaced only when that is asked for."""
    worth_keeping = (folder / RESULTS, folder / "model.json", *folder.glob("checkpoints/*"))
    if not overwrite and any(path.exists() for path in worth_keeping):
        raise TrainingError(
            f"run {str(folder)!r} exists already",
            remedy="continue it with --resume, replace it with --overwrite, or choose another folder",
        )


def _refuse_foreign_folder(folder: Path, names: Sequence[str]) -> None:
    """What bears one of our names in a folder that is no run of ours is somebody's work, and stays."""
    found = next((name for name in names if os.path.lexists(folder / name)), None)
    if found is not None and not _is_run(folder):
        raise TrainingError(
            f"folder {str(folder)!r} is no run, and holds {found!r}, which a run would replace",
            remedy="choose another folder",
        )


def _is_run(folder: Path) -> bool:
    """Whether the config in a folder is one that was written here, with every setting spelled out."""
    file = folder / CONFIG
    try:
        text = decode_text(file.read_bytes(), path=file)
        values = parse_mapping(
            text, file=file, what="config", first_key="output_dir", error=TrainingError
        )
    except (OSError, BgsError):
        return False
    return {"output_dir", "seed", "training"} <= values.keys()


def prepare_folder(folder: Path) -> None:
    """Make a folder for output before the work is done, so that hours do not end in a `mkdir`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError as error:
        raise BgsError(
            f"folder {str(folder)!r} cannot be made ({error.strerror})",
            remedy="choose another place for the output",
        ) from error
    if not writable:
        raise BgsError(
            f"folder {str(folder)!r} may not be written",
            remedy="choose another place for the output",
        )


def clear_run(folder: Path) -> None:
    """Remove what a run wrote into this folder."""
    _remove(folder, OWNED)


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or none of it."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """results.json: strict JSON, so that any program can read it."""
    write_text(
        folder / RESULTS, json.dumps(results, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    )


def write_geometry(
    folder: Path, *, human: RDM, before: RDM, after: RDM, judgments: Triplets
) -> None:
    """The three RDMs of the held-out clips and the judgments about them, for the report and for anyone.

    A judgment is three positions in `ids`: the two clips left together, then the odd one.
    """
    ordered = judgments.restrict(human.ids)
    _write_npz(
        folder / GEOMETRY,
        ids=np.array(human.ids),
        human=human.dissimilarities,
        counts=human.counts,
        before=before.dissimilarities,
        after=after.dissimilarities,
        triads=np.column_stack([ordered.pair, ordered.odd_clip]),
    )


def write_thumbnails(
    folder: Path, thumbnails: Mapping[str, bytes], *, captions: Mapping[str, Sequence[str]]
) -> None:
    """One small PNG a clip with its first caption, if it has one."""
    _write_npz(
        folder / THUMBNAILS,
        ids=np.array(list(thumbnails)),
        offsets=np.cumsum([0, *(len(png) for png in thumbnails.values())]),
        png=np.frombuffer(b"".join(thumbnails.values()), dtype=np.uint8),
        captions=np.array(
            [next(iter(captions.get(clip, ())), "") for clip in thumbnails], dtype=str
        ),
    )


def _write_npz(path: Path, **arrays: Any) -> None:
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
