"""Correlations between two RDMs, pair by pair, and what each pair contributes to them.

Conventions
-----------
- Only pairs observed in the human RDM count. The model's RDM is matched to it by clip id: it may
  know more clips, never fewer.
- Ranks are mid-ranks: tied dissimilarities share the mean of the ranks they would have had.
- A weight says how many times a pair is in the sample. Whole weights give exactly what copying the
  pair that many times would give, so a bootstrap sample is a vector of weights and nothing is
  copied.
- Kendall's coefficient is tau-a: concordant minus discordant over all pairs of pairs, ties counting
  0. It does not reward a model for predicting ties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Method = Literal["spearman", "pearson", "kendall"]
METHODS: tuple[Method, ...] = ("spearman", "pearson", "kendall")
MIN_PAIRS = 3


@dataclass(frozen=True, repr=False)
class PairTable:
    """The pairs of clips people judged, with what people and a model say about each."""

    ids: tuple[str, ...]
    members: IntArray  # (pairs, 2) positions in `ids`
    model: FloatArray  # (pairs,)
    human: FloatArray  # (pairs,)
    counts: FloatArray  # (pairs,) judgments behind each human dissimilarity

    @property
    def num_pairs(self) -> int:
        """How many pairs are compared."""
        return len(self.human)

    def __repr__(self) -> str:
        return f"PairTable({len(self.ids)} clips, {self.num_pairs} observed pairs)"


def observed_pairs(model: RDM, human: RDM) -> PairTable:
    """Model and human dissimilarities of every pair the human RDM observed, matched by clip id."""
    matched = model.restrict(human.ids)
    rows, columns = np.triu_indices(len(human.ids), k=1)
    keep = human.observed
    if int(keep.sum()) < MIN_PAIRS:
        raise DataError(
            f"{int(keep.sum())} observed pairs of clips are too few to correlate",
            remedy=f"bring judgments that cover {MIN_PAIRS} pairs or more",
        )
    values = matched.dissimilarities[keep]
    if np.isnan(values).any():
        place = int(np.flatnonzero(keep)[np.argmax(np.isnan(values))])
        first, second = human.ids[rows[place]], human.ids[columns[place]]
        raise DataError(
            f"the model has no dissimilarity for clips {first!r} and {second!r}, which people judged",
            remedy="give the model every clip in the comparison",
        )
    refuse_constant(values, whose="model")
    refuse_constant(human.dissimilarities[keep], whose="human")
    members = np.stack([rows[keep], columns[keep]], axis=1).astype(np.int64)  # (pairs, 2)
    return PairTable(human.ids, members, values, human.dissimilarities[keep], human.counts[keep])


def refuse_constant(values: FloatArray, *, whose: str) -> None:
    """A geometry in which all pairs are alike has no order to correlate."""
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        raise DataError(
            f"the {whose} RDM gives every observed pair the same dissimilarity ({values[0]:g})",
            remedy="check that the embeddings differ between clips",
        )


def correlate(
    model: RDM, human: RDM, *, method: Method = "spearman", weighted: bool = False
) -> float:
    """Correlation over the pairs observed in `human`; `weighted` counts a pair once a judgment."""
    pairs = observed_pairs(model, human)
    return correlate_pairs(pairs, method=method, weighted=weighted)


def correlate_pairs(pairs: PairTable, *, method: Method, weighted: bool = False) -> float:
    """`correlate` for pairs that are already matched."""
    if method not in METHODS:
        raise DataError(
            f"unknown correlation {method!r}", remedy=f"choose one of {', '.join(METHODS)}"
        )
    weights = pairs.counts if weighted else np.ones(pairs.num_pairs)
    if method == "kendall":
        if weighted:
            raise DataError(
                "Kendall's tau-a has no weighted form here", remedy="weight Spearman or Pearson"
            )
        return kendall_tau_a(pairs.model, pairs.human)
    model, human = (
        Variable(pairs.model, ranks=method == "spearman"),
        Variable(pairs.human, ranks=method == "spearman"),
    )
    return float(weighted_correlation(model, human, weights[:, None])[0])


def kendall_tau_a(first: FloatArray, second: FloatArray) -> float:
    """Concordant minus discordant over all n (n - 1) / 2, in n log n from scipy's tau-b."""
    from scipy.stats import kendalltau

    tau_b = float(kendalltau(first, second, variant="b").statistic)
    pairs = len(first) * (len(first) - 1) / 2
    untied = [
        pairs - sum(n * (n - 1) / 2 for n in np.unique(x, return_counts=True)[1])
        for x in (first, second)
    ]
    return tau_b * float(np.sqrt(untied[0] * untied[1])) / pairs


@dataclass(frozen=True, repr=False)
class Variable:
    """One side of a correlation, sorted once so that every weighting can be ranked without sorting.

    values  5 2 2 9      order  1 2 0 3      groups  0 0 1 2  (ties share one)
    """

    values: FloatArray  # (pairs,)
    ranks: bool = True
    order: IntArray = field(init=False)
    ends: IntArray = field(init=False)  # (groups,) last place of each run of ties
    group: IntArray = field(init=False)  # (pairs,) run of ties, in the original order

    def __post_init__(self) -> None:
        order = np.argsort(self.values, kind="stable")
        fresh = np.r_[True, np.diff(self.values[order]) != 0]
        group = np.empty(len(order), dtype=np.int64)
        group[order] = np.cumsum(fresh) - 1
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "ends", np.flatnonzero(np.r_[fresh[1:], True]))
        object.__setattr__(self, "group", group)

    def centred(self, weights: FloatArray) -> FloatArray:
        """Weighted mid-ranks (or values) less their weighted mean; weights and result (pairs, samples)."""
        if not self.ranks:
            total = weights.sum(axis=0)
            return self.values[:, None] - (self.values @ weights) / total
        cumulated = np.cumsum(weights[self.order], axis=0)[self.ends]  # (groups, samples)
        middle = cumulated.copy()
        middle[1:] += cumulated[:-1]
        middle -= cumulated[-1]  # twice the mid-rank, less twice its mean
        middle *= 0.5
        return middle[self.group]

    def tail(self, of: FloatArray) -> FloatArray:
        """For each pair, the sum of `of` over the pairs above it, ties counting half."""
        cumulated = np.cumsum(of[self.order])[self.ends]
        lower = np.r_[0.0, cumulated[:-1]]
        return (cumulated[-1] - (cumulated + lower) / 2)[self.group]


def weighted_correlation(first: Variable, second: Variable, weights: FloatArray) -> FloatArray:
    """Correlation under each column of weights (pairs, samples) -> (samples,); NaN where undefined."""
    return centred_correlation(first.centred(weights), second.centred(weights), weights)


def centred_correlation(first: FloatArray, second: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted correlation of variables that are already centred, all (pairs, samples)."""
    scaled = first * weights
    covariance = np.einsum("ps,ps->s", scaled, second)
    spread = np.einsum("ps,ps->s", scaled, first) * np.einsum(
        "ps,ps,ps->s", second, second, weights
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(covariance / np.sqrt(spread))


def influence(first: Variable, second: Variable, *, counts: FloatArray | None = None) -> FloatArray:
    """How far each pair pulls the correlation: its derivative with respect to that pair's weight.

    Sums to 0, and the sum of squares estimates the variance if pairs were independent, which they are
    not: `bgs.evaluation.bootstrap.clip_variance` adds what pairs that share a clip have in common.
    `counts` are the weights of a weighted correlation.
    """
    weights = np.ones(len(first.values)) if counts is None else counts
    total = float(weights.sum())
    x = first.centred(weights[:, None])[:, 0]
    y = second.centred(weights[:, None])[:, 0]
    scale_x, scale_y = (float(np.sqrt(weights @ side**2 / total)) for side in (x, y))
    x, y = x / scale_x, y / scale_y
    correlation = float(weights @ (x * y)) / total
    pull = x * y - correlation / 2 * (x**2 + y**2)
    if first.ranks:  # one pair more also moves the rank of every pair above it
        x, y = x * weights, y * weights
        pull += (first.tail(y) - correlation * first.tail(x)) / scale_x
        pull += (second.tail(x) - correlation * second.tail(y)) / scale_y
    return weights * (pull - float(weights @ pull) / total) / total
