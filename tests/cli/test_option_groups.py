"""Groups of options: one option a field, the same words as when each was spelt out, and results filed in a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
import yaml
from typer.testing import CliRunner

from bgs.cli import main
from bgs.cli.option_groups import Outcome, Start, spread
from bgs.errors import BgsError


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option("--width", help="Columns.")] = 3
    height: Annotated[int, typer.Option("--height", help="Rows.")] = 2


def test_a_group_stands_for_its_options():
    app = typer.Typer()

    @app.command()
    @spread
    def show(name: str, size: Size, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Say a name and a size."""
        typer.echo(f"{name} {size} {loud}")

    runner = CliRunner()
    result = runner.invoke(app, ["box", "--height", "5", "--loud"])
    assert result.output == "box Size(width=3, height=5) True\n"
    shown = runner.invoke(app, ["--help"]).output
    assert shown.index("--loud") < shown.index("--width") < shown.index("--height")
    assert "Say a name and a size." in shown
    assert runner.invoke(app, ["box", "--depth", "1"]).exit_code == 2


def test_a_result_is_filed_in_its_run_and_the_run_is_looked_at_first(tmp_path: Path):
    def analyse() -> dict[str, float]:
        done.append(1)
        return {"r2": 0.5}

    done: list[int] = []
    with pytest.raises(BgsError, match="is not a finished run"):
        Outcome(into=tmp_path).file("variance", analyse)
    assert done == []
    (tmp_path / "results.json").write_text("{}", encoding="utf-8")
    assert Outcome(into=tmp_path).file("variance", analyse) == {"r2": 0.5}
    filed = tmp_path / "analyses" / "variance.json"
    assert json.loads(filed.read_text(encoding="utf-8")) == {"r2": 0.5}
    filed.unlink()
    assert Outcome().file("variance", analyse) == {"r2": 0.5}
    assert not filed.exists()


@pytest.mark.parametrize("command", [["fit", "demo"], ["fusion", "train", "fusion-twins"]])
@pytest.mark.parametrize("option", ["--out", "--output-dir"])
def test_a_run_folder_goes_by_two_names(
    command: list[str], option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as exit_:
        main([*command, "seed=3", option, str(tmp_path / "here"), "--print-config"])
    assert not exit_.value.code
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["output_dir"] == str(tmp_path / "here")
    assert shown["seed"] == 3
    assert not list(tmp_path.iterdir())


def test_what_becomes_of_an_earlier_run_is_passed_on():
    assert Start(resume=True, allow_changes=True).onto == {
        "resume": True,
        "overwrite": False,
        "allow_changes": True,
    }
