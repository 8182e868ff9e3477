"""What to train on instead of people's judgments, to learn what the judgments are worth.

Each control keeps the clips, the number of constraints and the steps, and changes what they say:

    shuffled_judgments    the odd one drawn by lot: what does training on anything do?
    distilled_judgments   the odd one that another geometry (of captions, say) picks: is language enough?
    distilled_geometry    that geometry's dissimilarities, on the pairs people saw
    residual_geometry     people's dissimilarities minus what that geometry explains: what is left?
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bgs.data.triplets import Triplets
from bgs.errors import DataError
from bgs.rdm import RDM, condensed_index


def shuffled_judgments(triplets: Triplets, *, seed: int) -> Triplets:
    """The same triads, each with an odd one drawn by lot."""
    rng = np.random.default_rng(seed)
    odd = rng.integers(0, 3, size=len(triplets.odd)).astype(triplets.odd.dtype)
    return replace(triplets, odd=odd, name=f"{triplets.name} (shuffled)")


def distilled_judgments(triplets: Triplets, rdm: RDM) -> Triplets:
    """The same triads judged by a geometry: the closest pair stays, the third clip is odd.

    A tie is broken in favour of the clip presented first, so that the result does not depend on chance.
    """
    order = _positions(triplets.ids, rdm)[triplets.clips]  # (judgments, 3) places in the RDM
    # The pair without clip 0, without clip 1, without clip 2.
    opposite = np.stack(
        [
            rdm.dissimilarities[condensed_index(order[:, a], order[:, b], num_clips=len(rdm))]
            for a, b in ((1, 2), (0, 2), (0, 1))
        ],
        axis=1,
    )
    missing = np.isnan(opposite).any(axis=1)
    if missing.any():
        clips = ", ".join(
            repr(triplets.ids[clip]) for clip in triplets.clips[int(np.argmax(missing))]
        )
        raise DataError(
            f"{int(missing.sum())} judgments are about pairs this RDM does not know, "
            f"such as those of {clips}",
            remedy="distil from a model, which knows every pair",
        )
    odd = opposite.argmin(axis=1).astype(triplets.odd.dtype)
    return replace(triplets, odd=odd, name=f"{triplets.name} (distilled)")


def distilled_geometry(human: RDM, rdm: RDM) -> RDM:
    """A geometry's dissimilarities on exactly the pairs that people saw, with their counts."""
    values = rdm.restrict(human.ids).dissimilarities
    return RDM(human.ids, np.where(human.observed, values, np.nan), human.counts)


def residual_geometry(human: RDM, rdm: RDM) -> RDM:
    """People's dissimilarities minus what another geometry predicts of them, linearly in its ranks.

    Ranks, because the two are compared by Spearman everywhere else. Residuals scatter around 0;
    a correlation does not mind.
    """
    other = rdm.restrict(human.ids)
    both = human.observed & other.observed
    if both.sum() < 3:
        raise DataError(
            f"only {int(both.sum())} pairs are known to both geometries",
            remedy="use geometries of the same clips",
        )
    design = np.column_stack([np.ones(both.sum()), rankdata(other.dissimilarities[both])])
    known = human.dissimilarities[both]
    coefficients, *_ = np.linalg.lstsq(design, known, rcond=None)
    residuals = np.full(len(human.dissimilarities), np.nan)
    residuals[both] = known - design @ coefficients
    return RDM(human.ids, residuals, np.where(both, human.counts, 0.0))


def _positions(ids: tuple[str, ...], rdm: RDM) -> NDArray[np.int64]:
    place = {clip: index for index, clip in enumerate(rdm.ids)}
    for clip in ids:
        if clip not in place:
            raise DataError(
                f"clip {clip!r} is judged but not in the RDM of {len(rdm)} clips",
                remedy="give the RDM of all judged clips",
            )
    return np.array([place[clip] for clip in ids], dtype=np.int64)
