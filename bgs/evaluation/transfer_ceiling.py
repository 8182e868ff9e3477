"""How well could anything do? What one half of the raters says of the other half, and one rater of the rest.

Conventions
-----------
- Only counts are known, not who said what, so halves are drawn clip by clip without replacement: hypergeometric.
- `accuracy`: how often the commonest label of one half is that of the other; ties share. Half a crowd is less sure
  than the whole, so a model scored against all raters may do somewhat better.
- `one_rater`: how often a single person names what most of the others do, over all ratings: exact, no sampling.
- `odd_one_out`: triads that are clear to one half, answered by the geometry of the other.
- `spearman`: of the two halves' geometries. `max_model` is the most a perfect model could reach against all
  raters, the root of the reliability of the whole (Spearman-Brown). R2 is its square.
- Standard errors are over clips (jackknife), for other clips like these; splits are many enough not to matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import MIN_CLIPS, correlations_without, jackknife_variance
from bgs.evaluation.correlation import Variable, influence, weighted_correlation
from bgs.evaluation.transfer_ratings import (
    NO_MAJORITY,
    RatedClips,
    jensen_shannon,
    majority_of,
    rating_geometry,
    smoothed_shares,
)
from bgs.evaluation.transfer_triads import CLEAR_LEAD, clear_triads, triad_scores

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_JACKKNIFED = 20  # splits behind a standard error
_ASKED = 20  # splits behind the ceiling of odd-one-out


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error over clips."""

    value: float
    se: float


@dataclass(frozen=True)
class TransferCeiling:
    """People on people."""

    accuracy: Estimate
    one_rater: Estimate
    odd_one_out: float | None  # None where half of the raters leave no triad clear
    spearman: Estimate
    max_model: float
    num_splits: int

    def to_dict(self) -> dict[str, object]:
        """Plain values for results.json."""
        return {
            "accuracy": self.accuracy.value,
            "accuracy_se": self.accuracy.se,
            "one_rater": self.one_rater.value,
            "one_rater_se": self.one_rater.se,
            "odd_one_out": self.odd_one_out,
            "split_half_spearman": self.spearman.value,
            "split_half_spearman_se": self.spearman.se,
            "max_model_spearman": self.max_model,
            "max_model_r2": self.max_model**2,
            "num_splits": self.num_splits,
        }


def rater_ceiling(
    rated: RatedClips, *, num_splits: int = 200, min_lead: float = CLEAR_LEAD, seed: int = 0
) -> TransferCeiling:
    """Split-half agreement of the raters of these clips."""
    if len(rated) < MIN_CLIPS:
        raise DataError(
            f"{len(rated)} clips are too few for a ceiling", remedy=f"bring {MIN_CLIPS} or more"
        )
    halves = split_votes(rated, num_splits=num_splits, seed=seed)
    labelled = rated.majority != NO_MAJORITY
    agree = _agreement(halves[0], halves[1]).mean(axis=0)[labelled]
    single = _one_rater(rated.counts)[labelled]
    spearman = _split_half_spearman(halves)
    whole = max(2 * spearman.value / (1 + spearman.value), 0.0)
    return TransferCeiling(
        accuracy=_mean(agree),
        one_rater=_mean(single),
        odd_one_out=_odd_one_out(rated, halves, min_lead=min_lead, seed=seed),
        spearman=spearman,
        max_model=float(np.sqrt(whole)),
        num_splits=num_splits,
    )


def split_votes(rated: RatedClips, *, num_splits: int, seed: int) -> tuple[IntArray, IntArray]:
    """Both halves of every clip's votes, each (splits, clips, labels); of an odd number the first has one less."""
    people = rated.counts.sum(axis=1)
    if people.min() < 2:
        raise DataError(
            f"clip {rated.ids[int(np.argmin(people))]!r} was rated once",
            remedy="halves of raters need two ratings a clip or more",
        )
    rng = np.random.default_rng(seed)
    first = np.stack(
        [
            rng.multivariate_hypergeometric(votes, int(votes.sum()) // 2, size=num_splits)
            for votes in rated.counts
        ],
        axis=1,
    )  # (splits, clips, labels)
    return first, rated.counts - first


def _agreement(first: IntArray, second: IntArray) -> FloatArray:
    """Chance that both halves name the same label when each settles its ties by lot: (splits, clips)."""
    says = [votes == votes.max(axis=-1, keepdims=True) for votes in (first, second)]
    shares = [named / named.sum(axis=-1, keepdims=True) for named in says]
    return np.asarray((shares[0] * shares[1]).sum(axis=-1))


def _one_rater(counts: IntArray) -> FloatArray:
    """Expected share of a clip's raters who name what most of the others do: (clips,)."""
    found = np.zeros(len(counts))
    for label in range(counts.shape[1]):
        others = counts - np.eye(counts.shape[1], dtype=np.int64)[label]
        top = others == others.max(axis=1, keepdims=True)
        found += counts[:, label] * top[:, label] / top.sum(axis=1)
    return found / counts.sum(axis=1)


def _split_half_spearman(halves: tuple[IntArray, IntArray]) -> Estimate:
    rows, columns = np.triu_indices(halves[0].shape[1], k=1)
    members = np.stack([rows, columns], axis=1)
    clips = halves[0].shape[1]
    values, deviations, pulls = [], [], []
    for place, pair in enumerate(zip(*halves, strict=True)):
        one, two = (jensen_shannon(smoothed_shares(votes)) for votes in pair)
        sides = Variable(one), Variable(two)
        value = float(weighted_correlation(*sides, np.ones((len(one), 1)))[0])
        values.append(value)
        if place < _JACKKNIFED:
            without = correlations_without([one], two, members=members, num_clips=clips)[0]
            deviations.append(without - value)
            pulls.append(influence(*sides))
    # Clips are the same in every split, so what leaving one out changes is averaged before it is squared.
    variance = jackknife_variance(np.mean(deviations, axis=0), np.mean(pulls, axis=0))
    return Estimate(float(np.mean(values)), float(np.sqrt(variance)))


def _odd_one_out(
    rated: RatedClips, halves: tuple[IntArray, IntArray], *, min_lead: float, seed: int
) -> float | None:
    scores = []
    for first, second in zip(halves[0][:_ASKED], halves[1][:_ASKED], strict=True):
        if (majority_of(second) == NO_MAJORITY).all():
            continue
        asking = RatedClips(rated.ids, rated.labels, second)
        try:
            triads = clear_triads(asking, min_lead=min_lead, seed=seed)
        except DataError:
            continue  # this half leaves nothing clear
        answering = rating_geometry(RatedClips(rated.ids, rated.labels, first))
        scores.append(float(triad_scores(answering, triads).mean()))
    return float(np.mean(scores)) if scores else None


def _mean(values: FloatArray) -> Estimate:
    if len(values) < 2:
        raise DataError(
            f"{len(values)} clips have a commonest label",
            remedy="bring clips that most people agree on",
        )
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))
