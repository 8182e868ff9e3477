"""The model card says what a run did, and escapes what it did not write."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bgs.config import FitConfig, parse_config
from bgs.errors import DataError
from bgs.reports.model_card import escape_markdown, load_snippet, model_card, write_model_card


def front_matter(card: str) -> dict[str, Any]:
    _, front, _ = card.split("---\n", 2)
    return yaml.safe_load(front)


def results_of(data: str, label: str) -> dict[str, Any]:
    block = {
        "model": label, "role": "after", "n_clips": 30,
        "rsa": {"spearman": 0.5, "r2": 0.25, "ci95": [0.2, 0.3]},
        "odd_one_out": {"two_way": 0.7, "three_way": 0.5, "ci95": [0.4, 0.6]},
    }  # fmt: skip
    return {"models": [block], "data_counts": {"name": data}, "comparisons": []}


def model_of(**base: object) -> dict[str, Any]:
    backbone = {
        "name": "videomae", "family": "videomae", "base_id": "MCG-NJU/videomae-base", "revision": None,
        "options": {"dtype": "float32", "pooling": "mean"}, **base,
    }  # fmt: skip
    return {"backbone": backbone}


@pytest.fixture
def config(tmp_path: Path) -> FitConfig:
    return parse_config({"output_dir": str(tmp_path), "data": {"triplets": "mine"}})


def test_hostile_names_stay_text(config: FitConfig) -> None:
    data = "mine]: evil\n# heading <script>"
    card = model_card(results_of(data, "a|b `x` [l](http://e)"), model_of(), config=config)
    assert front_matter(card)["datasets"] == [data]
    body = card.split("---\n", 2)[2]
    assert "<script>" not in body
    assert "\n# heading" not in body
    assert r"| a\|b \`x\` \[l\](http://e) | after | .250 |" in body
    assert "Simulated" not in body


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b*c", r"a\_b\*c"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("two\nlines", "two lines"),
        ("back\\slash", r"back\\slash"),
        ("\x1b[31mred", r"\\x1b\[31mred"),
    ],
)
def test_markdown_is_escaped(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ({}, 'base = VideoMAEModel.from_pretrained("MCG-NJU/videomae-base")'),
        (
            {"revision": "abc"},
            'base = VideoMAEModel.from_pretrained("MCG-NJU/videomae-base", revision="abc")',
        ),
        (
            {"options": {"dtype": "float32", "num_frames": 8}},
            'base = load_backbone("MCG-NJU/videomae-base", num_frames=8).encoder',
        ),
        (
            {"family": "vjepa2.1", "base_id": "/home/me/vjepa.pt"},
            'base = load_backbone("BASE").encoder',
        ),
    ],
)
def test_loading_is_by_the_class_that_fits(base: Mapping[str, object], line: str) -> None:
    snippet = load_snippet(model_of(**base)["backbone"])
    assert line in snippet.splitlines()
    compile(snippet, "snippet", "exec")
    assert "/home/me" not in snippet


def test_a_run_without_an_adapter_gets_no_card(config: FitConfig, tmp_path: Path) -> None:
    assert write_model_card(tmp_path, results_of("mine", "x"), config=config) is None
    assert list(tmp_path.iterdir()) == []


def test_the_card_of_peft_is_replaced(config: FitConfig, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "README.md").write_text("a template of peft")
    (tmp_path / "model.json").write_text(json.dumps(model_of()))
    card = write_model_card(tmp_path, results_of("mine", "x"), config=config)
    assert card == adapter / "README.md"
    assert card.read_text().startswith("---\nlibrary_name: peft\n")
    assert [file.name for file in sorted(adapter.iterdir())] == ["README.md", "adapter_config.json"]


def run_with_a_card(folder: Path, model: str) -> Path:
    adapter = folder / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "README.md").write_text("an earlier card")
    (folder / "model.json").write_text(model)
    return adapter / "README.md"


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("{", ", row 1: not JSON: Expecting property name enclosed in double quotes"),
        ("[]", ": not a JSON object"),
        ("{}", ": backbone.name is not there, where a text is needed"),
        ('{"backbone": 3}', ": backbone is 3, where an object is needed"),
        (json.dumps(model_of(family=7)), ": backbone.family is 7, where a text is needed"),
        (json.dumps(model_of(base_id=None)), ": backbone.base_id is None, where a text is needed"),
        (json.dumps(model_of(revision=[])), ": backbone.revision is [], where a text is needed"),
        (json.dumps(model_of(options=[])), ": backbone.options is [], where an object is needed"),
    ],
)
def test_a_damaged_record_is_named_and_costs_no_card(
    config: FitConfig, tmp_path: Path, model: str, fault: str
) -> None:
    card = run_with_a_card(tmp_path, model)
    with pytest.raises(DataError) as caught:
        write_model_card(tmp_path, results_of("mine", "x"), config=config)
    assert str(caught.value) == (
        f"{tmp_path / 'model.json'}{fault}; run the command that wrote it again"
    )
    assert card.read_text() == "an earlier card"


def test_a_full_disk_leaves_the_earlier_card(
    config: FitConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = run_with_a_card(tmp_path, json.dumps(model_of()))

    def fill_the_disk(self: Path, text: str, **_: object) -> None:
        self.write_bytes(text[:100].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(DataError, match=f"the disk of {card.parent} is full"):
        write_model_card(tmp_path, results_of("mine", "x"), config=config)
    assert card.read_bytes() == b"an earlier card"
    assert sorted(file.name for file in card.parent.iterdir()) == [
        "README.md",
        "adapter_config.json",
    ]
