"""Probes against scikit-learn, known signal and pure noise; axes point where ratings grow."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from bgs.errors import DataError
from bgs.evaluation.axes import angle_between, attribute_axes
from bgs.evaluation.probes import compare_probes, probe_attributes
from bgs.evaluation.ridge import Ridge

IDS = tuple(f"c{i}" for i in range(80))


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(80, 30)) * np.linspace(0.5, 5, 30) + 3
    valence = embeddings[:, 0] * 2 + rng.normal(size=80) * 0.3
    return embeddings, {"valence": valence, "noise": rng.normal(size=80)}


def test_ridge_is_scikit_learns(clips):
    embeddings, ratings = clips
    ridge = Ridge.of(embeddings[:60])
    target = ratings["valence"][:60, None]
    standardised = (embeddings - embeddings[:60].mean(axis=0)) / embeddings[:60].std(axis=0)
    kernel = standardised[:60] @ standardised[:60].T
    unit = np.trace(kernel) / 30  # mean of the eigenvalues that are not 0
    theirs = SklearnRidge(alpha=0.5 * unit).fit(standardised[:60], target[:, 0])
    ours = ridge.predict(embeddings[60:], target, np.array([0.5]))
    np.testing.assert_allclose(ours[:, 0], theirs.predict(standardised[60:]), atol=1e-8)


def test_the_penalty_is_chosen_by_leaving_one_out(clips):
    embeddings, ratings = clips
    matrix, target = embeddings[:20, :5], ratings["valence"][:20]
    ridge = Ridge.of(matrix)
    features, unit = ridge.features, ridge.values.mean()
    grid = (0.01, 1.0, 100.0)
    errors = []
    for alpha in grid:
        missed = []
        for left in range(20):
            rest = np.arange(20) != left
            model = SklearnRidge(alpha=alpha * unit).fit(features[rest], target[rest])
            missed.append((target[left] - model.predict(features[left : left + 1])[0]) ** 2)
        errors.append(np.sum(missed))
    # The closed form keeps the standardisation of all training clips, as this loop does.
    assert ridge.choose_alphas(target[:, None], alphas=grid)[0] == grid[int(np.argmin(errors))]


def test_signal_is_found_and_noise_is_not(clips):
    embeddings, ratings = clips
    scores = probe_attributes(embeddings, ratings, num_bootstrap=200)
    signal, noise = scores["valence"], scores["noise"]
    assert signal.r2 > 0.8
    assert signal.pearson > 0.9
    assert signal.p == pytest.approx(1 / 201)
    assert signal.r2_ci95[0] < signal.r2 < signal.r2_ci95[1]
    assert signal.pearson_ci95[0] < signal.pearson < signal.pearson_ci95[1]
    assert noise.r2 < 0.1
    assert noise.p > 0.05
    assert probe_attributes(embeddings, ratings, num_bootstrap=200)["valence"] == signal


def test_the_permutation_null_holds_its_level():
    rng = np.random.default_rng(1)
    ratings = {str(i): rng.normal(size=30) for i in range(300)}
    p = [
        score.p
        for score in probe_attributes(
            rng.normal(size=(30, 8)), ratings, num_bootstrap=0, num_permutations=99
        ).values()
    ]
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.07


def test_the_same_for_wide_and_rescaled_embeddings(clips):
    embeddings, ratings = clips
    options = dict(num_bootstrap=0, num_permutations=0)
    plain = probe_attributes(embeddings, ratings, **options)["valence"]
    scaled = probe_attributes(embeddings * 1000 + 5, ratings, **options)["valence"]
    padded = probe_attributes(np.pad(embeddings, ((0, 0), (0, 7))), ratings, **options)["valence"]
    assert scaled.r2 == pytest.approx(plain.r2)
    assert padded.r2 == pytest.approx(plain.r2)
    assert plain.p is None
    assert plain.r2_ci95 is None


def test_before_and_after(clips):
    embeddings, ratings = clips
    poor = embeddings + 8 * np.random.default_rng(3).normal(size=embeddings.shape)
    before, after = (probe_attributes(e, ratings, num_permutations=0) for e in (poor, embeddings))
    change = compare_probes(before["valence"], after["valence"])
    assert change.r2 == pytest.approx(after["valence"].r2 - before["valence"].r2)
    assert 0 < change.ci95[0] < change.r2 < change.ci95[1]
    with pytest.raises(
        DataError, match=r"^probes of 'valence' and 'noise' are not about the same ratings; "
    ):
        compare_probes(before["valence"], after["noise"])


def test_axes_point_where_ratings_grow(clips):
    embeddings, ratings = clips
    axes = attribute_axes(IDS, embeddings, {**ratings, "opposite": -ratings["valence"]}, num_ends=4)
    axis = axes["valence"]
    assert np.linalg.norm(axis.direction) == pytest.approx(1.0)
    assert np.corrcoef(axis.positions, ratings["valence"])[0, 1] > 0.9
    order = np.argsort(axis.positions)
    assert axis.lowest == tuple(IDS[i] for i in order[:4])
    assert axis.highest == tuple(IDS[i] for i in order[::-1][:4])
    assert axis.held_out_r2 > 0.8
    assert angle_between(axis, axes["opposite"]) == pytest.approx(180.0, abs=0.01)
    assert 30 < angle_between(axis, axes["noise"]) < 150


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "nan embedding",
            "the embedding in row 4 holds NaN or infinity; check the clip and the model's precision",
        ),
        ("constant", "all embeddings are the same; check that the model sees the clips"),
        ("few", "9 clips are too few for a probe with 5 folds; bring 10 or more"),
        ("flat", "embeddings have shape (80,); pass one row a clip"),
        ("short rating", "ratings 'valence' have shape (79,) for 80 clips; pass one rating a clip"),
        ("missing rating", "rating 'valence' of row 2 is missing; probe the clips that are rated"),
        (
            "constant rating",
            "ratings 'valence' are all 1; leave out an attribute that never varies",
        ),
        ("ids", "79 ids for 80 embeddings; pass one id a row"),
    ],
)
def test_what_cannot_be_probed(clips, change, message):
    embeddings, ratings = clips[0].copy(), clips[1]["valence"].copy()
    ids = IDS
    if change == "nan embedding":
        embeddings[4, 2] = np.nan
    elif change == "constant":
        embeddings[:] = 1.0
    elif change == "few":
        embeddings = embeddings[:9]
    elif change == "flat":
        embeddings = embeddings[:, 0]
    elif change == "short rating":
        ratings = ratings[:79]
    elif change == "missing rating":
        ratings[2] = np.nan
    elif change == "constant rating":
        ratings[:] = 1.0
    else:
        ids = IDS[:79]
    with pytest.raises(DataError) as caught:
        attribute_axes(ids, embeddings, {"valence": ratings})
    assert str(caught.value) == message
