"""What the package says while it works: warnings always, its steps on request; on stderr, beside any progress bar.

Where no bar is seen, a sign of life once a minute (`heartbeat`).
"""

from __future__ import annotations

import logging
import os
import sys

from bgs.cli.heartbeat import Heartbeat, is_wanted

_beating: list[Heartbeat] = []
LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
LIBRARIES = ("accelerate", "huggingface_hub", "peft", "transformers")  # heard with -vv


class _BesideBars(logging.Handler):
    """Lines that do not tear a progress bar apart."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, above the bar if there is one."""
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def speak(verbosity: int) -> None:
    """Set how much is said: 0 warnings, 1 the steps of a run, 2 all of it and what libraries say.

    Of several processes under a launcher, the first speaks for all.
    """
    if os.environ.get("RANK", "0") != "0":
        verbosity = 0
    level = LEVELS[min(verbosity, len(LEVELS) - 1)]
    _let_speak("bgs", level)
    hush()
    if os.environ.get("RANK", "0") == "0" and is_wanted(sys.argv):
        _beating.append(Heartbeat())
        _beating[0].start()
    for name in LIBRARIES if verbosity > 1 else ():
        _let_speak(name, logging.INFO)


def hush() -> None:
    """End the sign of life, where there is one."""
    while _beating:
        _beating.pop().stop()


def _let_speak(name: str, level: int) -> None:
    logger = logging.getLogger(name)
    logger.setLevel(min(level, logging.INFO))  # steps are heard by the sign of life, said or not
    handler = next((found for found in logger.handlers if isinstance(found, _BesideBars)), None)
    if handler is None:
        handler = _BesideBars()
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        )
        logger.addHandler(handler)
    handler.setLevel(level)
