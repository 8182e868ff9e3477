"""Regions of the clips that a model looked at, laid over the grid of its maps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.data.clips import Clips
from bgs.data.detectors import Detector, from_detector
from bgs.data.region_areas import Window
from bgs.data.region_files import read_regions
from bgs.data.regions import BACKGROUND, Regions
from bgs.errors import ConfigError, DataError

if TYPE_CHECKING:
    from bgs.data.clip_cache import FrameBank

FloatArray = NDArray[np.float64]
DEFAULT_FILE = "regions.csv"
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Moments:
    """The frames of one clip that a model saw: their numbers in the file and their times."""

    frames: tuple[int, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Cover:
    """What part of each patch belongs to which region, for the clips that have regions."""

    source: str
    names: tuple[str, ...]  # background last
    ids: tuple[str, ...]
    cover: FloatArray  # (clips, regions, times, rows, columns)
    outlines: dict[str, tuple[tuple[tuple[float, float, float, float], ...], ...]]

    def __repr__(self) -> str:
        return f"Cover({', '.join(self.names)}; {len(self.ids)} clips, grid {self.cover.shape[2:]})"


def find_regions(
    clips: Clips, *, regions: Path | None, detector: str | None, home: Path
) -> Regions | Detector | None:
    """From the file or folder named, a detector to be asked, or `NAME/regions.csv` beside the clips.

    `clips` are the whole set: a file may be about more clips than are looked at. Called before the work is done.
    """
    if regions is not None and detector is not None:
        raise ConfigError("both a file of regions and a detector", remedy="give one of them")
    if detector is not None:
        return load_detector(detector)
    file = regions if regions is not None else default_file(clips, home=home)
    return None if file is None else read_regions(file, clips=clips.ids)


def check_given(given: Regions | Detector | None, clips: Clips) -> None:
    """Refuse regions of other clips, and a detector that fails on the first picture, before any model is opened."""
    if isinstance(given, Regions):
        if not any(clip in given.boxes for clip in clips.ids):
            raise DataError(
                f"none of the {len(clips)} clips looked at has a region",
                remedy="name clips that the file is about",
                file=given.source,
            )
        _check_masks(given, clips)
    elif given is not None:
        clips.check_files()
        first = Moments(frames=(0,), seconds=(0.0,))
        from_detector(given, [(clips.ids[0], _pictures(clips.paths[0], first))])


def _check_masks(regions: Regions, clips: Clips) -> None:
    """Masks are as large as the pictures of their clips; their headers say so before any model is opened."""
    masked = [place for place, clip in enumerate(clips.ids) if regions.has_masks(clip)]
    if masked:
        clips.check_files()
    for place in masked:
        height, width = _picture_size(clips.paths[place])
        regions.check_sizes(clips.ids[place], width=width, height=height)


def default_file(clips: Clips, *, home: Path) -> Path | None:
    """The regions that came with a clip set, if any."""
    file = home / clips.name / DEFAULT_FILE
    return file if file.is_file() else None


def moments_of(bank: FrameBank) -> list[Moments]:
    """Which frames the cache holds of each clip, as it noted them when it decoded them."""
    import safetensors

    found = []
    for file in bank.files:
        with safetensors.safe_open(file, framework="numpy") as entry:
            record = dict(entry.metadata() or {})
        found.append(
            Moments(tuple(json.loads(record["indices"])), tuple(json.loads(record["seconds"])))
        )
    return found


def lay_over(
    regions: Regions,
    clips: Clips,
    bank: FrameBank,
    moments: Sequence[Moments],
    *,
    grid: tuple[int, int, int],
) -> Cover:
    """The regions as the model saw them: at its moments, cut as its frames are cut, on its patches."""
    ids = tuple(clip for clip in bank.ids if clip in regions.boxes)
    places = {clip: place for place, clip in enumerate(bank.ids)}
    covers, outlines = [], {}
    for clip in ids:
        window = crop_window(clips.paths[places[clip]], bank)
        at = moments[places[clip]]
        covers.append(regions.cover(clip, frames=at.frames, grid=grid, window=window))
        outlines[clip] = tuple(regions.outlines(clip, frame, window=window) for frame in at.frames)
    return Cover(regions.source, (*regions.names, BACKGROUND), ids, np.stack(covers), outlines)


def crop_window(path: Path, bank: FrameBank) -> Window:
    """The part of a clip's picture that is left after its short side is resized and its centre cut out."""
    from bgs.data.preprocess import resized_size

    spec = bank.spec
    height, width = resized_size(*_picture_size(path), short_side=spec.resize_short_side)
    top, left = (height - spec.height) // 2, (width - spec.width) // 2
    return (
        left / width, top / height, (left + spec.width) / width, (top + spec.height) / height
    )  # fmt: skip


def _picture_size(path: Path) -> tuple[int, int]:
    """(Height, width) of a clip's pictures as they are seen."""
    from bgs.data.decoding.pyav import VideoFile

    with VideoFile(path, timeout_seconds=TIMEOUT_SECONDS) as video:
        _, picture = next(video.pictures({0}))
    return picture.shape[0], picture.shape[1]


def load_detector(name: str) -> Detector:
    """`module:function` of the user's, importable from where the command runs."""
    module, _, function = name.partition(":")
    if not module or not function or module.startswith("."):
        raise ConfigError(
            f"detector {name!r} is not module:function", remedy="write it as my_boxes:find_faces"
        )
    try:
        found = getattr(import_module(module), function)
    except (Exception, SystemExit) as error:  # a module of the user's may do anything
        raise ConfigError(
            f"detector {name!r} could not be imported ({type(error).__name__}: {error})",
            remedy="install it, or run where its module lies (python -m bgs ...)",
        ) from error
    if not callable(found):
        raise ConfigError(f"detector {name!r} is not a function", remedy="name a function")
    detector: Detector = found
    return detector


def resolve_regions(
    given: Regions | Detector | None, clips: Clips, moments: Sequence[Moments]
) -> Regions | None:
    """Regions as they are; a detector's word on every frame that the model will see, in the file's own resolution."""
    if given is None or isinstance(given, Regions):
        return given
    found = from_detector(
        given,
        (
            (clip, _pictures(path, at))
            for clip, path, at in zip(clips.ids, clips.paths, moments, strict=True)
        ),
    )
    if not found.boxes:
        raise DataError(
            f"the detector found nothing in {len(clips)} clips",
            remedy="check that it takes uint8 RGB (height, width, 3) and returns boxes in pixels",
        )
    return found


def _pictures(path: Path, at: Moments) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    from bgs.data.decoding.pyav import VideoFile

    with VideoFile(path, timeout_seconds=TIMEOUT_SECONDS) as video:
        yield from video.pictures(set(at.frames))
