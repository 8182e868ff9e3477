"""Many models on the same clips: who is better than whom, and who cannot be told apart.

Conventions
-----------
- All models share one set of bootstrap draws, so every difference is paired, and human ranks are
  made once a draw.
- Rows are sorted by Spearman: a negative correlation has a positive square and still is no good.
- Two models differ if the sign-flip p of their difference in Spearman, Holm-corrected over all
  pairs, is below `level`. The difference shown is that in R2, with its interval.
- Letters: models that share a letter cannot be told apart (Piepho 2004, insert and absorb); `a` has
  the best.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    Interval,
    bootstrap_correlations,
    clip_interval,
    correlations_without,
    draw_clips,
    jackknife_variance,
    rescaled_interval,
    square_interval,
)
from bgs.evaluation.ceilings import Ceiling
from bgs.evaluation.correlation import (
    PairTable,
    Variable,
    influence,
    observed_pairs,
    weighted_correlation,
)
from bgs.evaluation.odd_one_out import OddOneOutScore, odd_one_out
from bgs.evaluation.permutation import holm, permutation_p, sign_flip_p
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LeaderboardRow:
    """One model."""

    model: str
    spearman: float
    r2: float
    ci95: Interval  # of r2
    p: float | None  # against chance, by relabelling clips
    letters: str
    odd_one_out: OddOneOutScore | None
    share_of_ceiling: float | None  # of max_model


@dataclass(frozen=True)
class PairwiseDifference:
    """R2 of `better` less R2 of `worse`, on the same clips."""

    better: str
    worse: str
    r2: float
    ci95: Interval
    p: float
    p_holm: float


@dataclass(frozen=True)
class Leaderboard:
    """Models from best to worst, and every pair of them compared."""

    rows: tuple[LeaderboardRow, ...]
    differences: tuple[PairwiseDifference, ...]
    num_clips: int
    num_pairs: int
    num_bootstrap: int
    num_permutations: int
    level: float
    seed: int

    def to_records(self) -> list[dict[str, Any]]:
        """One flat record a model, for a table or a file."""
        return [
            {
                "model": row.model,
                "spearman": row.spearman,
                "r2": row.r2,
                "r2_low": row.ci95[0],
                "r2_high": row.ci95[1],
                "p": row.p,
                "letters": row.letters,
                "three_way": None if row.odd_one_out is None else row.odd_one_out.three_way,
                "two_way": None if row.odd_one_out is None else row.odd_one_out.two_way,
                "share_of_ceiling": row.share_of_ceiling,
                "n_clips": self.num_clips,
                "n_pairs": self.num_pairs,
                "seed": self.seed,
            }
            for row in self.rows
        ]


def rank_models(
    models: Mapping[str, RDM],
    human: RDM,
    *,
    judgments: Triplets | None = None,
    ceiling: Ceiling | None = None,
    num_bootstrap: int = 1000,
    num_permutations: int = 1000,
    test_chance: bool = True,
    level: float = 0.05,
    seed: int = 0,
) -> Leaderboard:
    """Score every model and every difference; `test_chance=False` leaves out the p against chance."""
    if not models:
        raise DataError("no model to rank", remedy="pass one model or more")
    tables = {name: observed_pairs(model, human) for name, model in models.items()}
    scores = _Scores.of(tables, num_bootstrap=num_bootstrap, seed=seed)
    order = sorted(range(len(scores.names)), key=lambda place: -scores.spearman[place])
    differences = _differences(scores, order, num_permutations=num_permutations, seed=seed)
    apart = {(d.better, d.worse) for d in differences if d.p_holm < level}
    letters = compact_letters([scores.names[place] for place in order], apart)
    rows = []
    for place in order:
        name = scores.names[place]
        r2 = float(scores.spearman[place] ** 2)
        rows.append(
            LeaderboardRow(
                model=name,
                spearman=float(scores.spearman[place]),
                r2=r2,
                ci95=scores.interval(place),
                p=permutation_p(models[name], human, num_permutations=num_permutations, seed=seed)
                if test_chance
                else None,
                letters=letters[name],
                odd_one_out=None
                if judgments is None
                else odd_one_out(models[name], judgments, num_bootstrap=num_bootstrap, seed=seed),
                share_of_ceiling=r2 / ceiling.max_model_r2
                if ceiling and ceiling.max_model_r2
                else None,
            )
        )
    return Leaderboard(
        rows=tuple(rows),
        differences=tuple(differences),
        num_clips=scores.num_clips,
        num_pairs=len(scores.members),
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        level=level,
        seed=seed,
    )


@dataclass(frozen=True, repr=False)
class _Scores:
    """What all comparisons share: scores, bootstrap samples and influences of every model."""

    names: tuple[str, ...]
    members: NDArray[np.int64]  # (pairs, 2)
    num_clips: int
    spearman: FloatArray  # (models,)
    samples: FloatArray  # (models, bootstrap samples)
    pulls: FloatArray  # (models, pairs) influence on Spearman
    without: FloatArray  # (models, clips) Spearman with each clip left out

    @classmethod
    def of(cls, tables: Mapping[str, PairTable], *, num_bootstrap: int, seed: int) -> _Scores:
        first = next(iter(tables.values()))
        people = Variable(first.human)
        ones = np.ones((first.num_pairs, 1))
        sides = [Variable(table.model) for table in tables.values()]
        models = [table.model for table in tables.values()]
        draws = draw_clips(len(first.ids), num_bootstrap=num_bootstrap, seed=seed)
        return cls(
            names=tuple(tables),
            members=first.members,
            num_clips=len(first.ids),
            spearman=np.array([weighted_correlation(side, people, ones)[0] for side in sides]),
            samples=bootstrap_correlations(models, first.human, members=first.members, draws=draws),
            pulls=np.stack([influence(side, people) for side in sides]),
            without=correlations_without(
                models, first.human, members=first.members, num_clips=len(first.ids)
            ),
        )

    def interval(self, place: int) -> Interval:
        score = float(self.spearman[place])
        variance = jackknife_variance(self.without[place] - score, self.pulls[place])
        interval = rescaled_interval(
            score, self.samples[place], variance=variance, num_drawn=self.num_clips
        )
        return square_interval(clip_interval(interval, low=-1.0, high=1.0))


def _differences(
    scores: _Scores, order: list[int], *, num_permutations: int, seed: int
) -> list[PairwiseDifference]:
    found = []
    for better, worse in combinations(order, 2):
        first, second = scores.spearman[better], scores.spearman[worse]
        r2 = float(first**2 - second**2)
        variance = jackknife_variance(
            scores.without[better] ** 2 - scores.without[worse] ** 2 - r2,
            2 * (first * scores.pulls[better] - second * scores.pulls[worse]),
        )
        samples = scores.samples[better] ** 2 - scores.samples[worse] ** 2
        interval = rescaled_interval(r2, samples, variance=variance, num_drawn=scores.num_clips)
        p = sign_flip_p(
            scores.without[better] - scores.without[worse] - (first - second),
            scores.pulls[better] - scores.pulls[worse],
            float(first - second),
            num_permutations=num_permutations,
            seed=seed,
        )
        found.append((scores.names[better], scores.names[worse], r2, interval, p))
    corrected = holm(np.array([row[-1] for row in found], dtype=np.float64))
    return [PairwiseDifference(*row, float(p)) for row, p in zip(found, corrected, strict=True)]


def compact_letters(names: list[str], apart: set[tuple[str, str]]) -> dict[str, str]:
    """Letters such that two names share one exactly if no pair in `apart` separates them.

    best  a          a - b alike, b - c alike, a - c apart
    next  a b
    last    b
    """
    groups: list[set[str]] = [set(names)]
    for first, second in sorted(
        apart, key=lambda pair: (names.index(pair[0]), names.index(pair[1]))
    ):
        split: list[set[str]] = []
        for group in groups:
            split += [group - {first}, group - {second}] if {first, second} <= group else [group]
        groups = _absorb(split)
    groups.sort(key=lambda group: sorted(names.index(name) for name in group))
    return {
        name: "".join(_letter(index) for index, group in enumerate(groups) if name in group)
        for name in names
    }


def _absorb(groups: list[set[str]]) -> list[set[str]]:
    """Groups that are not contained in another; of equal ones the first."""
    return [
        group
        for place, group in enumerate(groups)
        if not any(
            group < other or (group == other and first < place)
            for first, other in enumerate(groups)
        )
    ]


def _letter(index: int) -> str:
    """a, b, ..., z, then a1, b1, ..."""
    turn, place = divmod(index, 26)
    return chr(ord("a") + place) + (str(turn) if turn else "")
