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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    Interval,
    jackknife_variance,
    rescaled_interval,
    square_interval,
)
from bgs.evaluation.ceilings import Ceiling
from bgs.evaluation.odd_one_out import OddOneOutScore, odd_one_outs
from bgs.evaluation.permutation import holm, sign_flip_p
from bgs.evaluation.relabelling import chance_levels
from bgs.evaluation.resampled import Resampled, resample_models
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
    resampled: Resampled | None = None,
) -> Leaderboard:
    """Score every model and every difference; `test_chance=False` leaves out the p against chance.

    `resampled` are the same models in the same order on the same human RDM, where somebody has drawn already.
    """
    if not models:
        raise DataError("no model to rank", remedy="pass one model or more")
    names, rdms = list(models), list(models.values())
    if resampled is None:
        resampled = resample_models(rdms, human, num_bootstrap=num_bootstrap, seed=seed)
    _check_draws(resampled, num_models=len(names), num_bootstrap=num_bootstrap, seed=seed)
    order = sorted(range(len(names)), key=lambda place: -resampled.spearman[place])
    differences = _differences(
        names, resampled, order, num_permutations=num_permutations, seed=seed
    )
    apart = {(d.better, d.worse) for d in differences if d.p_holm < level}
    letters = compact_letters([names[place] for place in order], apart)
    chance: Sequence[float | None] = [None] * len(names)
    if test_chance:
        chance = chance_levels(rdms, human, num_permutations=num_permutations, seed=seed)
    odd: Sequence[OddOneOutScore | None] = [None] * len(names)
    if judgments is not None:
        odd = odd_one_outs(rdms, judgments, num_bootstrap=num_bootstrap, seed=seed)
    bound = ceiling.max_model_r2 if ceiling else 0.0
    rows = [
        LeaderboardRow(
            model=names[place],
            spearman=float(resampled.spearman[place]),
            r2=(r2 := float(resampled.spearman[place] ** 2)),
            ci95=square_interval(resampled.interval(place)),
            p=chance[place],
            letters=letters[names[place]],
            odd_one_out=odd[place],
            share_of_ceiling=r2 / bound if bound else None,
        )
        for place in order
    ]
    return Leaderboard(
        rows=tuple(rows),
        differences=tuple(differences),
        num_clips=resampled.num_clips,
        num_pairs=resampled.num_pairs,
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        level=level,
        seed=seed,
    )


def _check_draws(resampled: Resampled, *, num_models: int, num_bootstrap: int, seed: int) -> None:
    """What was drawn for others, or otherwise, would be reported as what was asked for."""
    given = (len(resampled), resampled.num_bootstrap, resampled.seed)
    wanted = (num_models, num_bootstrap, seed)
    if given != wanted:
        raise DataError(
            f"models, samples and seed of the draws are {given}, those asked for {wanted}",
            remedy="rank what was resampled, or leave `resampled` out",
        )


def _differences(
    names: Sequence[str],
    scores: Resampled,
    order: list[int],
    *,
    num_permutations: int,
    seed: int,
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
        found.append((names[better], names[worse], r2, interval, p))
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
