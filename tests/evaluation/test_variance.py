"""Components add up, agree with least squares and closed forms, and their intervals cover the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression

from bgs.errors import DataError
from bgs.evaluation.rsa import correlate
from bgs.evaluation.variance import partial_r2, partition_variance
from bgs.rdm import RDM

NAMES = ("video", "language", "motion", "colour")


def _rdms(num_clips: int, *, seed: int, weights=(1.0, 1.0, 0.5, 0.0), noise=1.0):
    """Predictors are distances in their own spaces; people mix them."""
    rng = np.random.default_rng(seed)
    ids = tuple(f"c{i}" for i in range(num_clips))
    common = rng.normal(size=(num_clips, 3))
    models = {
        name: RDM.from_embeddings(ids, common * share + rng.normal(size=(num_clips, 3)))
        for name, share in zip(NAMES, (1.0, 1.0, 0.0, 0.0), strict=True)
    }
    mixed = sum(w * m.dissimilarities for w, m in zip(weights, models.values(), strict=True))
    human = mixed + noise * rng.normal(size=len(mixed))
    return models, RDM.from_condensed(ids, human)


@pytest.mark.parametrize("ranks", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_components_add_up_and_are_least_squares(ranks, count):
    models, human = _rdms(20, seed=0)
    models = dict(itertools.islice(models.items(), count))
    part = partition_variance(models, human, ranks=ranks, num_bootstrap=0, num_repeats=0)
    assert len(part.components) == 2**count - 1
    assert sum(c.r2 for c in part.components) == pytest.approx(part.total, abs=1e-10)
    columns = [m.dissimilarities for m in models.values()]
    target = human.dissimilarities
    if ranks:
        columns, target = [rankdata(c) for c in columns], rankdata(target)
    table = np.stack(columns, axis=1)
    full = LinearRegression().fit(table, target).score(table, target)
    assert part.total == pytest.approx(full, abs=1e-10)
    if count > 1:
        rest = LinearRegression().fit(table[:, 1:], target).score(table[:, 1:], target)
        assert part.component("video").r2 == pytest.approx(full - rest, abs=1e-10)
    assert part.on == ("ranks" if ranks else "raw")


def test_unique_and_shared_of_two_as_published():
    models, human = _rdms(24, seed=1)
    two = {name: models[name] for name in ("video", "language")}
    part = partition_variance(two, human, num_bootstrap=100)
    r2 = {name: correlate(model, human) ** 2 for name, model in two.items()}
    unique, shared = part.component("video").r2, part.component("language", "video").r2
    assert unique + shared == pytest.approx(r2["video"])
    assert part.component("language").r2 + shared == pytest.approx(r2["language"])
    for component in part.components:
        assert component.ci95[0] < component.r2 < component.ci95[1]
    assert [row["kind"] for row in part.to_records()] == ["unique", "unique", "shared"]
    assert part.to_records()[2]["component"] == "video & language"


def test_held_out_clips_do_not_reward_useless_predictors():
    useless, total = [], []
    for seed in range(15):
        models, human = _rdms(20, seed=seed, weights=(1.0, 0.0, 0.0, 0.0))
        part = partition_variance(models, human, num_bootstrap=0, num_repeats=4, seed=seed)
        total.append((part.total, part.total_cross_validated))
        useless.append((part.component("colour").r2, part.component("colour").cross_validated))
    in_sample, held_out = np.mean(useless, axis=0)
    assert in_sample > 0
    assert held_out <= 0
    assert np.mean(total, axis=0)[1] < np.mean(total, axis=0)[0]


def test_cross_validated_components_add_up():
    models, human = _rdms(24, seed=2)
    part = partition_variance(models, human, num_bootstrap=0, num_repeats=2)
    total = sum(c.cross_validated for c in part.components)
    assert total == pytest.approx(part.total_cross_validated, abs=1e-10)


def test_intervals_cover_the_truth():
    two = lambda models: {name: models[name] for name in ("video", "motion")}  # noqa: E731
    large = [_rdms(150, seed=5000 + s) for s in range(20)]
    truth = np.mean(
        [
            partition_variance(two(m), h, num_bootstrap=0, num_repeats=0).component("video").r2
            for m, h in large
        ]
    )
    covered = 0
    for seed in range(200):
        models, human = _rdms(30, seed=seed)
        part = partition_variance(two(models), human, num_bootstrap=100, num_repeats=0, seed=seed)
        low, high = part.component("video").ci95
        covered += low <= truth <= high
    assert 180 <= covered <= 196


def test_identical_predictors_share_everything():
    models, human = _rdms(20, seed=3)
    part = partition_variance(
        {"one": models["video"], "two": models["video"]}, human, num_bootstrap=0, num_repeats=0
    )
    assert part.component("one").r2 == pytest.approx(0, abs=1e-9)
    assert part.component("one", "two").r2 == pytest.approx(part.total, abs=1e-9)


def test_partial_r2_in_closed_form():
    models, human = _rdms(24, seed=4)
    first, second = models["video"], models["language"]
    r1, r2, r12 = correlate(first, human), correlate(second, human), correlate(first, second)
    expected = (r1 - r2 * r12) ** 2 / ((1 - r2**2) * (1 - r12**2))
    assert partial_r2(first, human, given=second) == pytest.approx(expected, abs=1e-10)
    assert partial_r2(first, human, given=[first]) == pytest.approx(0, abs=1e-10)
    assert partial_r2(first, human, given=human) == 0.0


def test_what_cannot_be_partitioned():
    models, human = _rdms(14, seed=5)
    five = {**models, "fifth": models["video"]}
    cases = {
        "5 predictors cannot be partitioned; pass 1 to 4": lambda: partition_variance(five, human),
        "14 clips are too few for 5 folds of pairs; bring 15 clips, use fewer folds, or num_repeats=0": (
            lambda: partition_variance(models, human)
        ),
        "a partial R2 needs something to be partial to; use rsa for one model alone": (
            lambda: partial_r2(human, human, given=[])
        ),
        "no component of ('sound',); choose among video, language, motion, colour": (
            lambda: partition_variance(models, human, num_bootstrap=0, num_repeats=0).component(
                "sound"
            )
        ),
    }
    for message, call in cases.items():
        with pytest.raises(DataError) as caught:
            call()
        assert str(caught.value) == message
