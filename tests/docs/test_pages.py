"""README and documentation do what they say: their Python runs, their commands run and print what is shown,
their YAML is valid, and what cannot run here says why and still parses.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bgs.cli import main
from bgs.config import parse_config
from bgs.data.cards import TripletsCard, VideosCard
from tests.docs.blocks import SHELL, Block, Command, inline_commands, read_blocks, shows
from tests.docs.commands import check_words
from tests.docs.conftest import REHEARSAL

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs" / "pages").rglob("*.md"))]
WITH_BLOCKS = [page for page in PAGES if read_blocks(page)]
PLACEHOLDERS = ("...", "NAME", "COMMAND")
LANGUAGES = {*SHELL, "python", "yaml", "text"}


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.name)
def test_a_page_runs_from_top_to_bottom(page, reader, capsys):
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in read_blocks(page):
        if block.language in SHELL:
            run_shell(block, capsys)
        elif block.language == "python":
            run_python(block, names)
        elif block.language == "yaml":
            check_yaml(block, reader)
        else:
            assert block.language in LANGUAGES, f"{block}: no rule for {block.language!r}"
    capsys.readouterr()


def test_output_that_is_no_terminal_has_no_bars(finished):
    """The rehearsal was printed into a file: lines alone, no bar that is drawn over, no colour."""
    printed = (finished / "printed.txt").read_bytes().decode()
    assert re.findall(r"[\r\x1b]|it/s|\d+%\|", printed) == []
    assert re.search(r"^\d\d:\d\d:\d\d INFO bgs\.run\.study: data demo: 90 clips, ", printed, re.M)
    assert "Simulated data: the judgments come from simulated participants." in printed
    assert printed.endswith("report: runs/rehearsal/report.html\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_running_text_exist(page):
    for words in inline_commands(page):
        check_words([word for word in words if word not in PLACEHOLDERS], REPOSITORY)


def run_shell(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for command in block.commands():
        where = f"{block.page.name}:{command.line}"
        try:
            check_words(command.words, REPOSITORY)
        except AssertionError as error:
            pytest.fail(f"{where}: {error}")
        done = " ".join(command.words) == REHEARSAL  # by the fixture
        if command.words[0] == "bgs" and not block.reason and not done:
            run_command(command, where, capsys)


def run_command(command: Command, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(command.words[1:])
    printed = capsys.readouterr()
    said = printed.out + printed.err
    assert (exit_.value.code or 0) == command.exit_code, f"{where}: {said}"
    if command.shown:
        assert shows(command.shown, said), f"{where} shows\n{command.shown}\nbut bgs says\n{said}"


def run_python(block: Block, names: dict[str, Any]) -> None:
    code = compile("\n" * block.line + block.text, str(block.page), "exec")
    if not block.reason:
        exec(code, names)


def check_yaml(block: Block, reader: Path) -> None:
    """A config or a card; one with a title is the file the reader has from here on."""
    values = yaml.safe_load(block.text)
    if "output_dir" in values or "backbone" in values:
        parse_config(values)
    else:
        kind = TripletsCard if "judgments" in values else VideosCard
        kind.model_validate(values)
    if block.title and not block.reason:
        (reader / block.title).write_text(block.text, encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["bgs", "fitt"], "no command 'fitt'"),
        (["bgs", "fit", "demo", "--rank"], "no option {'--rank'}"),
        (["accelerate", "launch", "-m", "bgs", "fitt"], "no command 'fitt'"),
        (["python", "-m", "experiments.nothing"], "no experiments/nothing.py"),
        (["make", "coffee"], "make knows no {'coffee'}"),
        (["sbatch", "experiments/slurm/none.sbatch"], "no experiments/slurm/none.sbatch"),
    ],
)
def test_a_wrong_command_is_seen(words, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_words(words, REPOSITORY)


def test_blocks_are_read_with_reason_title_and_output(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n<!-- not run: needs a GPU -->\n```bash\nbgs fit a \\\n  b=1  # why\n```\n"
        '1. item\n   ```yaml title="x.yaml"\n   a: 1\n   ```\n'
        "```console\n$ bgs nothing\nerror: no\nmore\n$ bgs\n```\n"
    )
    shell, config, console = read_blocks(page)
    assert (shell.reason, shell.line) == ("needs a GPU", 4)
    assert [command.words for command in shell.commands()] == [["bgs", "fit", "a", "b=1"]]
    assert (config.title, config.text, config.reason) == ("x.yaml", "a: 1\n", "")
    first, second = console.commands()
    assert (first.words, first.shown, first.exit_code) == (["bgs", "nothing"], ["error: no", "more"], 2)  # fmt: skip
    assert (second.words, second.exit_code) == (["bgs"], 0)


def test_shown_output_is_compared():
    assert shows(["R2 ... ok", "end"], "R2 .145\nand more ok\nend\n")
    assert not shows(["R2 .1"], "R2 .2\n")
