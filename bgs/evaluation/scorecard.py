"""One model on one set of clips and judgments: every number with its protocol, in the form of results.json."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

from bgs.evaluation.ceilings import Ceiling, split_half_ceiling
from bgs.evaluation.odd_one_out import OddOneOutScore, odd_one_out
from bgs.evaluation.rsa import RsaScore, rsa
from bgs.rdm import RDM

if TYPE_CHECKING:
    from bgs.data.triplets import Triplets


@dataclass(frozen=True)
class Scorecard:
    """RSA and odd-one-out of one model, next to the ceiling of the judgments."""

    model: str
    data: str
    split: str
    third: Literal["within", "any"]
    rsa: RsaScore
    odd_one_out: OddOneOutScore
    ceiling: Ceiling | None
    seed: int
    simulated: bool = False
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def share_of_ceiling(self) -> dict[str, float]:
        """R2 as a share of each ceiling; empty where there is none above 0."""
        if self.ceiling is None or self.ceiling.max_model_r2 <= 0:
            return {}
        return {
            "paper": self.rsa.r2 / self.ceiling.paper_r2,
            "max_model": self.rsa.r2 / self.ceiling.max_model_r2,
        }

    def to_dict(self) -> dict[str, Any]:
        """The block of results.json; plain values only."""
        return {
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "n_clips": self.rsa.num_clips,
            "n_pairs": self.rsa.num_pairs,
            "n_triplets": self.odd_one_out.num_triplets,
            "rsa": {
                "spearman": self.rsa.spearman,
                "r2": self.rsa.r2,
                "ci95": _plain(self.rsa.ci95),
                "spearman_ci95": _plain(self.rsa.spearman_ci95),
            },
            "odd_one_out": {
                "two_way": self.odd_one_out.two_way,
                "three_way": self.odd_one_out.three_way,
                "ci95": _plain(self.odd_one_out.ci95),
            },
            "ceiling": {} if self.ceiling is None else self.ceiling.to_dict(),
            "protocol": self.protocol(),
            "versions": dict(self.versions),
            "seed": self.seed,
        }

    def protocol(self) -> dict[str, Any]:
        """What the numbers mean, in words a table can print."""
        return {
            "third": self.third,
            "rsa": "Spearman over observed pairs and its square; ci95 of r2",
            "odd_one_out": "judgments whose three clips are all in the split; two_way over both anchors; "
            "ci95 of three_way",
            "two_way_paper": self.odd_one_out.two_way_paper,
            "interval": f"bootstrap over {self.rsa.interval_over}, rescaled for shared clips"
            if self.rsa.num_bootstrap
            else "none",
            "num_bootstrap": self.rsa.num_bootstrap,
            "participants": "simulated" if self.simulated else "human",
            "share_of_ceiling": self.share_of_ceiling,
        }


def score_rdm(
    rdm: RDM,
    human: RDM,
    judgments: Triplets,
    *,
    model: str,
    data: str,
    split: str,
    protocol: Literal["within", "any"],
    ceiling: Ceiling | None,
    num_bootstrap: int = 1000,
    seed: int = 0,
    versions: dict[str, str] | None = None,
    known: tuple[RsaScore, OddOneOutScore] | None = None,
) -> Scorecard:
    """Score a model's RDM against a human RDM and the judgments among the same clips.

    `known` are scores made before, together with those of other models.
    """
    if known is None:
        known = (
            rsa(rdm, human, num_bootstrap=num_bootstrap, seed=seed),
            odd_one_out(rdm, judgments, num_bootstrap=num_bootstrap, seed=seed),
        )
    return Scorecard(
        model=model,
        data=data,
        split=split,
        third=protocol,
        rsa=known[0],
        odd_one_out=known[1],
        ceiling=ceiling,
        seed=seed,
        simulated=judgments.simulated,
        versions=library_versions() if versions is None else dict(versions),
    )


def score(
    rdm: RDM,
    triplets: Triplets,
    *,
    model: str,
    split: str,
    ids: Sequence[str] | None = None,
    third: Literal["within", "any"] = "within",
    num_bootstrap: int = 1000,
    num_split_halves: int = 200,
    seed: int = 0,
) -> Scorecard:
    """Everything about one model on the clips `ids` (default: every judged clip), ceiling included."""
    ids = tuple(triplets.ids if ids is None else ids)
    ceiling = split_half_ceiling(triplets, ids, third=third, num_splits=num_split_halves, seed=seed)
    return score_rdm(
        rdm,
        triplets.rdm(ids, third=third),
        triplets.restrict(ids),
        model=model,
        data=triplets.name,
        split=split,
        protocol=third,
        ceiling=ceiling,
        num_bootstrap=num_bootstrap,
        seed=seed,
    )


def library_versions() -> dict[str, str]:
    """The versions that made a number."""
    found = {"python": platform.python_version()}
    for package in ("bgs", "numpy", "scipy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _plain(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [float(end) for end in interval]
