"""The READMEs of the homes show cards that are read as shown, and code that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bgs.data.card_files import load_triplets_card, load_videos_card
from bgs.data.cards import TripletsCard, VideosCard
from bgs.data.triplets import load_triplets


def read_blocks(file: Path, language: str) -> list[str]:
    return re.findall(
        rf"```{language}\n(.*?)```", file.read_text(encoding="utf-8"), flags=re.DOTALL
    )


def test_the_triplets_card_of_the_readme_is_a_card(repository: Path) -> None:
    (block,) = read_blocks(repository / "triplets/README.md", "yaml")
    values = yaml.safe_load(block.replace("0f1e...", "0f1e" * 16))
    card = TripletsCard.model_validate(values)
    assert set(values) == set(TripletsCard.model_fields) - {
        "simulated"
    }  # the README shows every key
    assert card.exclusions.min_judgments == 20


def test_the_videos_card_of_the_readme_is_a_card(repository: Path) -> None:
    main, other, scenes = read_blocks(repository / "videos/README.md", "yaml")
    assert VideosCard.model_validate(yaml.safe_load(main)).table.split == "split"
    apart = {**yaml.safe_load(main), **yaml.safe_load(scenes), **yaml.safe_load(other)}
    apart["table"] = {"path": "mine/clips.csv"}
    card = VideosCard.model_validate(apart)
    assert card.split is not None
    assert card.captions is not None
    assert card.scenes is not None


def test_the_schema_of_the_readme_is_the_one_that_is_read(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (repository / "triplets/README.md").read_text(encoding="utf-8")
    names = [
        name
        for line in text.splitlines()
        if "required |" in line or "optional |" in line
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    assert len(names) == 9
    values = ["a", "b", "c", "c", "p", "1", "", "s", "false"]
    (tmp_path / "mine.csv").write_text(",".join(names) + "\n" + ",".join(values) + "\n")
    monkeypatch.chdir(tmp_path)
    (code,) = read_blocks(repository / "triplets/README.md", "python")
    exec(compile(code, "triplets/README.md", "exec"), {})
    assert len(load_triplets("mine.csv")) == 1


@pytest.mark.parametrize("name", ["demo", "demo-phase", "phase", "social250"])
def test_the_shipped_cards_are_those_of_the_repository(
    name: str, repository: Path, tmp_path: Path
) -> None:
    shipped = load_triplets_card(name, triplets_dir=tmp_path)
    assert shipped == load_triplets_card(name, triplets_dir=repository / "triplets")
    clips = load_videos_card(name, videos_dir=tmp_path)
    assert clips == load_videos_card(name, videos_dir=repository / "videos")
    assert shipped.simulated == clips.simulated == name.startswith("demo")
    assert shipped.clips == name
