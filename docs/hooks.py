"""Fills the page of commands from the command line itself, so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from typer.main import get_command

from bgs.cli.app import app

PLACE = "<!-- every command -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page; only the page with the mark is changed."""
    if PLACE not in markdown:
        return markdown
    return markdown.replace(PLACE, "\n".join(describe_commands(get_command(app), "bgs")))


def describe_commands(command: Any, name: str) -> Iterator[str]:
    """Markdown for a command, or for every command of a group."""
    if hasattr(command, "commands"):
        for word, child in command.commands.items():
            yield from describe_commands(child, f"{name} {word}")
        return
    yield f"## {name}\n"
    for paragraph in (command.help or "").split("\n\n"):
        text = " ".join(paragraph.split())
        example = text.removeprefix("Example: ")
        yield f"```bash\n{example}\n```\n" if example != text else f"{escape(text, quote=False)}\n"
    yield "| argument or option | what |\n|---|---|"
    for parameter in command.params:
        spelt = ", ".join(parameter.opts)
        if parameter.param_type_name == "argument":
            spelt = parameter.metavar or parameter.name.upper()
        told = escape(getattr(parameter, "help", None) or "", quote=False).replace("|", r"\|")
        yield f"| `{spelt.replace('|', '/')}` | {told} |"
    yield ""
