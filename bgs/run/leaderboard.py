"""Several models on the same held-out clips: an order, letters for what cannot be told apart, every pair compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bgs.evaluation.leaderboard import Leaderboard, rank_models
from bgs.evaluation.resampled import Resampled
from bgs.run.results import Candidate
from bgs.run.study import Study

COEFFICIENTS = {
    "kendall_tau_a": "tau-a",
    "pearson": "Pearson",
    "spearman_count_weighted": "weighted Spearman",
    "pearson_count_weighted": "weighted Pearson",
}


def rank_candidates(
    study: Study,
    candidates: Sequence[Candidate],
    *,
    num_bootstrap: int,
    num_permutations: int = 1000,
    seed: int = 0,
    resampled: Resampled | None = None,
) -> Leaderboard:
    """All candidates on the study's held-out pairs, over one set of resampled clips, drawn here if not before."""
    return rank_models(
        {candidate.name: candidate.rdm for candidate in candidates},
        study.test_geometry,
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        seed=seed,
        resampled=resampled,
    )


def leaderboard_records(
    board: Leaderboard, blocks: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One flat record a model, best first; odd-one-out and share of the ceilings from its block."""
    of_model = {block["model"]: block for block in blocks}
    return [
        {
            "model": row.model,
            "letters": row.letters,
            "spearman": row.spearman,
            "r2": row.r2,
            "ci95": list(row.ci95),
            "p": row.p,
            "two_way": of_model[row.model]["odd_one_out"]["two_way"],
            "three_way": of_model[row.model]["odd_one_out"]["three_way"],
            "share_of_ceiling": of_model[row.model]["protocol"]["share_of_ceiling"],
        }
        for row in board.rows
    ]


def comparison_records(board: Leaderboard) -> list[dict[str, Any]]:
    """One record a pair of models: how much more R2 `to` has than `from`, and Holm's p."""
    return [
        {
            "from": pair.worse,
            "to": pair.better,
            "r2": pair.r2,
            "ci95": list(pair.ci95),
            "p": pair.p,
            "p_holm": pair.p_holm,
        }
        for pair in board.differences
    ]


def terminal_rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The leaderboard as a table: who cannot be told apart, and how far each is behind the best."""
    board = results["leaderboard"]
    best = board[0]["model"]
    behind = {pair["from"]: pair for pair in results["comparisons"] if pair["to"] == best}
    rows = []
    for place, row in enumerate(board, start=1):
        pair = behind.get(row["model"], {})
        rows.append(
            {
                "rank": place,
                "model": row["model"],
                "alike": row["letters"],
                "p (chance)": row["p"],
                "R2 behind best": pair.get("r2"),
                "95 % CI": pair.get("ci95"),
                "p (Holm)": pair.get("p_holm"),
            }
        )
    return rows


def correlation_rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The other coefficients that `also` asked for with their intervals, a row a model."""
    rows = []
    for block in results["models"]:
        also, intervals = block["rsa"].get("also", {}), block["rsa"].get("also_ci95", {})
        row = {"model": block["model"]}
        for name, value in also.items():
            row |= {COEFFICIENTS[name]: value, f"{COEFFICIENTS[name]} CI": intervals[name]}
        rows += [row] if also else []
    return rows


def further_rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What else `also` asked for, a row a model; nothing where it did not."""
    rows = []
    for block in results["models"]:
        if "also" not in block["rsa"]:
            continue
        likelihood = block["odd_one_out"]["log_likelihood"] or {}
        share = block["protocol"]["share_of_ceiling"]
        rows.append(
            {
                "model": block["model"],
                "of split-half": share.get("paper"),
                "of bound": share.get("max_model"),
                "2-way, one anchor": block["protocol"]["two_way_paper"],
                "log-likelihood": likelihood.get("mean"),
                "its CI": likelihood.get("ci95"),
                "calibration error": likelihood.get("expected_calibration_error"),
            }
        )
    return rows


def agreement_rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Three-way accuracy by how many people agree about a triad, a row a model; only where `also` asked for it."""
    rows = []
    for block in results["models"]:
        bins = block["odd_one_out"].get("by_agreement") or []
        row = {"model": block["model"]}
        row |= {f"{part['low']:.0%}-{part['high']:.0%} agree": part["three_way"] for part in bins}
        rows += [row] if bins else []
    return rows
