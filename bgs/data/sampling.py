"""Which frames of a clip a model sees: policies that turn a timeline into frame numbers.

Every policy names moments; the frame on the screen at that moment is the one taken. With 10 frames
`0..9` at a steady rate and 4 wanted::

    frames           |0  |1  |2  |3  |4  |5  |6  |7  |8  |9  |
    Uniform           ^           ^           ^           ^     0 3 6 9   first to last, even steps
    FixedRate                 ^       ^       ^       ^         2 4 6 8   half the rate, in the middle
    CentreSegments         ^         ^         ^         ^      1 3 6 8   middle of 4 equal parts
    RandomSegments         ^       ^       ^       ^            1 3 5 7   somewhere in each, seed 0

With a varying rate the moments stay where they are and the frames move: if frame 0 stays on the screen
for half of the clip, `Uniform` takes it twice. A clip too short for what is asked is an error, or, with
`short_clips="hold"`, its frames stay on the screen as long as needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bgs.data.decoding.timeline import Timeline
from bgs.errors import DataError
from bgs.frame_spec import FrameSpec

ShortClips = Literal["error", "hold"]


class Sampler(Protocol):
    """A policy. `num_frames` and `short_clips` belong to all of them; `repr` goes into cache keys."""

    @property
    def num_frames(self) -> int:
        """How many moments."""
        ...

    @property
    def short_clips(self) -> ShortClips:
        """What happens where the clip is too short for them."""
        ...

    def ticks(self, timeline: Timeline) -> NDArray[np.int64]:
        """The moments to look at."""
        ...


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Even steps from the first frame to the last, as the paper samples; one frame is the middle one."""

    num_frames: int
    short_clips: ShortClips = "error"

    def ticks(self, timeline: Timeline) -> NDArray[np.int64]:
        """The moments to look at."""
        _need_frames(timeline, self)
        first, last = int(timeline.ticks[0]), int(timeline.ticks[-1])
        if self.num_frames == 1:
            return np.array([(first + last) // 2])
        steps = np.arange(self.num_frames, dtype=np.int64)
        return first + steps * (last - first) // (self.num_frames - 1)


@dataclass(frozen=True, kw_only=True)
class FixedRate:
    """`fps` moments a second, in a window in the middle of the clip."""

    num_frames: int
    fps: float
    short_clips: ShortClips = "error"

    def __post_init__(self) -> None:
        if not self.fps > 0:
            raise DataError(f"fps is {self.fps:g} but must be above 0", remedy="name a rate")

    def ticks(self, timeline: Timeline) -> NDArray[np.int64]:
        """The moments to look at."""
        step = 1 / (
            Fraction(self.fps).limit_denominator(100_000) * timeline.time_base
        )  # ticks a step
        length = timeline.end - int(timeline.ticks[0])
        needed = step * (self.num_frames - 1)
        if needed > length and self.short_clips == "error":
            raise DataError(
                f"lasts {timeline.duration_seconds:.2f} s but {self.num_frames} frames at {self.fps:g} a second"
                f" need {float(needed * timeline.time_base):.2f} s",
                remedy="use longer clips, a higher fps, or short_clips='hold'",
            )
        # The window starts on a frame, so that a rate equal to the clip's own takes neighbours.
        start = timeline.on_screen(
            np.array([int(timeline.ticks[0]) + max(0, int((length - needed) / 2))])
        )
        origin = int(timeline.ticks[start[0]])
        return np.array([origin + int(step * i) for i in range(self.num_frames)], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class CentreSegments:
    """The middle of each of `num_frames` equal parts of the clip."""

    num_frames: int
    short_clips: ShortClips = "error"

    def ticks(self, timeline: Timeline) -> NDArray[np.int64]:
        """The moments to look at."""
        _need_frames(timeline, self)
        return _segment_ticks(timeline, within=np.full(self.num_frames, 0.5))


@dataclass(frozen=True, kw_only=True)
class RandomSegments:
    """A random moment in each of `num_frames` equal parts: augmentation. The seed says which."""

    num_frames: int
    seed: int
    short_clips: ShortClips = "error"

    def ticks(self, timeline: Timeline) -> NDArray[np.int64]:
        """The moments to look at."""
        _need_frames(timeline, self)
        return _segment_ticks(
            timeline, within=np.random.default_rng(self.seed).random(self.num_frames)
        )


def sampler_of(spec: FrameSpec, *, short_clips: ShortClips = "error") -> Sampler:
    """The policy a backbone's frame spec asks for."""
    if spec.sampling == "fps" and spec.fps is not None:
        return FixedRate(num_frames=spec.num_frames, fps=spec.fps, short_clips=short_clips)
    return Uniform(num_frames=spec.num_frames, short_clips=short_clips)


def _segment_ticks(timeline: Timeline, *, within: NDArray[np.float64]) -> NDArray[np.int64]:
    first, parts = int(timeline.ticks[0]), len(within)
    moments = (np.arange(parts) + within) * ((timeline.end - first) / parts)
    return first + np.floor(moments).astype(np.int64)


def _need_frames(timeline: Timeline, sampler: Sampler) -> None:
    if len(timeline) < sampler.num_frames and sampler.short_clips == "error":
        raise DataError(
            f"has {len(timeline)} frames but {sampler.num_frames} are asked for",
            remedy="use longer clips, fewer frames, or short_clips='hold'",
        )
