"""The card that a quick run leaves beside its adapter: its numbers are those of the run, its code loads the adapter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def card(rehearsal) -> str:
    return (rehearsal.folder / "adapter" / "README.md").read_text(encoding="utf-8")


def test_the_front_matter_is_what_the_hub_reads(card: str) -> None:
    front = yaml.safe_load(card.split("---\n", 2)[1])
    assert front["library_name"] == "peft"
    assert front["base_model"] == "bgs-tiny"
    assert front["datasets"] == ["demo"]
    assert {"bgs", "simulated-data"} <= set(front["tags"])


def test_scores_are_those_of_the_results(card: str, rehearsal) -> None:
    results = rehearsal.results
    table = dict(re.findall(r"^\| ([^|]+?) \| \w+ \| (\S+) \| ", card, flags=re.MULTILINE))
    assert set(table) - {"model"} == {block["model"] for block in results["models"]}
    for block in results["models"]:
        assert float(table[block["model"]]) == pytest.approx(block["rsa"]["r2"], abs=6e-4)
    low, high = results["difference"]["ci95"]
    assert f"\\[{low:.3f}, {high:.3f}\\]".replace("0.", ".").replace("-", "−") in card
    assert "bound for a perfect model: R²" in card


def test_data_and_simulation_are_said(card: str, rehearsal) -> None:
    assert "**Simulated data.** Nobody judged" in card
    assert "| Clips | 48 train, 12 validation, 30 test |" in card
    exclusions = rehearsal.results["data_counts"]["exclusions"]
    assert f"| repeats a clip | −{exclusions['dropped']['repeats_a_clip']} |" in card
    for part in ("## Data", "## Training", "## Intended use and limits", "## How to load"):
        assert part in card


def test_no_folder_of_the_owner_is_in_it(card: str, rehearsal) -> None:
    assert str(rehearsal.folder.parent) not in card
    assert str(Path.home()) not in card


def test_its_code_loads_the_adapter(card: str, rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rehearsal.folder / "adapter")
    with_peft, with_bgs = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(with_peft, "with peft", "exec"), names)
    loaded = {key: value for key, value in names["model"].state_dict().items() if "lora_B" in key}
    assert len(loaded) == 30
    exec(compile(with_bgs, "with bgs", "exec"), names)
    ours = names["model"].state_dict()
    for key, value in loaded.items():
        assert value.abs().max() > 0
        name = key.removeprefix("base_model.model.")
        assert any(k.endswith(name) and v.equal(value) for k, v in ours.items()), name
