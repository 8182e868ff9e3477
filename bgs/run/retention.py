"""What a model knew before people taught it, does it still know? Actions of a labelled folder of clips.

Layouts that are understood:

    DIR/LABEL/clip.avi                                one folder a label: three random splits
    DIR/train/LABEL/clip.mp4, DIR/val/LABEL/...       a split in folders (Kinetics; also `test`, `validation`)
    DIR/LABEL/clip.avi with two lists                 official lists (UCF101), lines `LABEL/clip.avi [number]`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgs.config import DataSettings
from bgs.data.clips import VIDEO_SUFFIXES, Clips
from bgs.errors import DataError
from bgs.evaluation.retention import Retention, RetentionScore, compare_retention, probe_labels
from bgs.run.results import used_versions
from bgs.run.sources import Source, before_and_after

TEST_FOLDERS = ("val", "validation", "test")


@dataclass(frozen=True)
class LabelledClips:
    """Clips with one label each, and which of them are for testing where the folder says so."""

    clips: Clips
    labels: tuple[str, ...]
    is_test: tuple[bool, ...] | None  # None: split at random

    def __repr__(self) -> str:
        split = "no split" if self.is_test is None else f"{sum(self.is_test)} for testing"
        return f"LabelledClips({len(self.labels)} clips, {len(set(self.labels))} labels, {split})"


def retention(
    model: str,
    *,
    labelled: Path,
    train_list: Path | None = None,
    test_list: Path | None = None,
    num_seeds: int = 3,
    num_neighbours: int = 10,
    decoder: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Linear probe and k-NN on the labels, before and after tuning where the model is a run."""
    found = read_labelled(labelled, train_list=train_list, test_list=test_list)
    settings = DataSettings.model_validate({"triplets": "", "decoder": decoder})
    before, after = before_and_after(model, found.clips, settings, progress=progress)
    seeds = tuple(range(seed, seed + num_seeds))
    scored = _score(before or after, after, found, seeds=seeds, num_neighbours=num_neighbours)
    return {
        "model": model,
        "clips": str(labelled),
        "n_clips": len(found.labels),
        "n_labels": scored.num_labels,
        "n_test": scored.num_clips if found.is_test is None else sum(found.is_test),
        "chance": scored.chance,
        "probes": [_row(scored, probe, tuned=before is not None) for probe in ("linear", "knn")],
        "seeds": list(seeds),
        "by_seed": {
            "before": [asdict(score) for score in scored.before] if before is not None else [],
            "after": [asdict(score) for score in scored.after],
        },
        "protocol": {
            "split": "stratified, 30 % held out, one a seed"
            if found.is_test is None
            else "the folder's own",
            "num_neighbours": num_neighbours,
        },
        "source": dict(after.keys),
        "versions": used_versions(),
        "seed": seed,
    }


def read_labelled(
    folder: Path, *, train_list: Path | None = None, test_list: Path | None = None
) -> LabelledClips:
    """Clips and labels of a folder in one of the layouts above; a clip's id is its path in the folder."""
    if not folder.is_dir():
        raise DataError(
            f"{str(folder)!r} is not a folder",
            remedy="name a folder with a folder of clips a label",
        )
    if (train_list is None) != (test_list is None):
        raise DataError("one split list without the other", remedy="give both lists, or none")
    if train_list is not None and test_list is not None:
        train, test = _listed(train_list, folder), _listed(test_list, folder)
        return _labelled(folder, train, test)
    test_folder = next((folder / name for name in TEST_FOLDERS if (folder / name).is_dir()), None)
    if (folder / "train").is_dir() and test_folder is not None:
        return _labelled(folder, _videos_in(folder / "train"), _videos_in(test_folder))
    return _labelled(folder, _videos_in(folder), [])


def _videos_in(folder: Path) -> list[Path]:
    found = sorted(
        file
        for label in sorted(folder.iterdir())
        if label.is_dir()
        for file in label.iterdir()
        if file.suffix.lower() in VIDEO_SUFFIXES and file.name[0] != "."
    )
    if not found:
        raise DataError(
            "no clips in folders of labels", remedy="make it FOLDER/LABEL/clip.mp4", file=folder
        )
    return found


def _listed(file: Path, folder: Path) -> list[Path]:
    """The clips of an official list; a number after the name is the label's and is not needed."""
    if not file.is_file():
        raise DataError("the split list is not there", remedy="check the path", file=file)
    found = []
    for row, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        name = line.strip()
        if not name:
            continue
        head, _, number = name.rpartition(" ")
        clip = folder / (head if head and number.isdigit() else name)
        if clip.parent == folder or not clip.is_file():
            raise DataError(
                f"{name!r} is no clip in a folder of labels",
                remedy="lines are LABEL/clip.avi, relative to the labelled folder",
                file=file,
                row=row,
            )
        found.append(clip)
    if not found:
        raise DataError("the split list is empty", remedy="name one clip a line", file=file)
    return found


def _labelled(folder: Path, train: Sequence[Path], test: Sequence[Path]) -> LabelledClips:
    both = sorted(set(train) & set(test))
    if both:
        raise DataError(
            "a clip is listed for training and for testing", remedy="list it once", file=both[0]
        )
    paths = (*train, *test)
    clips = Clips(
        ids=tuple(path.relative_to(folder).as_posix() for path in paths),
        paths=paths,
        name=folder.name,
    )
    is_test = (False,) * len(train) + (True,) * len(test)
    return LabelledClips(
        clips, tuple(path.parent.name for path in paths), is_test if test else None
    )


def _score(
    before: Source,
    after: Source,
    found: LabelledClips,
    *,
    seeds: tuple[int, ...],
    num_neighbours: int,
) -> Retention:
    ids = found.clips.ids
    if found.is_test is None:
        return compare_retention(
            before.rows(ids),
            after.rows(ids),
            found.labels,
            seeds=seeds,
            num_neighbours=num_neighbours,
        )
    held = np.array(found.is_test)
    labels = np.array(found.labels)

    def probe(matrix: NDArray[np.float64], seed: int) -> RetentionScore:
        return probe_labels(
            matrix[~held],
            labels[~held].tolist(),
            matrix[held],
            labels[held].tolist(),
            num_neighbours=num_neighbours,
            seed=seed,
        )

    _, counts = np.unique(labels[held], return_counts=True)
    scores = tuple(probe(after.rows(ids), seed) for seed in seeds)
    same = before is after  # no run: nothing came before, and nothing is computed twice
    return Retention(
        before=scores if same else tuple(probe(before.rows(ids), seed) for seed in seeds),
        after=scores,
        seeds=seeds,
        chance=float(counts.max() / counts.sum()),
        num_clips=len(labels),
        num_labels=len(np.unique(labels)),
    )


def _row(found: Retention, probe: str, *, tuned: bool) -> dict[str, Any]:
    """Mean accuracy over seeds; the change and its spread where there is a before."""
    after = float(np.mean([getattr(score, probe) for score in found.after]))
    row: dict[str, Any] = {"probe": probe, "before": None, "after": after}
    if not tuned:
        return row | {"difference": None, "spread_over_seeds": None}
    difference, spread = found.difference(probe)
    before = float(np.mean([getattr(score, probe) for score in found.before]))
    return row | {"before": before, "difference": difference, "spread_over_seeds": spread}
