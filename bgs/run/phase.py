"""PHASE brought home: scenes rendered to clips, what people said about them as ratings and as a geometry.

videos/NAME/CLIP.mp4, clips.csv (clip, split, label, friendly, neutral, adversarial, valence), regions.csv, scenes/
triplets/NAME/ratings_rdm.csv: distances between what people said of each pair of clips
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from bgs.animations.looks import make_look
from bgs.animations.phase_set import RELATIONS, RelationRatings, load_phase, read_ratings
from bgs.animations.placing import sample_times
from bgs.animations.regions import Region, scene_regions, write_regions
from bgs.animations.render import render_scene
from bgs.animations.video import write_mp4
from bgs.data.card_files import load_triplets_card
from bgs.data.cards import SceneSource, VideosCard
from bgs.errors import DataError
from bgs.evaluation.transfer_ratings import RatedClips, rating_geometry

SCENE_FILES = ("scenes.json", "trajectories.npz")


def import_scenes(
    card: VideosCard, source: Path, *, triplets_dir: Path, videos_dir: Path, progress: bool = True
) -> list[dict[str, object]]:
    """Render the scenes in `source`, or take its videos, into the homes; one row a file or folder."""
    if not source.is_dir():
        raise DataError(f"{str(source)!r} is not a folder", remedy="give the release's folder")
    settings = card.scenes or SceneSource()
    folder = videos_dir / card.clip_path.split("/")[0]
    rendered = (source / "scenes.json").is_file()
    with _written_whole(folder) as new:
        bring = partial(_render_scenes, settings=settings, progress=progress)
        ratings = (bring if rendered else _copy_videos)(source, new)
        describe_clips(ratings).to_csv(new / "clips.csv", index=False)
    if rendered:
        with _written_whole(folder / "scenes") as new:
            for name in SCENE_FILES:  # so that the scenes can be drawn in another look later
                shutil.copyfile(source / name, new / name)
    matrix = triplets_dir / load_triplets_card(card.name, triplets_dir=triplets_dir).main_file
    with _written_whole(matrix.parent) as new:
        write_geometry(ratings, new / matrix.name)
    action = "rendered" if rendered else "copied"
    return [
        {"file": str(folder), "clips": len(ratings.clips), "action": action},
        {"file": str(matrix), "clips": len(ratings.clips), "action": "computed"},
    ]


def describe_clips(ratings: RelationRatings) -> pd.DataFrame:
    """One row a clip: where it belongs, what most people said, how many said what."""
    counts = {name: ratings.counts[:, k] for k, name in enumerate(RELATIONS)}
    about = {"clip": ratings.clips, "split": ratings.splits, "label": ratings.labels}
    return pd.DataFrame({**about, **counts, "valence": ratings.valence.round(4)})


def write_geometry(ratings: RelationRatings, file: Path) -> None:
    """The distances between what people said of each pair, as a square table headed by clip ids."""
    rdm = rating_geometry(RatedClips(ratings.clips, RELATIONS, ratings.counts))
    frame = pd.DataFrame(rdm.square(), columns=list(rdm.ids))
    frame.round(6).to_csv(file, index=False)


def _render_scenes(
    source: Path, folder: Path, *, settings: SceneSource, progress: bool
) -> RelationRatings:
    phase = load_phase(source, seconds=settings.seconds)
    rate = settings.frames_per_second
    regions: dict[str, list[Region]] = {}
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    for clip, scene in tqdm(phase.scenes.items(), desc="render", unit="clip", disable=hidden):
        look = make_look(settings.look, scene)
        frames = render_scene(scene, look, size=settings.size, frames_per_second=rate)
        write_mp4(folder / f"{clip}.mp4", frames, frames_per_second=rate)
        regions[clip] = scene_regions(scene, look, sample_times(scene, frames_per_second=rate))
    write_regions(folder / "regions.csv", regions)
    return phase.ratings


def _copy_videos(source: Path, folder: Path) -> RelationRatings:
    """Videos as released: ratings.csv names the file of every clip in its column `file`."""
    table = source / "ratings.csv"
    ratings = read_ratings(table)
    with table.open(encoding="utf-8-sig", newline="") as stream:
        files = [row.get("file") for row in csv.DictReader(stream)]
    for row, (clip, name) in enumerate(zip(ratings.clips, files, strict=True), start=2):
        video = source / (name or "")
        if not name or video.suffix != ".mp4" or not video.is_file():
            raise DataError(
                f"the video of clip {clip!r} is {name!r}, which is no .mp4 file in the folder",
                remedy="give scenes.json and trajectories.npz, or a column `file` with the videos' names",
                file=table,
                row=row,
            )
        shutil.copyfile(video, folder / f"{clip}.mp4")
    return ratings


@contextmanager
def _written_whole(folder: Path) -> Iterator[Path]:
    """A fresh folder whose files take their places in `folder` only when all of them are there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as name:
            new = Path(name)
            yield new
            for file in sorted(new.iterdir()):
                os.replace(file, folder / file.name)
    except OSError as error:
        raise DataError(
            f"cannot be written ({error.strerror})",
            remedy="make room for it there: a folder that may be written to, nothing in its place",
            file=folder,
        ) from error
