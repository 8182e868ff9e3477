"""The hybrid objective: any weighted sum of terms, each with a weight that may grow with the epochs.

A new term is a settings class with a `weight`, a field in `ObjectiveSettings`, and a line in `TERMS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bgs.config import (
    HardNegativeTerm,
    ObjectiveSettings,
    OddOneOutTerm,
    RankRsaTerm,
    RsaTerm,
    TripletTerm,
    Weight,
)
from bgs.errors import ConfigError
from bgs.objectives.batch import JudgedBatch
from bgs.objectives.terms import (
    grouped_negative_loss,
    hard_negative_loss,
    odd_one_out_loss,
    rank_rsa_loss,
    rsa_loss,
    triplet_loss,
)

# A correlation of two pairs is always +1 or -1.
FEWEST_PAIRS = 3


@dataclass(frozen=True, eq=False)
class LossParts:
    """The loss to minimise and, for the log, each term before its weight."""

    total: Tensor  # ()
    parts: dict[str, Tensor]


class Objective:
    """A weighted sum of terms, as the settings say.

    hybrid          triplet + rsa               (the published recipe)
    triplet-only    triplet                     rsa: null
    RSA-only        rsa                         triplet: null
    budget-matched  triplet + hard_negatives    as many extra constraints as the RSA term sees
    """

    def __init__(self, settings: ObjectiveSettings) -> None:
        chosen = {name: getattr(settings, name) for name in TERMS}
        self.settings = settings
        self.terms = {name: term for name, term in chosen.items() if term is not None}
        if not self.terms:
            raise ConfigError(
                "the objective has no term, so there is nothing to learn",
                remedy=f"set one of {', '.join(TERMS)}",
            )

    @property
    def num_hard_negatives(self) -> int:
        """How many hard negatives an epoch asks for; the sampler shares them out over its steps."""
        return 0 if self.settings.hard_negatives is None else self.settings.hard_negatives.per_epoch

    def __call__(self, embeddings: Tensor, batch: JudgedBatch, *, epoch: int) -> LossParts:
        """The loss of one batch, its rows being those of `embeddings`; epochs count from 0.

        A term about which the batch says nothing is left out of the step, as the published schedule
        leaves the RSA term out of most of them.
        """
        parts: dict[str, Tensor] = {}
        total = embeddings.sum() * 0.0  # a graph even if every term is left out
        for name, term in self.terms.items():
            value = TERMS[name](embeddings, batch, term, epoch)
            if value is not None:
                parts[name] = value.detach()
                total = total + weight_in(term.weight, epoch) * value
        return LossParts(total, parts)

    def __repr__(self) -> str:
        return f"Objective({' + '.join(self.terms)})"


def weight_in(weight: Weight, epoch: int) -> float:
    """A term's weight in an epoch, be it a number or a ramp."""
    return float(weight) if isinstance(weight, (int, float)) else weight.at(epoch)


def _triplet(
    embeddings: Tensor, batch: JudgedBatch, term: TripletTerm, _epoch: int
) -> Tensor | None:
    if not len(batch.triplets):
        return None
    return triplet_loss(embeddings, batch.triplets, margin=term.margin, symmetric=term.symmetric)


def _odd_one_out(
    embeddings: Tensor, batch: JudgedBatch, term: OddOneOutTerm, _epoch: int
) -> Tensor | None:
    if not len(batch.triplets):
        return None
    return odd_one_out_loss(embeddings, batch.triplets, temperature=term.temperature)


def _hard_negatives(
    embeddings: Tensor, batch: JudgedBatch, term: HardNegativeTerm, epoch: int
) -> Tensor | None:
    """Among all clips of a large batch the nearest is nearly always alike to people too, and a loss that pushes it
    away teaches nothing; so a large batch is asked in groups as small as a published step. A group without a
    negative counts as 0, as such a step does: over an epoch the extra constraints weigh the same in either.
    """
    count = batch.num_hard_negatives
    if not len(batch.triplets) or not count:
        return None
    if len(batch.triplets) <= term.judgments:
        return hard_negative_loss(
            embeddings, batch.triplets, batch.clips, count=count, margin=term.margin
        )
    groups = _draw_groups(batch, (count, term.judgments), epoch=epoch)
    loss = grouped_negative_loss(
        embeddings, batch.triplets[groups], batch.clips, margin=term.margin
    )
    return loss * min(1.0, count * term.judgments / len(batch.triplets))


def _draw_groups(batch: JudgedBatch, shape: tuple[int, int], *, epoch: int) -> Tensor:
    """Rows of judgments, the same in every process and after a resume: they follow from batch and epoch."""
    seed = (int(batch.clips.sum()) * 1_000_003 + epoch) % 2**31
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(batch.triplets), shape, generator=generator)
    return drawn.to(batch.triplets.device)


def _rsa(embeddings: Tensor, batch: JudgedBatch, term: RsaTerm, _epoch: int) -> Tensor | None:
    if len(batch.pairs) < FEWEST_PAIRS:
        return None
    weights = batch.counts if term.count_weighted else None
    return rsa_loss(embeddings, batch.pairs, batch.dissimilarities, weights=weights)


def _rank_rsa(
    embeddings: Tensor, batch: JudgedBatch, term: RankRsaTerm, _epoch: int
) -> Tensor | None:
    if len(batch.pairs) < FEWEST_PAIRS:
        return None
    return rank_rsa_loss(
        embeddings,
        batch.pairs,
        batch.dissimilarities,
        temperature=term.temperature,
        weights=batch.counts if term.count_weighted else None,
    )


TERMS: dict[str, Callable[[Tensor, JudgedBatch, Any, int], Tensor | None]] = {
    "triplet": _triplet,
    "odd_one_out": _odd_one_out,
    "hard_negatives": _hard_negatives,
    "rsa": _rsa,
    "rank_rsa": _rank_rsa,
}
