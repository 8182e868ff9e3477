from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from bgs.reports.record import RunRecord
from bgs.reports.scales import Scale, format_tick, nice_ticks, spread_apart
from bgs.reports.summary import (
    as_interval,
    format_count,
    format_interval,
    format_percent,
    format_share,
    score_rows,
    summarise,
)
from bgs.reports.terminal import print_results, print_table


def results_with(ci: list[float] | None, *, simulated: bool = False) -> dict[str, Any]:
    return {
        "simulated": simulated,
        "before": {"model": "m", "rsa": {"r2": 0.1}, "n_clips": 60},
        "after": {"model": "m", "rsa": {"r2": 0.25}, "n_clips": 60},
        "difference": {"r2": 0.15, "ci95": ci},
        "ceiling": {"paper": {"r2": 0.4}},
    }


@pytest.mark.parametrize(
    ("ci", "verdict"),
    [
        ([0.1, 0.2], "supervision re-organised the features towards the judgments."),
        (
            [-0.02, 0.2],
            "the interval includes 0, so these clips do not show that tuning changed the agreement.",
        ),
        (
            [0.0, 0.2],
            "the interval includes 0, so these clips do not show that tuning changed the agreement.",
        ),
        ([-0.2, -0.1], "tuning moved the features away from the judgments."),
    ],
)
def test_the_summary_claims_what_the_interval_allows(ci: list[float], verdict: str) -> None:
    assert summarise(results_with(ci)) == (
        "On 60 held-out clips, agreement with people went from R² .100 to .250 with tuning, a difference of .150 "
        f"with a 95 % interval of {format_interval(as_interval(ci))}: {verdict} For scale: split-half ceiling .400."
    )


def test_the_summary_names_what_was_not_beaten() -> None:
    results = results_with([0.1, 0.2]) | {
        "comparisons": [
            {"from": "untuned", "ci95": [-0.1, 0.2]},
            {"from": "head only", "ci95": [-0.1, 0.2]},
            {"from": "shuffled", "ci95": [0.1, 0.2]},
            {"from": "captions", "ci95": [-0.3, -0.2]},
            {"from": "unknown", "ci95": None},
        ]
    }
    assert (
        " judgments. The tuned model is not shown to beat head only or captions. For scale"
        in summarise(results)
    )
    results["comparisons"] = results["comparisons"][:2]
    assert "The tuned model is not shown to beat head only." in summarise(results)


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
    assert "split-half ceiling: R² .480 [.430, .530]" in lines


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
