"""A sign of life where no progress bar is seen: a line a minute on stderr, with the last step that began or ended.

Bars hide where stderr is a file or a pipe, and a log that holds one line for ten minutes looks like a program that
hangs. What takes less than a minute says nothing.
"""

from __future__ import annotations

import logging
import sys
import time
from threading import Event, Thread

EVERY_SECONDS = 60.0
QUIET = {"-q", "--quiet"}


class Heartbeat(logging.Handler):
    """Remembers the last step that was logged, and says once a minute that it is still at work."""

    def __init__(self, *, every_seconds: float = EVERY_SECONDS) -> None:
        super().__init__(logging.INFO)
        self.every_seconds = every_seconds
        self.last = ""
        self._stopped = Event()
        self._started = time.monotonic()
        self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Only remembered: it is said in the next line, if there is one."""
        self.last = record.getMessage()

    def start(self) -> None:
        """Begin to listen, and to count."""
        logging.getLogger("bgs").addHandler(self)
        self._thread.start()

    def stop(self) -> None:
        """Say nothing more."""
        logging.getLogger("bgs").removeHandler(self)
        self._stopped.set()

    def _beat(self) -> None:
        while not self._stopped.wait(self.every_seconds):
            minutes = (time.monotonic() - self._started) / 60
            last = f"; last: {self.last}" if self.last else ""
            clock = time.strftime("%H:%M:%S")
            print(f"{clock} still working, {minutes:.0f} min{last}", file=sys.stderr, flush=True)


def is_wanted(arguments: list[str]) -> bool:
    """Where stderr is no terminal, unless nothing was to be shown."""
    return not sys.stderr.isatty() and not QUIET & set(arguments)
