"""Fenced code blocks of a Markdown page, and what their command lines say.

A block is run unless a comment stands before it:

    <!-- not run: needs four GPUs -->
    ```bash
    accelerate launch -m bgs fit configs/demo.yaml
    ```

A `console` block shows commands after `$ ` and, below each, what it prints; `...` stands for any text.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(
    r"(?:^ *<!-- not run: (?P<reason>[^\n]+?) -->\n\s*)?"
    r"^(?P<indent> *)```(?P<language>\w*)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    flags=re.DOTALL | re.MULTILINE,
)
SHELL = ("", "bash", "console", "sh")


@dataclass(frozen=True)
class Command:
    """One command line with the output that the page shows for it."""

    words: list[str]
    line: int
    shown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """What the page promises: an error line means 2."""
        return 2 if any(line.startswith("error: ") for line in self.shown) else 0


@dataclass(frozen=True)
class Block:
    """A fenced block; `reason` says why it cannot be run, `title` which file it shows."""

    page: Path
    line: int
    language: str
    text: str
    reason: str = ""
    title: str = ""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    def commands(self) -> list[Command]:
        """Every command line of a shell block; of `console` blocks those behind `$ `."""
        found: list[Command] = []
        for number, line in _joined(self.text, start=self.line + 1):
            if self.language != "console" or line.startswith("$ "):
                words = shlex.split(line.removeprefix("$ "), comments=True)
                found += [Command(words, number)] if words else []
            elif found:
                found[-1].shown.append(line)
        return found


def read_blocks(page: Path) -> list[Block]:
    """All blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start("indent")) + 1,
            language=found["language"],
            text="".join(
                line.removeprefix(found["indent"]) for line in found["body"].splitlines(True)
            ),
            reason=found["reason"] or "",
            title=next(iter(re.findall(r'title="([^"]+)"', found["info"])), ""),
        )
        for found in FENCE.finditer(text)
    ]


def inline_commands(page: Path) -> list[list[str]]:
    """`bgs ...` in running text."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [shlex.split(found) for found in re.findall(r"`(bgs [^`]+)`", text)]


def _joined(text: str, *, start: int) -> list[tuple[int, str]]:
    """Lines with their numbers; one that ends in a backslash goes on in the next."""
    joined: list[tuple[int, str]] = []
    unfinished = False
    for number, line in enumerate(text.splitlines(), start=start):
        if unfinished:
            joined[-1] = (joined[-1][0], joined[-1][1] + " " + line.strip())
        else:
            joined.append((number, line))
        unfinished = joined[-1][1].endswith("\\")
        if unfinished:
            joined[-1] = (joined[-1][0], joined[-1][1][:-1].rstrip())
    return joined


def shows(expected: list[str], printed: str) -> bool:
    """Whether what was printed is what the page shows, where `...` is any text and line ends are spaces."""
    pattern = r"\s+".join(re.escape(word) for word in " ".join(expected).split())
    return re.fullmatch(pattern.replace(r"\.\.\.", ".*?"), printed.strip(), re.DOTALL) is not None
