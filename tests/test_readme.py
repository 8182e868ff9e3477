"""The README does what it says: its config is valid, its commands parse, its Python runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from bgs.cli.app import app
from bgs.config import dump_config, parse_config
from bgs.run.simulation import simulate_into


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Fenced code blocks of one language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return ["\n".join(line[len(indent) :] for line in body.splitlines()) for indent, body in found]


def test_config_is_valid(readme):
    (text,) = blocks(readme, "yaml")
    config = parse_config(yaml.safe_load(text))
    assert config.data.triplets == "mine"
    assert config.training.learning_rate == 1e-4


def test_commands_parse(readme):
    """Every `bgs ...` of the README, with `--help` appended: an unknown command or option fails."""
    lines = [line for block in blocks(readme, "") for line in block.splitlines()]
    lines += re.findall(r"`(bgs [^`]+)`", readme)
    commands = [line.split("#")[0].strip() for line in lines if line.strip().startswith("bgs ")]
    assert len(commands) >= 6
    for command in commands:
        words = [word for word in shlex.split(command)[1:] if word not in ("...", "NAME")]
        options = [word for word in words if word.startswith("--")]
        code = app([*words, "--help"], standalone_mode=False, prog_name="bgs")
        assert code in (0, None), command
        assert all(option in known_options(words) for option in options), command


def known_options(words: list[str]) -> set[str]:
    from typer.main import get_command

    command = get_command(app)
    for word in words:
        if hasattr(command, "commands") and word in command.commands:
            command = command.commands[word]
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


def test_python_runs(readme, tmp_path, monkeypatch, capsys):
    """With a small data set called `mine` and a config of that name, as the reader would have by then."""
    monkeypatch.chdir(tmp_path)
    simulate_into(Path("triplets"), Path("videos"), seed=7, quick=True, progress=False)
    for home in ("triplets", "videos"):
        shipped = Path(__file__).parents[1] / home / "demo.yaml"
        card = shipped.read_text(encoding="utf-8").replace("name: demo\n", "name: mine\n")
        Path(home, "mine.yaml").write_text(card, encoding="utf-8")
    config = parse_config(
        {
            "output_dir": "runs/mine",
            "data": {"triplets": "mine"},
            "training": {"num_train_epochs": 1},
            "evaluation": {"num_bootstrap": 100},
        }
    )
    Path("mine-config.yaml").write_text(dump_config(config), encoding="utf-8")
    (code,) = blocks(readme, "python")
    exec(compile(code, "README.md", "exec"), {})
    assert "ci95" in capsys.readouterr().out
    assert Path("runs/mine/report.html").is_file()
