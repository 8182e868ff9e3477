"""Is a set of clips what it claims to be? Every frame of every clip is decoded to find out.

`load_frames` reads only as far as it must; here each clip is read to its end, compared with what its
card promises and with every other clip. Nothing is raised: all problems are listed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bgs.data.clip_store import file_sha256
from bgs.data.clip_workers import run_in_threads
from bgs.data.clips import Clips
from bgs.data.decoding.decode import TIMEOUT_SECONDS
from bgs.data.decoding.files import TruncatedVideoError
from bgs.data.decoding.pyav import VideoFile
from bgs.data.decoding.timeline import Timeline
from bgs.data.sampling import sampler_of
from bgs.errors import DataError, VideoDecodeError
from bgs.frame_spec import FrameSpec

Kind = Literal["missing", "short", "corrupt", "duplicated", "changed"]
KINDS: tuple[Kind, ...] = ("missing", "short", "corrupt", "duplicated", "changed")


@dataclass(frozen=True)
class ClipProblem:
    """What is wrong with one clip."""

    clip: str
    kind: Kind
    what: str
    file: Path


@dataclass(frozen=True, repr=False)
class ClipReport:
    """All problems of a set of clips, and how long and large those without are."""

    name: str
    num_clips: int
    problems: tuple[ClipProblem, ...]
    seconds: tuple[float, ...]  # durations of the clips that could be read to the end
    num_frames: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]  # (height, width)
    obtain: str = "check the path"  # how to get clips that are missing

    @property
    def ok(self) -> bool:
        """Whether there is nothing to complain about."""
        return not self.problems

    def of_kind(self, kind: Kind) -> tuple[str, ...]:
        """The clips with this problem."""
        return tuple(problem.clip for problem in self.problems if problem.kind == kind)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "num_clips": self.num_clips,
            "ok": self.ok,
            "counts": {kind: len(self.of_kind(kind)) for kind in KINDS},
            "problems": [
                {"clip": p.clip, "kind": p.kind, "what": p.what, "file": str(p.file)}
                for p in self.problems
            ],
            "seconds": _span(self.seconds),
            "num_frames": _span(self.num_frames),
            "sizes": {f"{h} x {w}": n for (h, w), n in Counter(self.sizes).most_common()},
        }

    def __repr__(self) -> str:
        counts = [f"{len(self.of_kind(kind))} {kind}" for kind in KINDS if self.of_kind(kind)]
        return (
            f"ClipReport({self.name!r}, {self.num_clips} clips, {', '.join(counts) or 'all sound'})"
        )


@dataclass(frozen=True)
class _Finding:
    """What reading one clip gave: facts if it could be read, a problem if it is not as it should be."""

    sha256: str | None = None
    timeline: Timeline | None = None
    size: tuple[int, int] = (0, 0)
    problem: ClipProblem | None = None


def check_clips(
    clips: Clips,
    *,
    spec: FrameSpec | None = None,
    num_workers: int = 2,
    timeout_seconds: float = TIMEOUT_SECONDS,
    progress: bool = True,
) -> ClipReport:
    """Read every clip to its end; with `spec`, also see whether a backbone could sample it."""

    def inspect(job: tuple[str, Path]) -> _Finding:
        return _inspect(*job, clips=clips, spec=spec, timeout_seconds=timeout_seconds)

    jobs = list(zip(clips.ids, clips.paths, strict=True))
    label = f"checking {clips.name}"
    found = run_in_threads(inspect, jobs, num_workers=num_workers, label=label, progress=progress)
    problems = [finding.problem for finding in found if finding.problem is not None]
    sound = [(f.timeline, f.size) for f in found if f.timeline is not None and f.problem is None]
    return ClipReport(
        name=clips.name,
        num_clips=len(clips),
        problems=(*problems, *_duplicates(clips, [finding.sha256 for finding in found])),
        seconds=tuple(timeline.duration_seconds for timeline, _ in sound),
        num_frames=tuple(len(timeline) for timeline, _ in sound),
        sizes=tuple(size for _, size in sound),
        obtain=clips.obtain,
    )


def _inspect(
    clip: str, path: Path, *, clips: Clips, spec: FrameSpec | None, timeout_seconds: float
) -> _Finding:
    def problem(kind: Kind, what: str) -> ClipProblem:
        return ClipProblem(clip, kind, what, path)

    if not os.path.lexists(path):  # a link that leads nowhere is a broken clip, not a missing one
        return _Finding(problem=problem("missing", "does not exist"))
    try:
        with VideoFile(path, timeout_seconds=timeout_seconds) as video:
            size = video.decode_all()
            timeline = video.timeline
    except TruncatedVideoError as error:
        return _Finding(problem=problem("short", error.what))
    except VideoDecodeError as error:
        return _Finding(problem=problem("corrupt", error.what))
    digest = file_sha256(path)
    try:
        clips.check_sha256(clip, path, digest)
    except DataError as error:
        return _Finding(digest, timeline, size, problem("changed", error.what))
    try:
        clips.check_duration(path, timeline.duration_seconds)
        if spec is not None:
            sampler_of(spec).ticks(timeline)
    except DataError as error:
        return _Finding(digest, timeline, size, problem("short", error.what))
    return _Finding(digest, timeline, size)


def _duplicates(clips: Clips, checksums: list[str | None]) -> list[ClipProblem]:
    first: dict[str, str] = {}
    problems = []
    for clip, path, digest in zip(clips.ids, clips.paths, checksums, strict=True):
        if digest is None:
            continue
        if digest in first:
            what = f"is the same file as clip {first[digest]!r}"
            problems.append(ClipProblem(clip, "duplicated", what, path))
        first.setdefault(digest, clip)
    return problems


def _span(numbers: tuple[float, ...]) -> dict[str, float] | None:
    if not numbers:
        return None
    return {"min": min(numbers), "median": float(np.median(numbers)), "max": max(numbers)}
