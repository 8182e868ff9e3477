"""Probes on features whose content is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from bgs.errors import DataError
from bgs.fusion import decodability
from bgs.fusion.decodability import (
    Held,
    LayerProbes,
    ProbeResult,
    balance,
    compare_layers,
    compare_probes,
    probe_layers,
    probe_task,
    targets_of,
)
from bgs.fusion.example import Box, Example
from bgs.fusion.tasks import TASKS

LAM, GAZE = TASKS["lam"], TASKS["gazefollow"]
WHOLE = Box(0, 0, 1, 1)


def labelled(
    count: int, rng: np.random.Generator, *, share: float = 0.5, each: int = 1
) -> list[Example]:
    return [
        Example(
            str(k),
            (Path("x"),),
            (WHOLE,),
            group=str(k // each),
            label="yes" if rng.random() < share else "no",
        )
        for k in range(count)
    ]


def features_of(
    examples: list[Example], rng: np.random.Generator, *, signal: float, width: int = 20
):
    said = np.array([1.0 if example.label == "yes" else -1.0 for example in examples])
    noise = rng.normal(size=(len(examples), width))
    noise[:, 0] += signal * said
    return noise


def study(signal: float, *, seed: int = 0, share: float = 0.5, each: int = 1):
    rng = np.random.default_rng(seed)
    sizes = {"train": 400, "val": 200, "test": 600}
    examples = {
        split: labelled(count, rng, share=share, each=each) for split, count in sizes.items()
    }
    features = {split: features_of(found, rng, signal=signal) for split, found in examples.items()}
    return features, examples


def test_a_linear_signal_is_read_as_well_as_it_can_be():
    """One column with means -1 and 1 and noise of 1: the best possible accuracy is Phi(1) = .841."""
    features, examples = study(1.0)
    found = probe_task(LAM, features, examples)
    assert found.score == pytest.approx(0.841, abs=0.035)
    assert found.chance == pytest.approx(0.5, abs=0.06)


def test_without_a_signal_the_probe_is_at_chance():
    scores = [probe_task(LAM, *study(0.0, seed=seed)).score for seed in range(5)]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.03)


def test_rare_labels_are_not_given_up(monkeypatch):
    """With one label in ten, an unbalanced probe of a weak signal nearly always says the common one."""
    features, examples = study(1.0, share=0.1)
    rare = np.array([example.label == "yes" for example in examples["test"]])
    found = probe_task(LAM, features, examples, penalties=[1.0]).correct[rare].mean()
    monkeypatch.setattr(decodability, "balance", lambda targets: np.ones(len(targets)))
    given_up = probe_task(LAM, features, examples, penalties=[1.0]).correct[rare].mean()
    assert given_up < 0.3
    assert found > given_up + 0.3


def test_balance_by_hand():
    targets = np.array([[1, -1], [1, -1], [1, -1], [-1, 1]], dtype=float)
    np.testing.assert_allclose(balance(targets), [4 / 6, 4 / 6, 4 / 6, 2.0])
    assert balance(targets).mean() == pytest.approx(1.0)


def test_nothing_is_fitted_to_the_test_part():
    features, examples = study(0.5)
    whole = probe_task(LAM, features, examples)
    half = {split: found[:300] if split == "test" else found for split, found in features.items()}
    fewer = {split: found[:300] if split == "test" else found for split, found in examples.items()}
    part = probe_task(LAM, half, fewer)
    assert part.penalty == whole.penalty
    np.testing.assert_array_equal(part.correct, whole.correct[:300])


def looking(number: int, point: tuple[float, float]) -> Example:
    return Example(str(number), (Path("x"),), (WHOLE,), group=str(number), points=(point,))


def test_points_are_regressed_and_those_out_of_the_picture_left_out():
    rng = np.random.default_rng(0)
    examples, features = {}, {}
    for split, count in (("train", 200), ("val", 50), ("test", 100)):
        points = rng.uniform(0, 1, (count, 2))
        found = [looking(k, (x, y)) for k, (x, y) in enumerate(points)]
        found.append(Example("away", (Path("x"),), (WHOLE,), group="away", inside=False))
        examples[split] = found
        features[split] = np.vstack([np.hstack([points, points**2]), np.full(4, 99.0)])
    result = probe_task(GAZE, features, examples)
    assert len(result.correct) == 100
    assert result.score > -1e-3  # minus the mean distance
    # Always saying the middle of the square misses by .3826 on average.
    assert result.chance == pytest.approx(-0.3826, abs=0.03)


def test_several_raters_make_one_target():
    example = Example("a", (Path("x"),), (WHOLE,), group="a", points=((0.0, 0.0), (1.0, 0.5)))
    np.testing.assert_allclose(targets_of([example], GAZE), [[0.5, 0.25]])


def test_a_better_encoder_is_found_and_an_equal_one_is_not():
    features, examples = study(0.5)
    rng = np.random.default_rng(4)
    better = {split: features_of(found, rng, signal=1.5) for split, found in examples.items()}
    equal = {split: features_of(found, rng, signal=0.5) for split, found in examples.items()}
    first = probe_task(LAM, features, examples)
    gap = compare_probes(first, probe_task(LAM, better, examples))
    assert gap.ci95[0] > 0.1
    assert gap.p < 0.01
    none = compare_probes(first, probe_task(LAM, equal, examples))
    assert none.ci95[0] < 0 < none.ci95[1]
    assert none.p > 0.05
    assert gap.difference == pytest.approx(gap.second - gap.first)


def test_intervals_of_the_gap_are_over_groups():
    """Twenty examples of one person say little more than one: the interval must widen."""
    results = {}
    for each in (1, 20):
        features, examples = study(0.0, each=each)
        first = probe_task(LAM, features, examples)
        rng = np.random.default_rng(1)
        person = rng.choice([0.0, 1.0], size=600 // each + 1)
        codes = np.arange(600) // each
        second = type(first)(**{**first.__dict__, "correct": person[codes]})
        zero = type(first)(**{**first.__dict__, "correct": np.full(600, 0.5)})
        gap = compare_probes(zero, second)
        results[each] = gap.ci95[1] - gap.ci95[0]
    assert results[20] > 3 * results[1]


def test_the_sign_flip_holds_its_level():
    rejected = 0
    first = probe_task(LAM, *study(0.0), penalties=[1.0])
    for seed in range(200):
        rng = np.random.default_rng(seed)
        one = type(first)(**{**first.__dict__, "correct": rng.integers(0, 2, 600).astype(float)})
        two = type(first)(**{**first.__dict__, "correct": rng.integers(0, 2, 600).astype(float)})
        rejected += compare_probes(one, two, num_bootstrap=200, seed=seed).p < 0.05
    assert 3 <= rejected <= 18


def test_encoders_are_compared_on_the_same_examples():
    features, examples = study(0.0)
    first = probe_task(LAM, features, examples)
    other = probe_task(LAM, *study(0.0, each=2))
    with pytest.raises(DataError, match="two probes of different examples"):
        compare_probes(first, other)


def test_a_part_without_examples():
    features, examples = study(0.0)
    with pytest.raises(DataError, match="task 'lam' has no val example to probe"):
        probe_task(LAM, features, {**examples, "val": []})


def test_the_layer_is_chosen_on_validation_and_never_on_test():
    """One layer carries the signal everywhere but in the test part, the other in the test part more than elsewhere."""
    strong, examples = study(1.5)
    weak, _ = study(0.7)
    rng = np.random.default_rng(9)
    noise = rng.normal(size=strong["test"].shape)
    layers = {
        split: np.stack([weak[split], strong[split]]).astype(np.float32)
        for split in ("train", "val")
    }
    layers["test"] = np.stack([weak["test"], noise]).astype(np.float32)
    found = probe_layers(LAM, layers, examples)
    assert [result.layer for result in found.layers] == [1, 2]
    assert found.chosen.layer == 2
    assert (
        found.chosen.score < found.layers[0].score
    )  # what a choice on the test part would have taken


def test_of_equal_layers_the_earliest_is_chosen():
    features, examples = study(1.0)
    same = {split: np.stack([found, found]).astype(np.float32) for split, found in features.items()}
    assert probe_layers(LAM, same, examples).chosen.layer == 1


def test_a_probe_is_scored_by_labels_not_by_how_common_they_are():
    """Always saying the common label of nine in ten scores one half."""
    features, examples = study(0.0, share=0.1)
    result = probe_task(LAM, features, examples)
    always = type(result)(
        **{
            **result.__dict__,
            "correct": np.array([float(e.label == "no") for e in examples["test"]]),
        }
    )
    assert always.score == pytest.approx(0.5)
    assert result.chance == 0.5


def test_the_interval_of_a_score_holds_the_truth():
    inside = 0
    for seed in range(30):
        result = probe_task(LAM, *study(1.0, seed=seed), penalties=[1.0])
        low, high = result.interval(num_bootstrap=200)
        inside += low <= 0.83 <= high  # .841 at best, a little less after fitting
    assert inside >= 24


def layered(
    truth: np.ndarray, *, seed: int, held: int, tested: int, difficulty: np.random.Generator
) -> LayerProbes:
    """Probes of layers that are right as often as `truth` says, on examples that are hard or easy for all of them."""
    rng = np.random.default_rng([seed, 3])
    right = {}
    for split, count in (("held", held), ("tested", tested)):
        shared = difficulty.normal(size=count)
        own = rng.normal(size=(len(truth), count))
        right[split] = np.sqrt(0.3) * shared + np.sqrt(0.7) * own < norm.ppf(truth)[:, None]
    return LayerProbes(
        tuple(
            ProbeResult(
                task="x",
                layer=place + 1,
                penalty=1.0,
                validation=float(right["held"][place].mean()),
                correct=right["tested"][place].astype(float),
                weights=np.ones(tested),
                groups=tuple(map(str, range(tested))),
                chance=0.5,
                held=Held(
                    right["held"][place].astype(float), np.ones(held), tuple(map(str, range(held)))
                ),
            )
            for place in range(len(truth))
        )
    )


def two_encoders(truths, *, seed: int, held: int = 100, tested: int = 500):
    return [
        layered(
            truth, seed=2 * seed + place, held=held, tested=tested,
            difficulty=np.random.default_rng([seed, 11]),  # the same examples
        )
        for place, truth in enumerate(truths)
    ]  # fmt: skip


def expected_gap(truths, *, held: int = 100) -> float:
    """What the procedure shows on average: true scores of the layers that validation parts choose."""
    shown = []
    for seed in range(1500):
        sides = two_encoders(truths, seed=100_000 + seed, held=held, tested=1)
        first, second = (truth[side.place] for truth, side in zip(truths, sides, strict=True))
        shown.append(second - first)
    return float(np.mean(shown))


CLOSE = (np.linspace(0.55, 0.67, 12), np.linspace(0.70, 0.58, 12))


def test_the_interval_of_a_gap_includes_the_choice_of_layers():
    """Twelve layers whose validation scores are close: 95 % with the choice, far fewer for the layers as chosen."""
    truth = expected_gap(CLOSE)
    assert truth == pytest.approx(0.035, abs=0.01)
    covered = {"with": 0, "without": 0}
    for seed in range(200):
        first, second = two_encoders(CLOSE, seed=seed)
        gap = compare_layers(first, second, num_bootstrap=200, seed=seed)
        as_chosen = compare_probes(first.chosen, second.chosen, num_bootstrap=200, seed=seed)
        assert gap.difference == as_chosen.difference
        assert gap.p == as_chosen.p
        covered["with"] += gap.ci95[0] <= truth <= gap.ci95[1]
        covered["without"] += as_chosen.ci95[0] <= truth <= as_chosen.ci95[1]
    assert 184 <= covered["with"] <= 199
    assert covered["without"] <= 170


def test_layers_that_are_equally_good_cost_little():
    """It does not matter which is chosen, and the noise of their test scores is not counted twice."""
    truths = (np.full(6, 0.6), np.full(6, 0.65))
    widths, kept, covered = [], [], 0
    for seed in range(100):
        first, second = two_encoders(truths, seed=seed)
        gap = compare_layers(first, second, num_bootstrap=200, seed=seed)
        old = compare_probes(first.chosen, second.chosen, num_bootstrap=200, seed=seed)
        widths.append((gap.ci95[1] - gap.ci95[0]) / (old.ci95[1] - old.ci95[0]))
        covered += gap.ci95[0] <= 0.05 <= gap.ci95[1]
        kept.append(gap.kept_layers)
    assert np.mean(kept) < 0.5
    assert covered >= 90
    assert np.mean(widths) < 1.15


def test_a_clear_choice_changes_nothing():
    truths = (np.array([0.5, 0.9, 0.5]), np.array([0.5, 0.5, 0.95]))
    first, second = two_encoders(truths, seed=1)
    gap = compare_layers(first, second, num_bootstrap=200)
    assert gap.kept_layers == 1.0
    assert gap.ci95 == compare_probes(first.chosen, second.chosen, num_bootstrap=200).ci95


def test_an_encoder_compared_with_itself_differs_in_nothing():
    first, _ = two_encoders(CLOSE, seed=0)
    gap = compare_layers(first, first, num_bootstrap=200)
    assert gap.kept_layers < 1
    assert (gap.difference, gap.ci95, gap.p) == (0.0, (0.0, 0.0), 1.0)


def test_a_choice_counts_even_where_no_example_tells_the_chosen_apart():
    """The chosen layers are right on the same test examples; those nearly chosen are not."""
    first, second = two_encoders((np.array([0.6, 0.6]),) * 2, seed=2)
    alike = replace(second.chosen, correct=first.chosen.correct)
    layers = [replace(each, correct=np.zeros_like(each.correct)) for each in second.layers]
    layers[second.place] = alike
    gap = compare_layers(first, LayerProbes(tuple(layers)), num_bootstrap=200)
    assert gap.difference == 0
    assert gap.ci95[0] < -0.1
    assert gap.ci95[1] == pytest.approx(-gap.ci95[0])


def test_validation_scores_are_those_of_the_examples():
    features, examples = study(0.8, share=0.2, each=4)
    found = probe_task(LAM, features, examples)
    assert found.validation == pytest.approx(
        np.average(found.held.correct, weights=found.held.weights)
    )
    assert found.held.groups == tuple(example.group for example in examples["val"])
