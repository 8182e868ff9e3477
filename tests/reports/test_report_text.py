from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from bgs.reports.numbers import (
    as_interval,
    format_count,
    format_interval,
    format_percent,
    format_share,
    polish_note,
)
from bgs.reports.record import RunRecord
from bgs.reports.rows import score_rows
from bgs.reports.scales import Scale, format_tick, nice_ticks, spread_apart
from bgs.reports.summary import read_interval, summarise
from bgs.reports.terminal import print_results, print_table


def results_with(ci: list[float] | None, *, simulated: bool = False) -> dict[str, Any]:
    return {
        "simulated": simulated,
        "before": {"model": "m", "rsa": {"r2": 0.1}, "n_clips": 60},
        "after": {"model": "m", "rsa": {"r2": 0.25}, "n_clips": 60},
        "difference": {"r2": 0.15, "ci95": ci},
        "ceiling": {"paper": {"r2": 0.4}},
    }


UNDECIDED = "the interval includes 0, so these clips do not show that tuning changed the agreement."


@pytest.mark.parametrize(
    ("ci", "verdict"),
    [
        (
            [0.1, 0.2],
            "tuning raised the agreement. Without the control 'head only' beside it, none of the gain "
            "can be credited to adapters.",
        ),
        ([-0.02, 0.2], UNDECIDED),
        ([0.0, 0.2], UNDECIDED),
        ([-0.2, -0.1], "tuning moved the features away from the judgments."),
    ],
)
def test_the_summary_claims_what_the_interval_allows(ci: list[float], verdict: str) -> None:
    assert summarise(results_with(ci)) == (
        "On 60 held-out clips, agreement with people went from R² .100 to .250 with tuning, a difference of .150 "
        f"with a 95 % interval of {format_interval(as_interval(ci))}: {verdict} For scale: split-half ceiling .400."
    )


def compared(*rivals: tuple[str, float | None, list[float] | None]) -> list[dict[str, Any]]:
    rows = [("m", 0.15, [0.1, 0.2]), *rivals]
    return [{"from": name, "r2": r2, "ci95": ci} for name, r2, ci in rows]


ABOVE = ("head only", 0.04, [0.01, 0.07])
LEVEL = ("head only", 0.001, [-0.022, 0.022])
BELOW = ("head only", -0.03, [-0.058, -0.005])


@pytest.mark.parametrize(
    ("rivals", "verdict"),
    [
        (
            [ABOVE],
            "supervision re-organised the features towards the judgments, beyond what head only gains, "
            "by .040 [.010, .070].",
        ),
        (
            [LEVEL],
            "tuning raised the agreement. But it is not shown to differ from head only, difference "
            ".001 [−.022, .022]: as far as these clips show, the gain is the head's.",
        ),
        (
            [BELOW],
            "tuning raised the agreement. But head only does better, by .030 [.005, .058]: what tuning "
            "gained here is not the adapters'; as far as these clips show, the gain is the head's.",
        ),
        (
            [
                ABOVE,
                ("shuffled", 0.2, [0.1, 0.3]),
                ("captions", -0.25, [-0.3, -0.2]),
                ("words", 0.02, [-0.1, 0.1]),
                ("motion", 0.0, [0.0, 0.1]),
                ("unknown", 0.1, None),
            ],
            "supervision re-organised the features towards the judgments, beyond what head only gains, "
            "by .040 [.010, .070]. The tuned model does worse than captions, by .250 [.200, .300]. "
            "The tuned model is not shown to differ from words or motion.",
        ),
        (
            [
                ("captions", -0.25, [-0.3, -0.2]),
                BELOW,
                ("words", -0.1, [-0.2, -0.05]),
                ("motion", None, [-0.3, -0.1]),
            ],
            "tuning raised the agreement. But head only does better, by .030 [.005, .058]: what tuning "
            "gained here is not the adapters'; as far as these clips show, the gain is the head's. "
            "The tuned model does worse than captions, by .250 [.200, .300]; than words, by "
            ".100 [.050, .200]; and than motion, by [.100, .300].",
        ),
    ],
    ids=["above", "includes 0", "wholly below", "several, above", "several, below"],
)
def test_the_verdict_gives_the_credit_where_the_numbers_do(
    rivals: list[tuple[str, float | None, list[float] | None]], verdict: str
) -> None:
    results = results_with([0.1, 0.2]) | {"comparisons": compared(*rivals)}
    sentence = (
        "On 60 held-out clips, agreement with people went from R² .100 to .250 with tuning, a difference of "
        f".150 with a 95 % interval of [.100, .200]: {verdict} For scale: split-half ceiling .400."
    )
    assert summarise(results) == sentence
    target, text = console()
    print_results(results, console=target)
    assert " ".join(text.getvalue().split()).endswith(sentence)


def test_where_tuning_is_not_shown_to_gain_the_head_is_one_control_of_several() -> None:
    results = results_with([-0.1, 0.2]) | {"comparisons": compared(BELOW)}
    assert f"{UNDECIDED} The tuned model does worse than head only, by .030 [.005, .058]. For" in (
        summarise(results)
    )


@pytest.mark.parametrize(
    ("ci", "reading"),
    [
        (None, "no interval"),
        ((0.1, 0.2), "above 0: tuned does better"),
        ((0.0, 0.2), "includes 0: not shown to differ"),
        ((-0.2, -0.1), "below 0: tuned does worse"),
    ],
)
def test_intervals_of_differences_are_read_out(
    ci: tuple[float, float] | None, reading: str
) -> None:
    assert read_interval(ci) == reading


def test_notes_print_r2_as_everywhere_else() -> None:
    assert polish_note("partial R2 given the other variables 0.155") == (
        "partial R² given the other variables .155"
    )
    assert polish_note("R2 -0.02; rate 0.001, R2") == "R² −.020; rate 0.001, R²"


def test_without_an_interval_nothing_is_claimed() -> None:
    assert summarise(results_with(None)) == (
        "On 60 held-out clips, agreement with people went from R² .100 to .250 with tuning, a difference of .150 "
        "without an interval. For scale: split-half ceiling .400."
    )


def test_simulated_participants_are_never_called_people() -> None:
    text = summarise(results_with([0.1, 0.2], simulated=True))
    assert "agreement with simulated participants" in text
    assert "people" not in text


def test_scores_without_tuning_name_the_best_model() -> None:
    blocks = [
        {"model": "a", "rsa": {"r2": 0.1}},
        {"model": "b", "rsa": {"r2": 0.2, "ci95": [0.1, 0.3]}},
        {"model": "c"},
    ]
    assert summarise({"models": blocks}) == (
        "Of 2 models, b agrees best with people: R² .200, 95 % interval [.100, .300]."
    )
    assert summarise({"models": blocks[:1]}) == "a agrees with people at R² .100."
    assert summarise({}) == "No model was scored in this run."


def test_a_block_alone_knows_its_ceiling_and_who_judged() -> None:
    block = {
        "model": "m",
        "rsa": {"r2": 0.1},
        "ceiling": {"max_model": {"r2": 0.5}},
        "protocol": {"participants": "simulated"},
    }
    text = "m agrees with simulated participants at R² .100. For scale: bound for a perfect model .500."
    assert summarise(block) == text
    assert summarise({"models": [block]}) == text


def test_rows_come_from_models_else_from_before_and_after_else_from_the_results() -> None:
    block = {"model": "m", "rsa": {"r2": 0.1}}
    assert [row.label for row in score_rows({"models": [block | {"label": "nice"}]})] == ["nice"]
    assert [row.label for row in score_rows({"before": block, "after": block})] == ["m", "m"]
    assert [row.r2 for row in score_rows(block)] == [0.1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2468, ".247"),
        (-0.031, "−.031"),
        (0.0, ".000"),
        (-0.0001, ".000"),
        (1.0, "1.000"),
        (None, "–"),
    ],
)
def test_shares(value: float | None, text: str) -> None:
    assert format_share(value) == text


def test_other_numbers() -> None:
    assert format_percent(0.5482) == "54.8"
    assert format_percent(None) == "–"
    assert format_interval((-0.01, 0.2), digits=2) == "[−.01, .20]"
    assert format_interval(as_interval([None, 0.2])) == "–"
    assert format_count(1234567) == "1\u202f234\u202f567"
    assert format_count(-200) == "−200"


def test_ticks_are_round_and_cover_the_values() -> None:
    assert nice_ticks(0.0, 0.52) == pytest.approx([0, 0.2, 0.4, 0.6])
    assert nice_ticks(-0.03, 0.11) == pytest.approx([-0.05, 0, 0.05, 0.1, 0.15])
    assert nice_ticks(3.0, 3.0) == [3.0]
    ticks = nice_ticks(-0.4, 0.5)
    assert [format_tick(tick, ticks) for tick in ticks] == ["−.5", "0", ".5"]
    assert [format_tick(tick, [0, 50, 100]) for tick in (0, 50, 100)] == ["0", "50", "100"]
    assert [format_tick(tick, [tick]) for tick in (0.5, -0.125, 20, 0)] == [
        ".5",
        "−.125",
        "20",
        "0",
    ]


def test_scales_and_labels() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale(0), scale(5), *scale.many([10])] == [100, 150, 200]
    assert Scale(1, 1, 0, 10)(1) == 5
    moved = spread_apart([10, 11, 50], gap=13)
    assert moved[1] - moved[0] == pytest.approx(13)
    assert sum(moved) == pytest.approx(71)
    assert spread_apart([], gap=1) == []


def console() -> tuple[Console, StringIO]:
    text = StringIO()
    return Console(file=text, width=120, color_system=None), text


def test_the_terminal_says_simulated_first_and_shows_every_model(record: RunRecord) -> None:
    target, text = console()
    print_results(record.results, console=target)
    lines = text.getvalue().splitlines()
    assert lines[0] == "Simulated data: the judgments come from simulated participants."
    for block in record.results["models"]:
        assert any(block["model"] in line for line in lines)
    row = next(line for line in lines if "bgs-tiny (tuned)" in line)
    assert row.split()[2:] == [".248", "[.188,", ".308]", ".498", "71.8", "54.8"]
    assert "split-half ceiling (paper): R² .480 [.430, .530]" in lines
    assert "bound for a perfect model (max_model): R² .620 [.570, .660]" in lines


def test_markup_in_names_is_printed_as_it_is() -> None:
    target, text = console()
    print_table(
        [{"model": "[bold]x[/bold]", "n": 1}, {"model": None, "n": 2.5, "ok": True}],
        title="[a]",
        console=target,
    )
    assert "[bold]x[/bold]" in text.getvalue()
    assert "[a]" in text.getvalue()
    assert text.getvalue().splitlines()[-2].split() == ["–", "2.500", "yes"]


def test_a_negative_correlation_is_no_agreement_however_large_its_square():
    """R² has no sign: -.05 to -.60 is not a gain."""
    results = results_with([0.2, 0.5])
    for place, value in (("before", -0.05), ("after", -0.6)):
        results[place]["rsa"] = {"spearman": value, "r2": value**2}
    text = summarise(results)
    assert "a correlation is negative (Spearman −.050 before and −.600 after)" in text
    assert "raised" not in text
