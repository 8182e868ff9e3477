"""Candidates in, scores out: every command scores models through this one function.

A candidate is anything with distances between held-out clips: an embedding, a caption model, a latent variable.
"""

from __future__ import annotations

import logging
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import bgs
from bgs.config import EvaluationSettings
from bgs.errors import DataError
from bgs.evaluation.bootstrap import MIN_CLIPS
from bgs.evaluation.ceilings import Ceiling, split_half_ceiling
from bgs.evaluation.odd_one_out import odd_one_outs
from bgs.evaluation.resampled import Resampled, resample_models
from bgs.evaluation.rsa import paired_difference, rsa, score_resampled
from bgs.evaluation.scorecard import score_rdm
from bgs.rdm import RDM
from bgs.run.study import Study

VERSIONED = ("bgs", "torch", "transformers", "peft", "numpy", "scipy", "scikit-learn", "av")

logger = logging.getLogger(__name__)

# `ceiling` and `latent` exist where the data are simulated: the truth, and single variables of it.
Role = Literal["model", "before", "after", "control", "baseline", "ceiling", "latent"]


@dataclass(frozen=True)
class Candidate:
    """Something to score, and in what role it stands in the table."""

    name: str
    role: Role
    rdm: RDM
    note: str = ""


def score_candidates(
    study: Study,
    candidates: Sequence[Candidate],
    *,
    settings: EvaluationSettings,
    seed: int,
    resampled: Resampled | None = None,
) -> list[dict[str, Any]]:
    """The results block of every candidate on the study's held-out clips, all on the same draws of clips.

    `resampled` is from `resample_candidates`, where the draws serve something else as well.
    """
    if not candidates:
        return []
    ceiling = study_ceiling(study, settings=settings, seed=seed)
    logger.info("scoring %s", ", ".join(candidate.name for candidate in candidates))
    if resampled is None:
        resampled = resample_candidates(study, candidates, settings=settings, seed=seed)
    rdms = [candidate.rdm for candidate in candidates]
    if resampled is None:
        scores = [rsa(rdm, study.test_geometry, num_bootstrap=0) for rdm in rdms]
    else:
        scores = [score_resampled(resampled, place) for place in range(len(rdms))]
    odd = odd_one_outs(rdms, study.test_judgments, num_bootstrap=settings.num_bootstrap, seed=seed)
    return [
        {
            "role": candidate.role,
            **({"note": candidate.note} if candidate.note else {}),
            **score_rdm(
                candidate.rdm,
                study.test_geometry,
                study.test_judgments,
                model=candidate.name,
                data=study.name,
                split="test",
                protocol=study.third,
                ceiling=ceiling,
                num_bootstrap=settings.num_bootstrap,
                seed=seed,
                versions=used_versions(),
                known=known,
            ).to_dict(),
        }
        for candidate, known in zip(candidates, zip(scores, odd, strict=True), strict=True)
    ]


def resample_candidates(
    study: Study, candidates: Sequence[Candidate], *, settings: EvaluationSettings, seed: int
) -> Resampled | None:
    """One set of resampled clips for all candidates; None where no interval is wanted."""
    if not settings.num_bootstrap:
        return None
    return resample_models(
        [candidate.rdm for candidate in candidates],
        study.test_geometry,
        num_bootstrap=settings.num_bootstrap,
        seed=seed,
    )


def check_scorable(study: Study, settings: EvaluationSettings) -> None:
    """Refuse before hours of training what could not be scored after them."""
    clips = len(study.split.test)
    if settings.num_bootstrap and clips < MIN_CLIPS:
        raise DataError(
            f"{clips} held-out clips are too few for a confidence interval",
            remedy=f"hold out {MIN_CLIPS} or more, or set evaluation.num_bootstrap=0 to score without one",
        )
    study_ceiling(study, settings=settings.model_copy(update={"num_split_halves": 2}), seed=0)


def study_ceiling(study: Study, *, settings: EvaluationSettings, seed: int) -> Ceiling:
    """How well any model could do on this study's held-out clips."""
    return split_half_ceiling(
        study.test_judgments if study.third == "within" else study.triplets,
        study.split.test,
        third=study.third,
        num_splits=settings.num_split_halves,
        seed=seed,
    )


def compare(
    study: Study, first: Candidate, second: Candidate, *, settings: EvaluationSettings, seed: int
) -> dict[str, Any]:
    """How much better the second is than the first, on the same resampled clips."""
    difference = paired_difference(
        first.rdm, second.rdm, study.test_geometry, num_bootstrap=settings.num_bootstrap, seed=seed
    )
    return {"from": first.name, "to": second.name, **difference.to_dict()}


def describe_data(study: Study) -> dict[str, Any]:
    """What went in and what was left out, for results.json and the report."""
    exclusions = study.triplets.exclusions
    return {
        "name": study.name,
        "simulated": study.simulated,
        "n_clips": {
            "train": len(study.split.train),
            "validation": len(study.split.validation),
            "test": len(study.split.test),
        },
        "n_judgments": {
            "all": len(study.triplets),
            "train": len(study.train_judgments),
            "test": len(study.test_judgments),
        },
        "n_participants": len(study.triplets.participant_ids),
        "exclusions": {} if exclusions is None else exclusions.to_dict(),
        "third": study.third,
    }


def source_commit() -> str | None:
    """The commit of the checkout the package runs from; None where it was installed, or without git."""
    root = Path(bgs.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def used_versions() -> dict[str, str]:
    """The versions that could change a number."""
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}
