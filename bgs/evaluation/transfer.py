"""Transfer: does a model group clips it never learnt from as people do who put labels on them?

Four questions, from the one that fits nothing to the published one:
  rsa          do distances follow the distances between people's ratings? (`transfer_ratings`, `rsa`)
  odd_one_out  of three clips with a plain answer, which is left over? (`transfer_triads`)
  knn          does the vote of the nearest clips name a clip's label? (`transfer_labels`)
  probe        does a line through the embedding name it? (`transfer_labels`)

Every question is asked of the same clips for all models, so that differences are paired. A clip whose ratings tie takes
part in the first question alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgs.errors import DataError
from bgs.evaluation.bootstrap import (
    Interval,
    bootstrap_correlations,
    correlations_without,
    draw_clips,
    jackknife_variance,
    rescaled_interval,
)
from bgs.evaluation.correlation import Variable, influence, observed_pairs, weighted_correlation
from bgs.evaluation.permutation import permutation_p
from bgs.evaluation.rsa import RsaScore, rsa
from bgs.evaluation.transfer_labels import (
    NUM_NEIGHBOURS,
    NUM_REPEATS,
    LabelScore,
    can_cross_validate,
    check_labels,
    cross_validated_probe,
    neighbour_score,
    paired_change,
    transferred_probe,
)
from bgs.evaluation.transfer_ratings import NO_MAJORITY, RatedClips, rating_geometry
from bgs.evaluation.transfer_triads import CHANCE as TRIAD_CHANCE
from bgs.evaluation.transfer_triads import (
    CLEAR_LEAD,
    ClearTriads,
    clear_triads,
    triad_interval,
    triad_scores,
)
from bgs.rdm import RDM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
QUESTIONS = ("rsa", "odd_one_out", "knn", "probe")


@dataclass(frozen=True, repr=False, eq=False)
class MainSet:
    """Labelled clips of another set, on which a probe is fitted."""

    name: str
    matrix: FloatArray  # (clips, width)
    labels: IntArray  # (clips,)


@dataclass(frozen=True)
class Protocol:
    """What every model is asked in the same way."""

    min_lead: float = CLEAR_LEAD
    num_neighbours: int = NUM_NEIGHBOURS
    num_repeats: int = NUM_REPEATS  # of the probe's cross-validation
    num_bootstrap: int = 1000
    num_permutations: int = 1000
    seed: int = 0


@dataclass(frozen=True, repr=False, eq=False)
class TransferTask:
    """The clips, what people said of them, and the questions that follow from it."""

    rated: RatedClips
    human: RDM
    triads: ClearTriads
    labelled: tuple[str, ...]  # clips with a majority
    labels: IntArray  # (labelled clips,)
    protocol: Protocol

    @classmethod
    def of(cls, rated: RatedClips, protocol: Protocol | None = None) -> TransferTask:
        """The task behind ratings."""
        protocol = protocol or Protocol()
        majority = rated.majority
        kept = np.flatnonzero(majority != NO_MAJORITY)
        check_labels(majority[kept], clips=len(kept))
        return cls(
            rated=rated,
            human=rating_geometry(rated),
            triads=clear_triads(rated, min_lead=protocol.min_lead, seed=protocol.seed),
            labelled=tuple(rated.ids[k] for k in kept),
            labels=majority[kept],
            protocol=protocol,
        )

    @property
    def chance(self) -> dict[str, float]:
        """What knowing nothing of a clip reaches: always the commonest label, or one by lot."""
        counts = np.unique(self.labels, return_counts=True)[1]
        return {
            "rsa": 0.0,
            "odd_one_out": TRIAD_CHANCE,
            "majority_label": float(counts.max() / counts.sum()),
            "uniform_label": 1 / len(self.rated.labels),
        }

    def __repr__(self) -> str:
        return f"TransferTask({self.rated!r}, {self.triads!r}, {len(self.labelled)} clips with a majority)"


@dataclass(frozen=True)
class TransferScore:
    """One model's answers."""

    rsa: RsaScore
    rsa_p: float | None
    odd_one_out: float
    odd_one_out_ci95: Interval | None
    knn: LabelScore
    probe: LabelScore | None  # cross-validated; None where only another set's probe can be asked
    probe_on: Mapping[str, LabelScore]  # fitted on other sets, by their names
    rdm: RDM = field(repr=False, compare=False)
    triads: FloatArray = field(repr=False, compare=False)  # (triads,) scores

    def to_dict(self) -> dict[str, Any]:
        """Plain values for results.json."""
        return {
            "rsa": {
                "value": self.rsa.spearman,
                "ci95": _listed(self.rsa.spearman_ci95),
                "r2": self.rsa.r2,
                "r2_ci95": _listed(self.rsa.ci95),
                "p": self.rsa_p,
                "n_clips": self.rsa.num_clips,
            },
            "odd_one_out": {
                "value": self.odd_one_out,
                "ci95": _listed(self.odd_one_out_ci95),
                "n_triads": len(self.triads),
            },
            "knn": _label_dict(self.knn),
            "probe": None if self.probe is None else _label_dict(self.probe),
            "probe_on": {name: _label_dict(score) for name, score in self.probe_on.items()},
        }


def score_transfer(
    task: TransferTask, rdm: RDM, matrix: FloatArray, *, mains: Mapping[str, MainSet] | None = None
) -> TransferScore:
    """Ask one model everything. `rdm` covers the rated clips, `matrix` their embeddings in the order of their ids."""
    if len(matrix) != len(task.rated):
        raise DataError(
            f"{len(matrix)} embeddings for {len(task.rated)} rated clips",
            remedy="pass one row a clip, in the order of the ratings",
        )
    how = task.protocol
    rows = matrix[task.rated.majority != NO_MAJORITY]
    scores = triad_scores(rdm, task.triads)
    shuffles = {"num_permutations": how.num_permutations, "seed": how.seed}
    return TransferScore(
        rsa=rsa(rdm, task.human, num_bootstrap=how.num_bootstrap, seed=how.seed),
        rsa_p=permutation_p(rdm.restrict(task.rated.ids), task.human, **shuffles)
        if how.num_permutations
        else None,
        odd_one_out=float(scores.mean()),
        odd_one_out_ci95=triad_interval(
            scores, task.triads, num_bootstrap=how.num_bootstrap, seed=how.seed
        ),
        knn=neighbour_score(
            rdm.restrict(task.labelled),
            task.labels,
            num_neighbours=how.num_neighbours,
            **shuffles,
        ),
        probe=_own_probe(task, rows) if can_cross_validate(task.labels) or not mains else None,
        probe_on={
            name: transferred_probe(main.matrix, main.labels, rows, task.labels, **shuffles)
            for name, main in (mains or {}).items()
        },
        rdm=rdm,
        triads=scores,
    )


def _own_probe(task: TransferTask, rows: FloatArray) -> LabelScore:
    how = task.protocol
    return cross_validated_probe(rows, task.labels, num_repeats=how.num_repeats, seed=how.seed)


def compare_transfer(
    task: TransferTask, before: TransferScore, after: TransferScore
) -> dict[str, Any]:
    """After minus before, question by question, each with an interval over the clips both were asked about."""
    how = task.protocol
    drawn = {"num_bootstrap": how.num_bootstrap, "seed": how.seed}
    change = after.triads - before.triads
    found: dict[str, Any] = {
        "rsa": _difference(*spearman_change(before.rdm, after.rdm, task.human, **drawn)),
        "odd_one_out": _difference(
            float(change.mean()), triad_interval(change, task.triads, bounds=(-1, 1), **drawn)
        ),
    }
    found["knn"] = _difference(*paired_change(before.knn, after.knn, **drawn))
    found["probe"] = None
    if before.probe is not None and after.probe is not None:
        found["probe"] = _difference(*paired_change(before.probe, after.probe, **drawn))
    found["probe_on"] = {
        name: _difference(*paired_change(before.probe_on[name], after.probe_on[name], **drawn))
        for name in after.probe_on
        if name in before.probe_on
    }
    return found


@dataclass(frozen=True, repr=False, eq=False)
class SpearmanChange:
    """Spearman of one geometry less that of another, with signs, and what each clip and pair does to it.

    Unlike a change in R2, it does not call a geometry turned upside down an agreement.
    """

    value: float
    deviations: FloatArray  # (clips,) what leaving out each clip changes
    pull: FloatArray  # (pairs,) what each pair adds

    @classmethod
    def between(cls, before: RDM, after: RDM, human: RDM) -> SpearmanChange:
        """From `before` to `after`, on the pairs people's geometry observed."""
        tables = [observed_pairs(model, human) for model in (before, after)]
        people = Variable(tables[0].human)
        models = [Variable(table.model) for table in tables]
        ones = np.ones((len(tables[0].human), 1))
        first, second = (float(weighted_correlation(m, people, ones)[0]) for m in models)
        without = correlations_without(
            [table.model for table in tables],
            tables[0].human,
            members=tables[0].members,
            num_clips=len(tables[0].ids),
        )
        value = second - first
        pulls = [influence(model, people) for model in models]
        return cls(value, without[1] - without[0] - value, pulls[1] - pulls[0])

    @property
    def variance(self) -> float:
        """Over clips."""
        return jackknife_variance(self.deviations, self.pull)


def spearman_change(
    before: RDM, after: RDM, human: RDM, *, num_bootstrap: int = 1000, seed: int = 0
) -> tuple[float, Interval | None]:
    """`SpearmanChange.between` and its interval over clips."""
    change = SpearmanChange.between(before, after, human)
    if num_bootstrap == 0:
        return change.value, None
    tables = [observed_pairs(model, human) for model in (before, after)]
    clips = len(tables[0].ids)
    draws = draw_clips(clips, num_bootstrap=num_bootstrap, seed=seed)
    samples = bootstrap_correlations(
        [table.model for table in tables], tables[0].human, members=tables[0].members, draws=draws
    )
    interval = rescaled_interval(
        change.value, samples[1] - samples[0], variance=change.variance, num_drawn=clips
    )
    return change.value, interval


def _label_dict(score: LabelScore) -> dict[str, Any]:
    return {
        "value": score.accuracy,
        "ci95": list(score.ci95),
        "p": score.p,
        "n_clips": score.num_clips,
    }


def _difference(value: float, interval: Interval | None) -> dict[str, Any]:
    return {"value": value, "ci95": _listed(interval)}


def _listed(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
