"""What attending found, as the values of attention.json (its schema stands in `bgs.run.attend`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.data.clips import Clips
from bgs.evaluation.attention import Divergence, RegionShare, compare_shares, region_shares
from bgs.run.attention_regions import Cover, Moments

if TYPE_CHECKING:
    from bgs.backbones.attention_maps import Method
    from bgs.data.clip_cache import FrameBank

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Attention:
    """Maps of the same clips by an untuned model and, if there is one, its tuned version."""

    bank: FrameBank
    base: FloatArray  # (clips, times, rows, columns)
    tuned: FloatArray | None
    moments: list[Moments]

    @property
    def named(self) -> dict[str, FloatArray]:
        """The maps by the names that tables and pictures use."""
        return {"base": self.base} | ({} if self.tuned is None else {"tuned": self.tuned})

    @property
    def grid(self) -> tuple[int, int, int]:
        """Times, rows and columns of a map."""
        times, rows, columns = self.base.shape[1:]
        return times, rows, columns


def divergence_block(found: Divergence, chance: dict[str, Any] | None) -> dict[str, Any]:
    """How far maps moved, and what to compare that with."""
    between = found.between_clips
    return {
        "mean": found.mean,
        "ci95": None if found.ci95 is None else list(found.ci95),
        "median": float(np.median(found.per_clip)),
        "least": float(found.per_clip.min()),
        "most": float(found.per_clip.max()),
        "between_clips": between,
        "between_clips_tuned": found.between_clips_tuned,
        "mismatched": found.mismatched,
        "share_of_between_clips": found.mean / between if between else None,
        "shuffled": chance,
    }


def regions_block(
    found: Attention, cover: Cover | None, *, num_bootstrap: int, num_permutations: int, seed: int
) -> dict[str, Any] | None:
    """One row a region over the clips it appears in, and where the regions came from."""
    if cover is None:
        return None
    places = places_of(found.bank.ids, cover.ids)
    shares = compare_shares(
        cover.names,
        cover.cover,
        found.base[places],
        None if found.tuned is None else found.tuned[places],
        num_bootstrap=num_bootstrap,
        num_permutations=num_permutations,
        seed=seed,
    )
    return {
        "file": cover.source,
        "n_clips": len(cover.ids),
        "shares": [_share_row(share) for share in shares],
    }


def _share_row(share: RegionShare) -> dict[str, Any]:
    row: dict[str, Any] = {
        "region": share.region,
        "n_clips": share.num_clips,
        "area": share.area,
        "base": share.base.share,
        "tuned": share.tuned.share if share.tuned else None,
        "difference": share.difference.share if share.difference else None,
        "ci95": None if share.ci95 is None else list(share.ci95),
        "p": share.p,
    }
    for name in ("base", "tuned", "difference"):
        test = getattr(share, name)
        row[f"{name}_elsewhere"] = test.elsewhere if test else None
        row[f"p_{name}"] = test.p if test else None
    return row


def clip_rows(
    found: Attention, divergence: Divergence | None, cover: Cover | None
) -> list[dict[str, Any]]:
    """One row a clip, the one that changed most first; without tuning in the order of the clips."""
    shares = _clip_shares(found, cover)
    change = None if divergence is None else divergence.per_clip
    order = np.arange(len(found.bank)) if change is None else np.argsort(-change, kind="stable")
    return [
        {
            "clip": found.bank.ids[place],
            "divergence": None if change is None else float(change[place]),
            "shares": shares.get(found.bank.ids[place]),
        }
        for place in order
    ]


def _clip_shares(found: Attention, cover: Cover | None) -> dict[str, dict[str, dict[str, float]]]:
    """Area and attention of every region of each clip that has regions; of a clip they sum to one."""
    if cover is None:
        return {}
    places = places_of(found.bank.ids, cover.ids)
    columns = {"area": cover.cover.mean(axis=(2, 3, 4))}
    for name, maps in found.named.items():
        columns[name] = region_shares(maps[places], cover.cover)
    return {
        clip: {
            region: {name: float(values[row, column]) for name, values in columns.items()}
            for column, region in enumerate(cover.names)
        }
        for row, clip in enumerate(cover.ids)
    }


def places_of(ids: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where each wanted clip stands among the ids."""
    place = {clip: index for index, clip in enumerate(ids)}
    return [place[clip] for clip in wanted]


def left_out(clips: Clips, cover: Cover | None) -> dict[str, str]:
    """What could not be said, and why."""
    if cover is None:
        return {"regions": "no file of regions was named or came with the clips"}
    missing = len(clips) - len(cover.ids)
    return {"clips without regions": f"{missing} of {len(clips)}"} if missing else {}


def protocol(method: Method, num_bootstrap: int, num_permutations: int) -> dict[str, Any]:
    """How the figures came about, in words."""
    said = {
        "rollout": "attention rollout: mean over heads, half of each layer through its residual connection",
        "last": "attention in the last layer, mean over heads",
        "relevance": "all layers, positive part of attention x derivative of the mean distance to the other clips",
    }
    return {
        "map": said[method],
        "divergence": "1 - Pearson r over all patches and moments of a clip",
        "interval": "95 %, clips resampled, before and after together",
        "chance": "regions of other clips laid over the same maps, two-sided",
        "num_bootstrap": num_bootstrap,
        "num_permutations": num_permutations,
    }
