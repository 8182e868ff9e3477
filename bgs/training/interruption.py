"""Stopping between two updates instead of inside one, so that there is something whole to save."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

SIGTERM_EXIT_CODE = 128 + signal.SIGTERM


class Interruption:
    """While active, Ctrl-C and SIGTERM (what Slurm sends first) are noted instead of acted on.

    The second one stops at once. Only the main thread can catch signals; elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def stop(self) -> None:
        """Do what the signal asked for, now that everything is saved."""
        if self.signal == signal.SIGTERM:
            raise SystemExit(SIGTERM_EXIT_CODE)
        raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            self.stop()
        self.signal = number

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
