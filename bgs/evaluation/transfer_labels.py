"""Which label would people give this clip? Asked of an embedding with no fitted weight, and with a linear probe.

Conventions
-----------
- Neighbours: every clip takes the vote of its k nearest others in the model's RDM; nothing is fitted. Equal
  votes go to the label of the nearer neighbour.
- Probe: logistic regression on features standardised in the training clips, its penalty chosen there by
  cross-validated log loss. With a main set it is fitted once there and tested here; with one set alone
  it is cross-validated, stratified, several times over.
- The interval is Wilson's with as many trials as there are clips. Repeats of a cross-validation ask about the same
  clips again: they steady the mean and add no trial.
- p asks how often shuffled labels would be met as well. Chance is the share of the commonest label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold

from bgs.errors import DataError
from bgs.evaluation.bootstrap import QUANTILES, Interval, draw_clips
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NUM_NEIGHBOURS = 5
PENALTIES = (0.001, 0.01, 0.1, 1.0)  # C of the logistic regression: smaller is stricter
NUM_FOLDS, NUM_REPEATS, INNER_FOLDS = 5, 5, 3


@dataclass(frozen=True)
class LabelScore:
    """How often the label of a clip is found."""

    accuracy: float
    ci95: Interval
    p: float | None
    num_clips: int
    correct: FloatArray = field(repr=False, compare=False)  # (clips,) share of repeats

    @classmethod
    def of(cls, correct: FloatArray, *, p: float | None) -> LabelScore:
        """The score behind what was found of each clip."""
        return cls(
            accuracy=float(correct.mean()),
            ci95=wilson_interval(float(correct.sum()), len(correct)),
            p=p,
            num_clips=len(correct),
            correct=correct,
        )


def wilson_interval(hits: float, trials: int) -> Interval:
    """Wilson's 95 % interval of a share; `hits` may be a mean over repeats, and so no whole number."""
    z = float(ndtri(QUANTILES[1]))
    share = hits / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    reach = z / (1 + z**2 / trials)
    reach *= float(np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)))
    return (max(middle - reach, 0.0), min(middle + reach, 1.0))


def neighbour_score(
    model: RDM,
    labels: IntArray,
    *,
    num_neighbours: int = NUM_NEIGHBOURS,
    num_permutations: int = 1000,
    seed: int = 0,
) -> LabelScore:
    """Leave-one-out vote of the nearest clips of the model's RDM, `labels` in the order of its ids."""
    check_labels(labels, clips=len(model.ids))
    if not 1 <= num_neighbours < len(labels):
        raise DataError(
            f"{num_neighbours} neighbours among {len(labels)} clips",
            remedy=f"ask for 1 to {len(labels) - 1}",
        )
    distances = model.square()
    np.fill_diagonal(distances, np.inf)  # nobody is an own neighbour
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :num_neighbours]
    correct = _vote(labels, nearest) == labels
    p = None
    if num_permutations:
        rng = np.random.default_rng(seed)
        null = np.empty(num_permutations)
        for k in range(num_permutations):
            shuffled = rng.permutation(labels)
            null[k] = (_vote(shuffled, nearest) == shuffled).mean()
        p = float((1 + np.sum(null >= correct.mean() - 1e-12)) / (num_permutations + 1))
    return LabelScore.of(correct.astype(np.float64), p=p)


def _vote(labels: IntArray, nearest: IntArray) -> IntArray:
    votes = np.zeros((len(nearest), int(labels.max()) + 1))
    rows = np.arange(len(nearest))
    for place, column in enumerate(nearest.T):
        votes[rows, labels[column]] += 1 + 1e-3 * 0.5**place  # only ever decides between equals
    return np.asarray(votes.argmax(axis=1), dtype=np.int64)


def cross_validated_probe(
    matrix: FloatArray, labels: IntArray, *, num_repeats: int = NUM_REPEATS, seed: int = 0
) -> LabelScore:
    """A linear probe fitted on four fifths of the clips and asked about the rest, `num_repeats` times over."""
    check_labels(labels, clips=len(matrix))
    if not can_cross_validate(labels):
        raise DataError(
            f"a label has fewer than {NUM_FOLDS} clips",
            remedy=f"bring {NUM_FOLDS} clips a label or more, or fit the probe on another set",
        )
    folds = RepeatedStratifiedKFold(
        n_splits=NUM_FOLDS, n_repeats=num_repeats, random_state=seed % 2**32
    )
    correct = np.zeros(len(labels))
    for train, test in folds.split(matrix, labels):
        found = predict_labels(matrix[train], labels[train], matrix[test], seed=seed)
        correct[test] += found == labels[test]
    return LabelScore.of(correct / num_repeats, p=None)


def can_cross_validate(labels: IntArray) -> bool:
    """Whether every label has a clip for each fold."""
    return int(np.unique(labels, return_counts=True)[1].min()) >= NUM_FOLDS


def transferred_probe(
    main: FloatArray,
    main_labels: IntArray,
    matrix: FloatArray,
    labels: IntArray,
    *,
    num_permutations: int = 1000,
    seed: int = 0,
) -> LabelScore:
    """A linear probe fitted on the clips of `main` and asked about all of `matrix`: the published protocol."""
    check_labels(main_labels, clips=len(main))
    if main.shape[1] != matrix.shape[1]:
        raise DataError(
            f"embeddings of the main set are {main.shape[1]} wide, those tested {matrix.shape[1]}",
            remedy="embed both with one model",
        )
    found = predict_labels(main, main_labels, matrix, seed=seed)
    correct = found == labels
    rng = np.random.default_rng(seed)
    null = [(found == rng.permutation(labels)).mean() for _ in range(num_permutations)]
    p = None
    if num_permutations:
        p = float((1 + np.sum(np.array(null) >= correct.mean() - 1e-12)) / (num_permutations + 1))
    return LabelScore.of(correct.astype(np.float64), p=p)


def predict_labels(
    train: FloatArray, labels: IntArray, test: FloatArray, *, seed: int = 0
) -> IntArray:
    """What a logistic regression fitted on `train` says of `test`; its penalty is chosen inside `train`."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    scale = np.where(spread > 1e-12 * max(float(spread.max()), 1e-300), spread, np.inf)
    fitted, asked = (train - mean) / scale, (test - mean) / scale
    # An L2 penalty does not see directions without training clips: rotating them away changes nothing but the cost.
    _, size, axes = np.linalg.svd(fitted, full_matrices=False)
    axes = axes[size > 1e-10 * max(float(size[0]), 1e-300)]
    fitted, asked = fitted @ axes.T, asked @ axes.T
    chosen = _choose_penalty(fitted, labels, seed=seed)
    return np.asarray(_logistic(fitted, labels, penalty=chosen).predict(asked), dtype=np.int64)


def _choose_penalty(matrix: FloatArray, labels: IntArray, *, seed: int) -> float:
    """The strictest penalty among those with the least cross-validated log loss."""
    smallest = int(np.unique(labels, return_counts=True)[1].min())
    if smallest < 2:
        return PENALTIES[0]
    names = np.unique(labels)
    losses = np.zeros(len(PENALTIES))
    for train, test in _inner_folds(matrix, labels, smallest=smallest, seed=seed):
        for place, penalty in enumerate(PENALTIES):
            model = _logistic(matrix[train], labels[train], penalty=penalty)
            said = model.predict_proba(matrix[test])
            losses[place] += log_loss(labels[test], said, labels=names) * len(test)
    return PENALTIES[int(np.argmin(np.round(losses, 9)))]


def _inner_folds(
    matrix: FloatArray, labels: IntArray, *, smallest: int, seed: int
) -> Iterator[tuple[IntArray, IntArray]]:
    folds = StratifiedKFold(
        n_splits=min(INNER_FOLDS, smallest), shuffle=True, random_state=seed % 2**32
    )
    yield from folds.split(matrix, labels)


def _logistic(matrix: FloatArray, labels: IntArray, *, penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, max_iter=500, tol=1e-3).fit(matrix, labels)


def paired_change(
    before: LabelScore, after: LabelScore, *, num_bootstrap: int = 1000, seed: int = 0
) -> tuple[float, Interval | None]:
    """After minus before on the same clips, with its interval over clips."""
    change = after.correct - before.correct
    if num_bootstrap == 0:
        return float(change.mean()), None
    draws = draw_clips(len(change), num_bootstrap=num_bootstrap, seed=seed)
    low, high = np.quantile(change @ draws / len(change), QUANTILES)
    return float(change.mean()), (float(low), float(high))


def check_labels(labels: IntArray, *, clips: int) -> None:
    """One label a clip, and two labels or more."""
    if labels.shape != (clips,) or (labels < 0).any():
        raise DataError(
            f"labels have shape {labels.shape} for {clips} clips, or some clips have none",
            remedy="give every clip one label",
        )
    if len(np.unique(labels)) < 2:
        raise DataError("all clips have one label", remedy="bring two labels or more")
