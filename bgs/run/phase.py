"""PHASE brought home: scenes rendered to clips, what people said about them as ratings and as a geometry.

videos/NAME/CLIP.mp4, clips.csv (clip, split, label, friendly, neutral, adversarial, valence), regions.csv, scenes/
triplets/NAME/ratings_rdm.csv: distances between what people said of each pair of clips
"""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import pandas as pd
from tqdm.auto import tqdm

from bgs.animations.looks import make_look
from bgs.animations.phase_set import (
    RELATIONS,
    PhaseSet,
    RelationRatings,
    load_phase,
    read_ratings,
    read_rows,
)
from bgs.animations.placing import sample_times
from bgs.animations.regions import Region, scene_regions, write_regions
from bgs.animations.render import render_scene
from bgs.animations.video import write_mp4
from bgs.data.card_files import load_triplets_card
from bgs.data.cards import SceneSource, VideosCard
from bgs.errors import DataError
from bgs.evaluation.transfer_ratings import RatedClips, rating_geometry
from bgs.run.import_whole import import_into, refuse_leftovers

SCENE_FILES = ("scenes.json", "trajectories.npz")


def import_scenes(
    card: VideosCard, source: Path, *, triplets_dir: Path, videos_dir: Path, progress: bool = True
) -> list[dict[str, object]]:
    """Render the scenes in `source`, or take its videos, into the homes; one row a file or folder."""
    if not source.is_dir():
        raise DataError(f"{str(source)!r} is not a folder", remedy="give the release's folder")
    folder = videos_dir / card.clip_path.split("/")[0]
    matrix = triplets_dir / load_triplets_card(card.name, triplets_dir=triplets_dir).main_file
    rendered = (source / "scenes.json").is_file()
    with import_into(folder, matrix.parent) as (new, tables):
        if rendered:
            settings = card.scenes or SceneSource()
            phase = load_phase(source, seconds=settings.seconds)
            ratings, videos = phase.ratings, {}
        else:
            ratings = read_ratings(source / "ratings.csv")
            videos = _find_videos(source)
            _refuse_scenes(folder)
        refuse_leftovers(folder, {f"{clip}.mp4" for clip in ratings.clips})
        write_geometry(ratings, tables / matrix.name)  # refuses too few clips before hours of work
        describe_clips(ratings).to_csv(new / "clips.csv", index=False)
        if rendered:
            _render_scenes(phase, new, settings=settings, progress=progress)
            (new / "scenes").mkdir()
            for name in SCENE_FILES:  # so that the scenes can be drawn in another look later
                shutil.copyfile(source / name, new / "scenes" / name)
        for clip, video in videos.items():
            shutil.copyfile(video, _clip_file(new, clip))
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


def _render_scenes(phase: PhaseSet, folder: Path, *, settings: SceneSource, progress: bool) -> None:
    rate = settings.frames_per_second
    regions: dict[str, list[Region]] = {}
    hidden = None if progress else True  # None: hidden where the output is not a terminal
    for clip, scene in tqdm(phase.scenes.items(), desc="render", unit="clip", disable=hidden):
        look = make_look(settings.look, scene)
        frames = render_scene(scene, look, size=settings.size, frames_per_second=rate)
        write_mp4(_clip_file(folder, clip), frames, frames_per_second=rate)
        regions[clip] = scene_regions(scene, look, sample_times(scene, frames_per_second=rate))
    write_regions(folder / "regions.csv", regions)


def _clip_file(folder: Path, clip: str) -> Path:
    """Readers refuse ids that are paths; should one get here all the same, it writes nowhere."""
    file = folder / f"{clip}.mp4"
    if file.parent != folder:
        raise DataError(f"clip id {clip!r} is a path", remedy="rename the clip")
    return file


def _find_videos(source: Path) -> dict[str, Path]:
    """Videos as released: ratings.csv names the file of every clip in its column `file`."""
    table = source / "ratings.csv"
    videos = {}
    for row, entry in read_rows(table):
        clip, name = entry["clip"], entry.get("file")
        video = source / (name or "")
        problem = _find_video_problem(video, source) if name else "no .mp4 file in the folder"
        if problem is not None:
            raise DataError(
                f"the video of clip {clip!r} is {name!r}, which is {problem}",
                remedy="give scenes.json and trajectories.npz, or a column `file` with the videos' names",
                file=table,
                row=row,
            )
        videos[clip] = video
    return videos


def _find_video_problem(video: Path, source: Path) -> str | None:
    try:
        if video.suffix != ".mp4" or not video.is_file():
            return "no .mp4 file in the folder"
    except (OSError, ValueError):  # a name too long, or with a NUL
        return "no .mp4 file in the folder"
    if not video.resolve().is_relative_to(source.resolve()):
        return "outside the folder"
    try:
        with av.open(str(video)) as opened:
            return None if opened.streams.video else "a file without pictures"
    except (av.error.FFmpegError, OSError, ValueError):
        return "no video that can be opened"


def _refuse_scenes(folder: Path) -> None:
    """Scenes and regions of an earlier import say nothing true of videos that come as they are."""
    if (folder / "scenes" / SCENE_FILES[0]).is_file():
        raise DataError(
            "holds scenes of an earlier import, which these videos are not drawn from",
            remedy="move the folder elsewhere, or name another home with --videos-dir",
            file=folder,
        )
