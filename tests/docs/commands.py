"""Command lines are looked at even where they cannot be run: sub-commands, options and files must exist."""

from __future__ import annotations

import re
from pathlib import Path

from typer.main import get_command

from bgs.cli.app import app

# No program of ours: nothing here could be out of step with the code.
FOREIGN = {"cd", "export", "hf", "mkdir", "pip", "git", "cp", "source", "tail", "squeue"}


def check_words(words: list[str], repository: Path) -> None:
    """Fail where a command line names something that is not there."""
    words = [word for word in words if "=" not in word or not word.split("=")[0].isupper()]
    program = words[0] if words else "export"
    if program == "bgs":
        check_bgs(words[1:])
    elif program in ("accelerate", "torchrun"):
        check_launch(words, repository)
    elif program in ("python", ".venv/bin/python"):
        check_python(words[1:], repository)
    elif program == "sbatch":
        check_sbatch(words[1:], repository)
    elif program == "make":
        targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), re.M))
        wanted = {word for word in words[1:] if "=" not in word}
        assert wanted <= targets, f"make knows no {wanted - targets}"
    elif program in (".ci/run", ".venv/bin/pytest", "bash"):
        assert program != ".ci/run" or (repository / ".ci" / "run").is_file()
    else:
        assert program in FOREIGN, f"nobody knows how to check {program!r}"


def check_bgs(words: list[str]) -> None:
    """The sub-command exists and has these options."""
    command = get_command(app)
    options = set(known_options(command))
    for word in words:
        if hasattr(command, "commands") and not word.startswith("-"):
            assert word in command.commands, f"no command {word!r}"
            command = command.commands[word]
            options |= set(known_options(command))
    given = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert given <= options, f"no option {given - options}"


def known_options(command: object) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts] + ["--help"]


def check_launch(words: list[str], repository: Path) -> None:
    """What is launched is `-m bgs ...` or a script of ours; the launcher's own options are its own."""
    start = words.index("-m") + 1
    check_python(["-m", *words[start:]], repository)


def check_python(words: list[str], repository: Path) -> None:
    """A module or script of the repository, whose source spells every option it is given."""
    name = words[1] if words[0] == "-m" else words[0]
    if name == "bgs":
        check_bgs(words[2:])
        return
    if name in ("build", "mkdocs", "pip", "venv"):
        return
    file = Path(*name.split(".")).with_suffix(".py") if words[0] == "-m" else Path(name)
    source = repository / file
    assert source.is_file(), f"no {file}"
    text = source.read_text(encoding="utf-8")
    for word in words[1:]:
        if word.startswith("--"):
            assert f'"{word.split("=")[0]}"' in text, f"{file} has no {word}"


def check_sbatch(words: list[str], repository: Path) -> None:
    """The job script and the config it is given are there."""
    files = [word for word in words if word.endswith((".sbatch", ".yaml"))]
    assert files
    for file in files:
        assert (repository / file).is_file() or "my-" in file, f"no {file}"
