"""Pictures of where a model looks, for the result they will lie beside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgs.run.attention_regions import Cover, Moments

if TYPE_CHECKING:
    from bgs.data.clip_cache import FrameBank

FloatArray = NDArray[np.float64]
FOLDER = "attention"  # beside attention.json


def write_pictures(
    folder: Path,
    bank: FrameBank,
    maps: dict[str, FloatArray],
    *,
    order: Sequence[int],
    titles: Sequence[str],
    moments: Sequence[Moments],
    cover: Cover | None,
) -> list[dict[str, Any]]:
    """A strip and a film of each clip in `order` (positions in the bank) into `folder`, which is to become FOLDER.

    Returns what to say of each.
    """
    from bgs.reports.attention import ClipView, write_film, write_strip

    folder.mkdir()
    shown = []
    for rank, (place, title) in enumerate(zip(order, titles, strict=True), start=1):
        clip = bank.ids[place]
        view = ClipView(
            clip,
            bank[place].numpy(),
            moments[place].seconds,
            {name: found[place] for name, found in maps.items()},
            title=title,
            outlines=() if cover is None else cover.outlines.get(clip, ()),
        )
        name = f"{rank:02d}_{_file_stem(clip)}"
        write_strip(folder / f"{name}.png", view)
        write_film(folder / f"{name}.mp4", view)
        files = {"png": f"{FOLDER}/{name}.png", "video": f"{FOLDER}/{name}.mp4"}
        shown.append({"clip": clip, **files, "frames_seconds": list(view.seconds)})
    return shown


def _file_stem(clip: str) -> str:
    """An id as part of a file name: ids may hold signs that file systems do not take."""
    kept = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in clip)
    return kept[:80]
