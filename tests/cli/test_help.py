"""Every command has help with an example that the parser takes, and says less or more on request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from bgs.cli import main
from bgs.cli.app import app
from tests.docs.commands import check_bgs

# What can take minutes: it shows bars, so it can be told not to.
LONG = {
    "demo", "fit", "embed", "score", "variance", "probe", "layers", "retention", "data check", "data fetch",
}  # fmt: skip


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, child in command.commands.items():
        yield from leaves(child, (*path, name))


COMMANDS = dict(leaves(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_parses(name, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([*name.split(), "--help"])
    assert not exit_.value.code
    printed = capsys.readouterr().out
    examples = re.findall(r"Example: (bgs .*?)(?:\n\n|\Z)", printed, flags=re.DOTALL)
    assert examples
    for example in examples:
        words = shlex.split(" ".join(example.split()))
        assert words[1 : 1 + len(name.split())] == name.split()
        check_bgs(words[1:])


def test_long_commands_can_be_quiet():
    assert set(COMMANDS) >= LONG
    for name in LONG:
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert {"--quiet", "-q"} <= options, name
