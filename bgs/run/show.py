"""A look at a data set: some of its clips, or of its scenes in any look, on one contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bgs.animations.demo import STYLES, simulate_scenes
from bgs.animations.looks import make_look
from bgs.animations.phase import read_phase
from bgs.animations.render import render_scene
from bgs.animations.scene import Scene
from bgs.data.card_files import task_names
from bgs.data.clips import Clips, load_clips
from bgs.data.decoding.decode import TIMEOUT_SECONDS
from bgs.data.decoding.pyav import VideoFile
from bgs.data.sampling import Uniform
from bgs.errors import DataError
from bgs.reports.contact_sheet import Strip, draw_sheet, write_sheet
from bgs.run.phase import SCENE_FILES

MOST_RATINGS = 8
PICTURE_SIZE = 256  # pixels of a rendered scene


def show_data_set(
    name: str,
    out: Path,
    *,
    videos_dir: Path,
    num_clips: int = 8,
    num_frames: int = 6,
    look: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Draw the sheet to `out`; returns what is on it.

    With `look`, the scenes of `demo`, `demo-phase`, `phase` or of a folder are rendered in it; otherwise the clips
    of a card, or of a folder, are decoded. Of a data set of `bgs fusion`, rows and columns of examples are drawn.
    """
    if look is None and name in task_names(home=videos_dir):
        from bgs.run.fusion_data import show_data

        return show_data(
            name, out, videos_dir=videos_dir, num_rows=num_clips, num_columns=num_frames, seed=seed
        )
    if look is None:
        clips = load_clips(name, videos_dir=videos_dir, need_files=False)
        chosen = _choose(clips.ids, num_clips, seed=seed)
        strips = [_decode_strip(clips.restrict([clip]), num_frames) for clip in chosen]
        total, simulated = len(clips), clips.simulated
        title, how = clips.name, "clips"
    else:
        scenes, simulated = _find_scenes(name, videos_dir=videos_dir, seed=seed)
        chosen = _choose(tuple(scenes), num_clips, seed=seed)
        strips = [_render_strip(clip, scenes[clip], look, num_frames) for clip in chosen]
        total, title, how = len(scenes), name, f"scenes, look {look}"
    said = f"{len(chosen)} of {total} {how}" + (", simulated" if simulated else "")
    write_sheet(draw_sheet(strips, title=title, subtitle=said), out)
    return {"file": str(out), "clips": list(chosen), "of": total, "simulated": simulated}


def _choose(ids: tuple[str, ...], count: int, *, seed: int) -> tuple[str, ...]:
    """The same clips for the same seed, in their own order."""
    picked = np.random.default_rng(seed).permutation(len(ids))[:count]
    return tuple(ids[k] for k in sorted(picked))


def _decode_strip(clip: Clips, num_frames: int) -> Strip:
    """Frames of the one clip from its first to its last, whole pictures, and what its card says of it."""
    clip.check_files()
    with VideoFile(clip.paths[0], timeout_seconds=TIMEOUT_SECONDS) as video:
        timeline = video.timeline
        ticks = Uniform(num_frames=num_frames, short_clips="hold").ticks(timeline)
        indices = timeline.on_screen(ticks).tolist()
        pictures = dict(video.pictures(set(indices)))
        seconds = tuple(timeline.seconds(index) for index in indices)
    frames = np.stack([np.asarray(pictures[index]) for index in indices])
    return Strip(clip.ids[0], frames, seconds, _describe_clip(clip))


def _describe_clip(clip: Clips) -> tuple[str, ...]:
    about = []
    captions = clip.captions.get(clip.ids[0], ())
    if captions:
        about.append(captions[0])
    if clip.ratings is not None:
        known = clip.ratings.iloc[0].dropna()
        said = [f"{name} {_round(value)}" for name, value in known.items()]
        more = f", and {len(said) - MOST_RATINGS} more" if len(said) > MOST_RATINGS else ""
        about.append(", ".join(said[:MOST_RATINGS]) + more)
    return tuple(filter(None, about))


def _round(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def _render_strip(clip: str, scene: Scene, look: str, num_frames: int) -> Strip:
    """Frames at even steps; the look of a clip depends on its name only, so that sheets can be compared."""
    seed = sum(clip.encode())
    frames = render_scene(
        scene,
        make_look(look, scene, seed=seed),
        size=PICTURE_SIZE,
        frames_per_second=num_frames / scene.seconds,
    )[:num_frames]
    seconds = tuple((k + 0.5) * scene.seconds / num_frames for k in range(len(frames)))
    parts = [
        scene.relation or "",
        _count(len(scene.agents), "agent"),
        _count(len(scene.objects), "object"),
        _count(len(scene.walls), "wall"),
        f"{scene.seconds:.1f} s",
    ]
    return Strip(clip, frames, seconds, (", ".join(filter(None, parts)),))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _find_scenes(name: str, *, videos_dir: Path, seed: int) -> tuple[dict[str, Scene], bool]:
    """Scenes by clip id, those of the data set with this seed, and whether they are simulated."""
    if name in STYLES:
        scenes = simulate_scenes(seed, style=name)
        return {f"{STYLES[name].clip_prefix}_{k:04d}": s for k, s in enumerate(scenes)}, True
    for folder in (Path(name), videos_dir / name / "scenes"):
        if all((folder / file).is_file() for file in SCENE_FILES):
            return read_phase(folder), False
    raise DataError(
        f"{name!r} has no scenes that could be drawn in another look",
        remedy=f"leave out --look, name a folder with {' and '.join(SCENE_FILES)}, or one of {', '.join(STYLES)}",
    )
