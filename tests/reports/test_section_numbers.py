"""What a reader is told beside a number: of how many, how small a p can be, and what it is compared with."""

from __future__ import annotations

from typing import Any

import pytest

from bgs.reports.analyses import KINDS
from bgs.reports.ceiling import say_ceiling, tabulate_ceiling
from bgs.reports.document import Document
from bgs.reports.dotplot import NARROW, Mark, Point, Row, rows_panel
from bgs.reports.marks import Label
from bgs.reports.numbers import format_p
from bgs.reports.sections import Section
from tests.reports import examples


def view(kind: str, result: dict[str, Any]) -> Section:
    return KINDS[kind](Document(result))


@pytest.mark.parametrize(
    ("value", "permutations", "uncorrected", "shown"),
    [
        (1 / 201, 200, None, "≤ .005 (of 200)"),  # no permutation did as well
        (2 / 201, 200, None, ".010"),
        (1 / 201, None, None, ".005"),  # of how many is not known
        (3 / 201, 200, 1 / 201, "≤ .015 (of 200)"),  # three tests, corrected
        (3 / 201, 200, 2 / 201, ".015"),
        (1.0, 200, 1 / 201, "1.000"),
        (1 / 1001, 1000, None, "≤ .001 (of 1\u202f000)"),
        (1 / 10001, 10000, None, "≤ .001 (of 10\u202f000)"),
        (None, 200, None, "–"),
        (0.0001, None, None, "< .001"),
    ],
)
def test_the_smallest_p_is_a_bound(
    value: float | None, permutations: int | None, uncorrected: float | None, shown: str
) -> None:
    assert format_p(value, permutations=permutations, uncorrected=uncorrected) == shown


def test_pages_say_of_how_many_permutations() -> None:
    probes = examples.make_probes()
    probes["protocol"] = {"num_permutations": 200}
    probes["probes"][0]["p"] = 1 / 201
    table = view("probes", probes).tables[-1]
    assert table.caption == f"Every rating and model, {probes['n_clips']} clips"
    assert table.rows[0][-1].text == "≤ .005 (of 200)"
    board = examples.make_leaderboard(("a", "b", "c"))
    for block in board["models"]:
        block["protocol"] = {"num_permutations": 100}
        block["rsa"]["p"] = 1 / 101
    board["comparisons"] = [
        pair | {"p": 1 / 101, "p_holm": 3 / 101} for pair in board["comparisons"]
    ]
    section = view("leaderboard", board)
    p = [column.name for column in section.tables[0].columns].index("p")
    assert {row[p].text for row in section.tables[0].rows} == {"≤ .010"}
    assert {row[-1].text for row in section.tables[1].rows} == {"≤ .030 (of 100)"}


def make_transfer() -> dict[str, Any]:
    result = examples.make_transfer(elsewhere=False)
    result |= {"n_clips_with_majority": 57, "n_clear_clips": 30}
    result["ceiling"] |= {"split_half_spearman": 0.5}
    result["protocol"] |= {"num_permutations": 100}
    result["models"][0]["knn"] = {"value": 0.5, "ci95": [0.4, 0.6], "p": 1 / 101}
    return result


def test_transfer_says_how_much_each_question_is_asked_of() -> None:
    section = view("transfer", make_transfer())
    captions = [table.caption for table in section.tables[:4]]
    assert captions == [
        "Geometry: 60 clips",
        "Odd one out: 700 triads of 30 clear clips",
        "Nearest neighbours: 57 clips with one commonest label",
        "Linear probe: 57 clips with one commonest label",
    ]
    assert [figure.panels[0].title for figure in section.figures] == captions
    assert section.tables[2].rows[0][-1].text == "≤ .010 (of 100)"


def test_transfer_has_two_ceilings_by_two_names() -> None:
    section = view("transfer", make_transfer())
    feet = [[(row[0].text, row[1].text) for row in table.foot] for table in section.tables[:4]]
    assert feet == [
        [("chance", ".000"), ("half of the raters", ".500"), ("bound for a perfect model", ".700")],
        [("chance", "33.3")],
        [("chance", "40.0"), ("half of the raters", "80.0")],
        [("chance", "40.0"), ("half of the raters", "80.0")],
    ]
    drawn = [
        mark.text for mark in section.figures[0].panels[0].canvas.marks if isinstance(mark, Label)
    ]
    assert {"half of the raters .500", "bound for a perfect model .700"} <= set(drawn)
    assert "what the simulation knows" not in section.about
    known = make_transfer()
    known["models"].append(known["models"][0] | {"model": "latent valence", "role": "latent"})
    assert "where those fail so must any model" in view("transfer", known).about


BOUNDS: dict[str, Any] = {
    "data": "mine",
    "simulated": False,
    "split": "test",
    "protocol": "within",
    "n_pairs": 435,
    "n_judgments": 900,
    "paper": {"r2": 0.25, "ci95": [0.16, 0.36]},
    "max_model": {"r2": 0.5, "ci95": [0.4, 0.6]},
    "split_half": {"r": 1 / 3, "ci95": [0.25, 0.43]},
    "num_splits": 1000,
    "num_pairs": 406.914,
    "over": "participants",
    "triplets": {
        "agreement": {"three_way": 0.6, "two_way": 0.7, "ci95": [0.5, 0.7]},
        "majority": {"three_way": 0.65, "two_way": 0.74, "ci95": [0.55, 0.75]},
        "num_triads": 68,
        "num_judgments": 155,
    },
    "choice_model": {"best_guess": 0.61, "accuracy": 0.6, "num_judgments": 800},
}


def test_a_ceiling_in_words() -> None:
    tables = tabulate_ceiling(Document(BOUNDS))
    assert [row[0].text for row in tables[0].rows] == [
        "bound for a perfect model (max_model)",
        "split-half ceiling (paper)",
        "Spearman of two halves (split_half)",
    ]
    assert "pairs seen in both halves, mean over splits: 406.9 of 435" in tables[0].caption
    assert tables[1].caption == (
        "Odd one out, % told right by people; 155 of 900 judgments, those of the 68 triads that were judged twice or "
        "more"
    )
    assert [[cell.text for cell in row[1:]] for row in tables[1].rows[:2]] == [
        ["60.0", "[50.0, 70.0]", "33.3"],
        ["70.0", "", "50.0"],
    ]
    assert [row[1].text for row in tables[2].rows] == ["61.0", "60.0"]
    assert say_ceiling(Document(BOUNDS)) == (
        "Against these judgments of people (test clips; pairs from judgments whose three clips are all among them) no "
        "model is expected to pass R² .500 [.400, .600]; another set of judgments as noisy as these would reach .250, "
        "which a model may pass. Asked for the odd one of three, people agree with each other in 60.0 % of cases. All "
        "intervals are over clips."
    )


def test_a_ceiling_without_repeated_triads() -> None:
    bounds = BOUNDS | {"simulated": True, "triplets": {"unknown": "no triad was judged twice"}}
    del bounds["choice_model"]
    assert len(tabulate_ceiling(Document(bounds))) == 1
    said = say_ceiling(Document(bounds))
    assert "of simulated participants" in said
    assert said.endswith("For accuracy there is no such bound: no triad was judged twice.")


def test_a_figure_for_a_phone_has_all_its_words() -> None:
    """Names above their lines in place of beside them, and an axis title in as many lines as it takes."""
    rows = [Row(f"a model with a name, number {k}", (Point(k / 10),), f".{k}00") for k in range(3)]
    axis = "R², the squared Spearman correlation with simulated participants' dissimilarities"
    keys = [(f"what the dots of kind {k} are", Point(0.0)) for k in range(3)]
    panel = rows_panel("", "words", rows, [Mark("chance", 0.0)], axis=axis, keys=keys)
    assert panel.narrow is not None
    assert panel.narrow.width == NARROW < panel.canvas.width
    texts = [mark.text for mark in panel.narrow.marks if isinstance(mark, Label)]
    assert {row.label for row in rows} | {name for name, _ in keys} <= set(texts)
    assert axis in " ".join(texts)
    assert axis not in texts
    assert '<div class="narrow"><svg' in panel.__html__()
