"""What the package says while it works: warnings always, its steps on request; on stderr, beside any progress bar."""

from __future__ import annotations

import logging
import os
import sys

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
    for name in LIBRARIES if verbosity > 1 else ():
        _let_speak(name, logging.INFO)


def _let_speak(name: str, level: int) -> None:
    logger = logging.getLogger(name)
    logger.setLevel(level)
    if not any(isinstance(handler, _BesideBars) for handler in logger.handlers):
        handler = _BesideBars()
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        )
        logger.addHandler(handler)
