"""Recipes of the paper run on what is given, say what they lack, and never mix published figures with ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bgs.errors import DataError
from experiments import reproduce
from experiments.paper.given import NEEDS_CLIPS, Given, find_weights
from experiments.paper.recipe import Recipe, Row, carry_out
from experiments.paper.rehearsal import simulate_all
from experiments.paper.results_page import render

ROOT = Path(__file__).parents[2]
ORDER = [recipe.name for recipe in reproduce.RECIPES]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return simulate_all(tmp_path_factory.mktemp("reproduce"), seed=5, quick=True)


def recipe(rows=(), *, name: str = "language", missing: str | None = None) -> Recipe:
    return Recipe(name, "A title", "a protocol", run=lambda _: rows, missing=lambda _: missing)


def record(given: Given, **changes) -> dict:
    rows = [Row("all-MiniLM-L12-v2", "R2 (within)", 0.5, (0.4, 0.6), n="10 pairs")]
    return {**carry_out(recipe(rows), given), **changes}


@pytest.mark.parametrize(
    "name",
    ["ceiling", "language", "backbones", "deltas", "variance", "probes", "retention", "splits"],
)
def test_a_recipe_runs_on_simulated_data(name, given):
    """`transfer`, `attention` and `ablations` take longer and are run by hand."""
    chosen = next(recipe for recipe in reproduce.RECIPES if recipe.name == name)
    found = carry_out(chosen, given)
    assert found["not_run"] is None
    assert found["rows"]
    assert found["simulated"] is True
    assert found["rehearsal"] is True
    assert all(isinstance(row["ours"], float) for row in found["rows"])
    written = json.loads((given.out / name / "results.json").read_text(encoding="utf-8"))
    assert written["rows"] == found["rows"]


def test_what_is_missing_is_said_and_recorded(given):
    found = carry_out(recipe(missing=NEEDS_CLIPS), given)
    assert found["not_run"] == "needs the licensed clips (--clips DIR)"
    assert found["rows"] == []


def test_an_error_of_ours_is_a_reason_and_not_an_end(given):
    def refuse(_: Given) -> list[Row]:
        raise DataError("no such thing", remedy="get one")

    found = carry_out(Recipe("language", "T", "p", run=refuse), given)
    assert found["not_run"] == "no such thing; get one"


def test_published_and_ours_stand_in_columns_of_their_own(given):
    page = render([record(given, data="social250", simulated=False)], order=ORDER)
    row = next(line for line in page.splitlines() if line.startswith("| all-MiniLM-L12-v2 | R2"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:5] == ["all-MiniLM-L12-v2", "R2 (within)", "0.121", "0.500", "[0.400, 0.600]"]
    alone = next(line for line in page.splitlines() if "mpnet" in line and "two-way" in line)
    assert "| 70.4 |  |  |" in alone
    assert "not run: its weights are not at hand" in alone


def test_published_figures_never_stand_beside_simulated_ones(given):
    page = render([record(given)], order=ORDER)
    assert "0.121" not in page
    assert "mpnet" not in page
    assert "**simulated participants**" in page


def test_what_could_not_run_still_shows_what_the_paper_prints(given):
    lacking = carry_out(recipe(name="backbones", missing=NEEDS_CLIPS), given)
    page = render([{**lacking, "data": "social250", "simulated": False}], order=ORDER)
    assert "**Not run: needs the licensed clips (--clips DIR).**" in page
    row = next(line for line in page.splitlines() if "timesformer | R2 after" in line)
    assert "| 0.162 |  |" in row
    assert "not run: needs the licensed clips" in row


def test_names_cannot_break_the_table(given):
    rows = [
        {"model": "a|b<script>", "quantity": "x\ny", "ours": 1.0, "ci95": None, "n": "", "note": ""}
    ]
    page = render([record(given, rows=rows)], order=ORDER)
    assert "a\\|b&lt;script>" in page
    assert "x y" in page


def test_the_committed_page_is_the_one_its_records_make(tmp_path):
    page = tmp_path / "RESULTS.md"
    reproduce.write_page(ROOT / "experiments" / "results", page, order=ORDER)
    committed = (ROOT / "experiments" / "RESULTS.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == committed


def test_weights_are_found_by_file_by_folder_and_as_shipped(tmp_path):
    (tmp_path / "MCG-NJU" / "videomae-base").mkdir(parents=True)
    (tmp_path / "clip-vit-base-patch32").mkdir()
    (tmp_path / "vjepa2_1_vitb_dist_vitG_384.pt").write_bytes(b"x")
    assert find_weights("bgs-tiny", None) == "bgs-tiny"
    assert find_weights("videomae", tmp_path) == str(tmp_path / "MCG-NJU" / "videomae-base")
    assert find_weights("clip", tmp_path) == str(tmp_path / "clip-vit-base-patch32")
    assert find_weights("vjepa2.1-base", tmp_path) == str(
        tmp_path / "vjepa2_1_vitb_dist_vitG_384.pt"
    )
    assert find_weights("timesformer", tmp_path) is None


def test_clips_elsewhere_are_linked_into_the_home(tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    words = ["--clips", str(clips), "--videos-dir", str(tmp_path / "videos"), "--data", "social250"]
    given = reproduce.gather(reproduce.parse(words))
    assert (tmp_path / "videos" / "social250" / "clips").samefile(clips)
    assert given.videos_dir == tmp_path / "videos"
    other = tmp_path / "other"
    other.mkdir()
    assert reproduce.main([*words[:1], str(other), *words[2:]]) == 2
    assert reproduce.main(["--clips", str(tmp_path / "no"), *words[2:]]) == 2


def test_help_names_every_recipe(capsys):
    with pytest.raises(SystemExit):
        reproduce.parse(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert all(name in printed for name in ORDER)
