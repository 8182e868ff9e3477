"""Changes over tuning runs and seeds: the interval covers a known truth, and the record says what it is over."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp

from experiments import social_degradation
from experiments.social_degradation import (
    check_encoders,
    crossed_interval,
    describe,
    name_encoders,
    summarise,
)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (4, 3)])
@pytest.mark.parametrize("spreads", [(1, 0, 0.3), (0, 1, 0.3), (1, 1, 0.3), (0.5, 0.5, 1)], ids=str)
def test_the_interval_covers_the_truth_whatever_varies(shape, spreads):
    """Tunings, seeds and the rest with known spreads around a mean of 2: 95 %, more where the rest is all there is."""
    tunings, seeds = shape
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        table = 2 + spreads[0] * rng.normal(size=(tunings, 1))
        table = table + spreads[1] * rng.normal(size=(1, seeds))
        low, high = crossed_interval(table + spreads[2] * rng.normal(size=shape))
        covered += low <= 2 <= high
    assert covered >= 0.92 * 400


def test_one_tuning_says_little_about_tunings():
    """What six seeds of one tuning give covers the mean over tunings rarely, where tunings differ."""
    rng = np.random.default_rng(2)
    one, several = 0, 0
    for _ in range(200):
        table = rng.normal(size=(4, 1)) + 0.3 * rng.normal(size=(4, 6))
        for rows in (1, 4):
            low, high = crossed_interval(table[:rows])
            if rows == 1:
                one += low <= 0 <= high
            else:
                several += low <= 0 <= high
    assert one < 0.4 * 200
    assert several >= 0.92 * 200


def test_by_hand():
    """Rows differ and nothing else does: Student's t over the rows, which are 1 and 3."""
    low, high = crossed_interval(np.array([[1.0, 1.0], [3.0, 3.0]]))
    assert (low, high) == (pytest.approx(2 - t.ppf(0.975, 1)), pytest.approx(2 + t.ppf(0.975, 1)))
    assert crossed_interval(np.full((3, 3), 0.5)) == (0.5, 0.5)
    assert crossed_interval(np.array([[0.5]])) is None


@pytest.mark.parametrize("turned", [False, True])
def test_with_one_of_either_it_is_students_t(turned):
    values = np.array([[0.1, 0.4, -0.2, 0.3, 0.0]])
    expected = ttest_1samp(values[0], 0).confidence_interval(0.95)
    found = crossed_interval(values.T if turned else values)
    assert found == pytest.approx((expected.low, expected.high))


def test_a_seed_without_a_value_is_left_out():
    changes = np.array([[0.1, np.nan, 0.3], [0.3, 0.2, 0.5]])
    found = describe(changes)
    assert found["change"] == pytest.approx(0.3)
    assert found["by_tuning"] == [[0.1, 0.3], [0.3, 0.5]]
    assert describe(np.full((2, 2), np.nan)) == {"change": None, "ci95": None, "by_tuning": []}


def results(*, base: float, tuned: tuple[float, ...], seed: int) -> dict[str, Any]:
    """A diagnosis in which every number follows from these scores."""
    measures = social_degradation.MEASURES
    labels = [f"tuned-{place}" for place in range(1, len(tuned) + 1)]
    return {
        "simulated": True,
        "encoders": [{"name": name} for name in ("base", *labels)],
        "tasks": [{"task": "lam", "kind": "label"}, {"task": "gazefollow", "kind": "point"}],
        "gaps": [
            {"encoder": label, "task": task, "first": base, "second": score, "difference": sign * (score - base)}
            for label, score in zip(labels, tuned, strict=True)
            for task, sign in (("lam", 1), ("gazefollow", -1))
        ],
        "compatibility": [
            {"encoder": name, "moments": [{"parts": {"overall": dict.fromkeys(measures, value)}}]}
            for name, value in zip(("base", *labels), (base, *tuned), strict=True)
        ],
        "protocol": {"score": "balanced accuracy"},
        "versions": {},
        "seed": seed,
    }  # fmt: skip


def test_the_record_says_what_was_found_and_what_over():
    found = {
        seed: results(base=0.5, tuned=(0.6 + seed / 100, 0.7 + seed / 100), seed=seed)
        for seed in range(3)
    }
    record = summarise(found, base="bgs-tiny")
    assert (record["tunings"], record["seeds"]) == (2, [0, 1, 2])
    assert record["tuned"].endswith("2 tuning runs, each with all seeds")
    assert "over tuning runs and seeds" in record["intervals"]
    lam = record["decodability"]["lam"]
    assert lam["by_tuning"] == [[0.1, 0.11, 0.12], [0.2, 0.21, 0.22]]
    assert lam["change"] == pytest.approx(0.16)
    assert lam["ci95"][0] < 0.1
    assert lam["ci95"][1] > 0.2  # two tunings say little
    assert record["decodability"]["gazefollow"]["change"] == pytest.approx(-0.16)
    assert record["decodability"]["mean of label tasks"] == lam
    assert record["decodability"]["base"]["lam"] == 0.5
    assert record["decodability"]["tuned"]["lam"] == pytest.approx(0.66)
    assert record["compatibility"]["cosine"]["by_tuning"] == lam["by_tuning"]
    one = summarise({0: found[0]}, base="bgs-tiny")
    assert one["intervals"] == "95 %, Student's t over tuning runs; not over seeds"


def test_finished_seeds_are_read_and_only_for_the_same_encoders(
    tmp_path: Path, monkeypatch, capsys
):
    asked = []

    def diagnose(encoders, *, out, request):
        asked.append((tuple(encoders), request.seed))
        found = results(base=0.5, tuned=(0.6, 0.55), seed=request.seed)
        out.mkdir(parents=True)
        (out / "results.json").write_text(json.dumps(found), encoding="utf-8")
        return found

    monkeypatch.setattr(social_degradation, "diagnose", diagnose)
    words = [
        "x",
        "--tuned",
        "runs/a",
        "runs/b",
        "--seeds",
        "0",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    words += ["--record", str(tmp_path / "record.json")]
    monkeypatch.setattr(sys, "argv", words)
    assert social_degradation.main() == 0
    encoders = ("base=bgs-tiny", "tuned-1=runs/a", "tuned-2=runs/b")
    assert asked == [(encoders, 0), (encoders, 1)]
    first = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert social_degradation.main() == 0
    assert len(asked) == 2
    assert json.loads((tmp_path / "record.json").read_text(encoding="utf-8")) == first
    capsys.readouterr()
    with pytest.raises(
        SystemExit, match="is about other encoders: choose another folder with --out"
    ):
        check_encoders(tmp_path / "out", name_encoders("bgs-tiny", ["runs/a", "runs/c"]))
    monkeypatch.setattr(sys, "argv", ["x", "--out", str(tmp_path / "new")])
    with pytest.raises(SystemExit, match="name the tuned runs: --tuned RUN RUN"):
        social_degradation.main()
