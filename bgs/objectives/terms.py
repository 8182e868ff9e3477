"""The terms a loss is made of: pure functions of embeddings and positions.

Conventions
-----------
- Distance is cosine distance, 1 - cosine: 0 for the same direction, 2 for opposite ones.
- A triplet is (anchor, positive, odd): people left anchor and positive together.
- Every term is a mean, so that its size does not depend on how much a batch happens to hold.
- Distances are taken from one (clips, clips) matrix: the 24,000 judgments of 200 clips gather
  numbers from it instead of 24,000 x 3 embeddings.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Below this spread (of distances that reach from 0 to 2) a correlation has no direction.
SMALLEST_SPREAD = 1e-6


def cosine_distances(embeddings: Tensor) -> Tensor:
    """Cosine distances between all rows, in float32 whatever the model computed in."""
    unit = functional.normalize(embeddings.float(), dim=1)  # (clips, dim)
    return 1.0 - unit @ unit.T  # (clips, clips)


def triplet_loss(
    embeddings: Tensor, triplets: Tensor, *, margin: float, symmetric: bool = False
) -> Tensor:
    """Mean of max(0, d(anchor, positive) - d(anchor, odd) + margin).

    `symmetric` takes both clips of the pair as anchor in turn: people left both together, and
    which of them was presented first says nothing.
    """
    distances = cosine_distances(embeddings)
    anchor, positive, odd = triplets.unbind(1)
    together = distances[anchor, positive]  # (judgments,)
    loss = functional.relu(together - distances[anchor, odd] + margin).mean()
    if symmetric:
        other = functional.relu(together - distances[positive, odd] + margin).mean()
        return (loss + other) / 2
    return loss


def odd_one_out_loss(embeddings: Tensor, triplets: Tensor, *, temperature: float) -> Tensor:
    """Mean cross-entropy of the pair left together, among the three pairs of each judgment."""
    similarity = 1.0 - cosine_distances(embeddings)
    anchor, positive, odd = triplets.unbind(1)
    logits = torch.stack(
        [similarity[anchor, positive], similarity[anchor, odd], similarity[positive, odd]], dim=1
    )  # (judgments, 3)
    return -functional.log_softmax(logits / temperature, dim=1)[:, 0].mean()


def hard_negative_loss(
    embeddings: Tensor, triplets: Tensor, clips: Tensor, *, count: int, margin: float
) -> Tensor:
    """Mean triplet loss with the nearest wrong clip of the batch as negative, over the `count` worst.

    A row that shows the anchor or the positive again is not wrong. The negatives are picked by the
    model alone: nobody judged them, which is what sets this control apart from the RSA term.
    """
    distances = cosine_distances(embeddings)
    anchor, positive, _ = triplets.unbind(1)
    same = clips[:, None] == clips[None, :]  # (rows, rows)
    candidates = distances[anchor].masked_fill(same[anchor] | same[positive], torch.inf)
    nearest = candidates.min(dim=1).values  # (judgments,)
    losses = functional.relu(distances[anchor, positive] - nearest + margin)
    return losses.topk(min(count, len(losses))).values.mean()


def grouped_negative_loss(
    embeddings: Tensor, groups: Tensor, clips: Tensor, *, margin: float
) -> Tensor:
    """The same with one negative a group of judgments, (groups, judgments, 3): the worst of the group, its
    negative sought among the group's own clips. Every group stands for a small batch.
    """
    distances = cosine_distances(embeddings)
    anchor, positive, _ = groups.unbind(2)  # (groups, judgments)
    rows = groups.flatten(1)  # (groups, 3 * judgments)
    shown = clips[rows][:, None, :]
    same = (shown == clips[anchor][:, :, None]) | (shown == clips[positive][:, :, None])
    candidates = distances[anchor[:, :, None], rows[:, None, :]].masked_fill(same, torch.inf)
    nearest = candidates.min(dim=2).values  # (groups, judgments)
    losses = functional.relu(distances[anchor, positive] - nearest + margin)
    return losses.max(dim=1).values.mean()


def rsa_loss(
    embeddings: Tensor, pairs: Tensor, dissimilarities: Tensor, *, weights: Tensor | None = None
) -> Tensor:
    """Minus the (weighted) Pearson correlation of cosine distances with people's dissimilarities."""
    rows, columns = pairs.unbind(1)
    distances = cosine_distances(embeddings)[rows, columns]  # (pairs,)
    return -correlation(distances, dissimilarities, weights=weights)


def rank_rsa_loss(
    embeddings: Tensor,
    pairs: Tensor,
    dissimilarities: Tensor,
    *,
    temperature: float,
    weights: Tensor | None = None,
) -> Tensor:
    """Minus a smooth Spearman correlation: soft ranks of the model's distances, true ranks of people's."""
    rows, columns = pairs.unbind(1)
    distances = cosine_distances(embeddings)[rows, columns]  # (pairs,)
    ranks = soft_ranks(distances, temperature=temperature)
    return -correlation(ranks, mid_ranks(dissimilarities), weights=weights)


def correlation(first: Tensor, second: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Weighted Pearson correlation; 0, without a gradient, where one side hardly varies."""
    weight = torch.ones_like(first) if weights is None else weights.to(first.dtype)
    weight = weight / weight.sum()
    first = first - (weight * first).sum()
    second = second.to(first.dtype)
    second = second - (weight * second).sum()
    spread = (weight * first.square()).sum() * (weight * second.square()).sum()
    if spread <= SMALLEST_SPREAD**4:
        return first.sum() * 0.0
    return (weight * first * second).sum() / spread.sqrt()


def soft_ranks(values: Tensor, *, temperature: float, num_anchors: int = 512) -> Tensor:
    """Smooth ranks in 0..1: the share of values that lie below, with a sigmoid for "below".

    All pairs of 20,000 values would be 400 million sigmoids; so the values are compared with
    `num_anchors` of themselves, evenly spaced in rank, which is exact up to that many values.
    """
    anchors = values.sort().values
    if len(values) > num_anchors:
        places = torch.linspace(0, len(values) - 1, num_anchors, device=values.device)
        anchors = anchors[places.round().long()]
    width = temperature * values.detach().std().clamp_min(SMALLEST_SPREAD)
    return torch.sigmoid((values[:, None] - anchors[None, :]) / width).mean(dim=1)  # (values,)


def mid_ranks(values: Tensor) -> Tensor:
    """Ranks in 0..1 where tied values share the mean of their ranks."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).to(torch.float32)
    middle: Tensor = last - (counts - 1) / 2.0  # ranks from 1
    return ((middle - 0.5) / len(values))[inverse]
