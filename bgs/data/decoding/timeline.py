"""When each frame of a clip is on the screen, in the clock of its container.

Frame numbers lie where the frame rate varies, an edit list trims the start or the first time stamp is
not zero. Times do not, so frames are chosen by time and only then named by their place in
presentation order. Times stay whole ticks: seconds as floats put a frame on either side of a boundary.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

TICKS_THAT_ROUND = 8  # frames at least this many ticks apart may carry rounded time stamps


@dataclass(frozen=True, repr=False, eq=False)
class Timeline:
    """Presentation times of all frames, ascending; a frame stays until the next one comes."""

    ticks: NDArray[np.int64]  # (frames,)
    end: int  # tick at which the last frame leaves the screen
    time_base: Fraction  # seconds a tick

    def __len__(self) -> int:
        return len(self.ticks)

    def __repr__(self) -> str:
        return f"Timeline({len(self)} frames, {self.duration_seconds:.3f} s)"

    @property
    def duration_seconds(self) -> float:
        """From the first frame until the last one leaves the screen."""
        return float((self.end - int(self.ticks[0])) * self.time_base)

    @property
    def interval(self) -> Fraction:
        """Mean ticks between frames."""
        if len(self) < 2:
            return Fraction(max(self.end - int(self.ticks[0]), 1))
        return Fraction(int(self.ticks[-1] - self.ticks[0]), len(self) - 1)

    def seconds(self, index: int) -> float:
        """When frame `index` appears, counted from the first frame."""
        return float(int(self.ticks[index] - self.ticks[0]) * self.time_base)

    def on_screen(self, ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The frame seen at each tick; before the first and after the last, that frame.

        WebM rounds time stamps to the millisecond, so a frame due exactly at a tick may be stamped one
        later. One tick of grace finds it, and is far below a frame where the clock is fine enough to round.
        """
        grace = 1 if self.interval >= TICKS_THAT_ROUND else 0
        found = np.searchsorted(self.ticks, ticks + grace, side="right") - 1
        return np.clip(found, 0, len(self) - 1)
