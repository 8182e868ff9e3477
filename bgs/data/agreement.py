"""How much each participant agrees with the rest, and how often people agree on the same three clips.

A participant agrees on a judgment when the pair they left together is the pair that the *other*
participants left together most often, among the three pairs on the screen. Ties share the credit, and a
judgment counts only if others have seen all three pairs. Chance is 1/3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bgs.data.triplets import LEFT, Triplets
from bgs.errors import DataError
from bgs.rdm import condensed_index

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def agree_with_rest(triplets: Triplets) -> tuple[FloatArray, IntArray]:
    """Agreement of each participant with the others, and the judgments behind it. (participants,) both"""
    if triplets.participants is None:
        raise DataError("agreement needs a participant column", remedy="name it in the card")
    people = triplets.participants
    pairs = _pairs_by_odd(triplets)  # (judgments, 3): the pair left if that position were odd
    shown = np.ones_like(pairs, dtype=np.float64)
    left = np.zeros_like(shown)
    left[np.arange(len(left)), triplets.odd] = 1.0
    num_pairs = int(pairs.max(initial=-1)) + 1
    all_shown, all_left = (
        _sum_at(pairs, shown, num_pairs)[pairs],
        _sum_at(pairs, left, num_pairs)[pairs],
    )
    # What the participant contributed to each pair comes off again.
    keys = people[:, None] * num_pairs + pairs
    own = np.unique(keys, return_inverse=True)[1].reshape(keys.shape)
    size = int(own.max(initial=-1)) + 1
    others_shown = all_shown - _sum_at(own, shown, size)[own]
    others_left = all_left - _sum_at(own, left, size)[own]
    usable = (others_shown > 0).all(axis=1)
    with np.errstate(invalid="ignore"):
        rates = others_left / others_shown  # (judgments, 3)
    best = rates == rates.max(axis=1, keepdims=True)
    credit = best[np.arange(len(best)), triplets.odd] / np.maximum(best.sum(axis=1), 1)
    number = len(triplets.participant_ids)
    counted = np.bincount(people[usable], minlength=number)
    with np.errstate(invalid="ignore"):
        agreement = np.bincount(people[usable], weights=credit[usable], minlength=number) / counted
    return agreement, counted


def triad_codes(clips: IntArray) -> IntArray:
    """A number for each row that is the same whatever the order of its clips. (rows,)"""
    ordered = np.sort(clips, axis=1)
    size = int(ordered.max(initial=0)) + 1
    return np.asarray((ordered[:, 0] * size + ordered[:, 1]) * size + ordered[:, 2])


def repeated_triads(triplets: Triplets) -> dict[str, float | int | None]:
    """How often the same three clips came again, and whether the same clip was picked."""
    people = triplets.participants
    groups = triad_codes(triplets.clips)
    result: dict[str, float | int | None] = dict(_pair_up(groups, triplets.odd_clip))
    if people is not None:
        triads = np.unique(groups, return_inverse=True)[1]
        within = _pair_up(triads + len(triads) * people, triplets.odd_clip)
        result["by_same_participant"] = within["pairs_of_judgments"]
        result["agreement_of_participant_with_self"] = within["agreement"]
    return result


def _pair_up(groups: IntArray, choices: IntArray) -> dict[str, float | int | None]:
    """Over all pairs of judgments in a group: how many, and the share with the same choice."""
    names, sizes = np.unique(groups, return_counts=True)
    cells = np.stack([groups, choices], axis=1)
    same_sizes = np.unique(cells, axis=0, return_counts=True)[1]
    pairs = int((sizes * (sizes - 1) // 2).sum())
    same = int((same_sizes * (same_sizes - 1) // 2).sum())
    return {
        "unique": len(names),
        "judged_at_least_twice": int((sizes >= 2).sum()),
        "pairs_of_judgments": pairs,
        "agreement": same / pairs if pairs else None,
    }


def _pairs_by_odd(triplets: Triplets) -> IntArray:
    columns = [
        condensed_index(
            triplets.clips[:, first], triplets.clips[:, second], num_clips=len(triplets.ids)
        )
        for first, second in LEFT
    ]
    return np.stack(columns, axis=1)


def _sum_at(codes: IntArray, weights: FloatArray, size: int) -> FloatArray:
    return np.asarray(
        np.bincount(codes.ravel(), weights=weights.ravel(), minlength=size), dtype=np.float64
    )
