"""A sign of life for logs, where no progress bar is seen."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from bgs.cli import heartbeat, main, verbosity
from bgs.cli.heartbeat import Heartbeat, is_wanted


@pytest.fixture(autouse=True)
def _as_before():
    logger = logging.getLogger("bgs")
    level, handlers = logger.level, list(logger.handlers)
    yield
    verbosity.hush()
    logger.setLevel(level)
    logger.handlers[:] = handlers


def test_it_says_the_last_step_and_no_more_once_stopped(capsys):
    logging.getLogger("bgs").setLevel(logging.INFO)
    beat = Heartbeat(every_seconds=0.05)
    beat.start()
    logging.getLogger("bgs.training.logs").info("epoch %s, validation %.3f", 3, 0.25)
    time.sleep(0.2)
    beat.stop()
    said = capsys.readouterr().err.splitlines()
    assert len(said) >= 2
    assert said[-1].endswith("still working, 0 min; last: epoch 3, validation 0.250")
    time.sleep(0.12)
    assert capsys.readouterr().err == ""


def test_what_is_quick_says_nothing(capsys):
    beat = Heartbeat(every_seconds=60)
    beat.start()
    beat.stop()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("terminal", "words", "wanted"), [
    (False, ["bgs", "fit", "x.yaml"], True),
    (True, ["bgs", "fit", "x.yaml"], False),
    (False, ["bgs", "fit", "x.yaml", "--quiet"], False),
    (False, ["bgs", "fit", "-q", "x.yaml"], False),
])  # fmt: skip
def test_only_where_no_bar_is_seen(terminal, words, wanted, monkeypatch):
    monkeypatch.setattr(heartbeat.sys.stderr, "isatty", lambda: terminal, raising=False)
    assert is_wanted(words) is wanted


def test_commands_start_one_and_no_more(monkeypatch):
    monkeypatch.setattr(verbosity, "is_wanted", lambda _: True)
    for _ in range(3):
        with pytest.raises(SystemExit):
            main(["backbones"])
    beating = [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
    assert len([thread for thread in beating if thread.is_alive()]) <= 1
    monkeypatch.setenv("RANK", "1")  # of several processes one speaks
    verbosity.speak(0)
    assert verbosity._beating == []
