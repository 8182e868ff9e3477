"""`bgs doctor` on the command line, and how much the commands say."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from bgs.cli import main, verbosity
from bgs.cli.verbosity import LIBRARIES
from bgs.run import doctor
from bgs.run.machine import Finding


@pytest.fixture
def run(capsys):
    def run_it(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return int(exit_.value.code or 0), printed.out, printed.err

    return run_it


@pytest.fixture
def _as_before():
    """Levels and handlers are the process's own: what a test sets is taken back."""
    loggers = [logging.getLogger(name) for name in ("bgs", *LIBRARIES)]
    kept = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, kept, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


def loudness() -> int:
    """From which level on `bgs` is heard on stderr."""
    (voice,) = [
        h for h in logging.getLogger("bgs").handlers if isinstance(h, verbosity._BesideBars)
    ]
    return voice.level


WELL = Finding("python", "python", "ok", "3.11.7")
BAD = Finding("decoders", "av", "broken", "not installed", "pip install av")


def test_all_is_well(run, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda **_: [WELL])
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == ["ok  python  3.11.7", "all that is necessary is here"]


def test_what_is_broken_exits_2_and_is_said_last(run, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda **_: [WELL, BAD])
    code, out, _ = run("doctor")
    assert code == 2
    assert "broken  av      not installed; pip install av" in out
    assert out.splitlines()[-1] == "broken: av"
    code, out, _ = run("doctor", "--json")
    assert code == 2
    assert json.loads(out)["ok"] is False
    assert json.loads(out)["findings"][1]["remedy"] == "pip install av"


def test_help_of_the_doctor(run):
    code, out, _ = run("doctor", "--help")
    assert code == 0
    assert "Example: bgs doctor --json" in out


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize(
    ("options", "bgs_level", "libraries"),
    [((), logging.WARNING, False), (("-v",), logging.INFO, False), (("--verbose", "--verbose"), logging.DEBUG, True)],
)  # fmt: skip
def test_verbose_sets_what_is_said(options, bgs_level, libraries, run):
    quiet = logging.getLogger("peft").level
    run(*options, "backbones")
    assert loudness() == bgs_level
    assert (logging.getLogger("peft").level != quiet) is libraries


@pytest.mark.usefixtures("_as_before")
def test_one_process_of_several_speaks(run, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    run("-v", "backbones")
    assert loudness() == logging.WARNING


@pytest.mark.usefixtures("_as_before")
def test_steps_go_to_stderr_once(run, monkeypatch):
    import bgs.backbones.registry

    def speaks():
        logging.getLogger("bgs.run.fit").info("a step")
        return ()

    monkeypatch.setattr(bgs.backbones.registry, "list_backbones", speaks)
    for _ in range(2):  # a second call in the same process adds no second voice
        _, out, err = run("-v", "backbones")
        assert (out, err.count("INFO bgs.run.fit: a step\n")) == ("", 1)
    assert run("backbones")[2] == ""


def test_completion_can_be_installed(run):
    assert "--install-completion" in run("--help")[1]
    done = subprocess.run(
        [sys.executable, "-m", "bgs"],
        capture_output=True, text=True, check=False,
        env={"_BGS_COMPLETE": "complete_bash", "COMP_WORDS": "bgs doc", "COMP_CWORD": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.split() == ["doctor"]
