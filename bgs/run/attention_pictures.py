"""Pictures of where a model looks, written beside the result they belong to: all new or all as they were."""

from __future__ import annotations

import shutil
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
    """A strip and a film of each clip in `order` (positions in the bank) into FOLDER; what was there is replaced.

    They are made in a folder aside and put in place when all are there. Returns what to say of each.
    """
    from bgs.reports.attention import ClipView, write_film, write_strip

    aside = folder / f"{FOLDER}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
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
        write_strip(aside / f"{name}.png", view)
        write_film(aside / f"{name}.mp4", view)
        files = {"png": f"{FOLDER}/{name}.png", "video": f"{FOLDER}/{name}.mp4"}
        shown.append({"clip": clip, **files, "frames_seconds": list(view.seconds)})
    _replace(folder / FOLDER, aside)
    return shown


def _replace(place: Path, new: Path) -> None:
    """Put a finished folder in place of an earlier one."""
    old = place.with_name(place.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _file_stem(clip: str) -> str:
    """An id as part of a file name: ids may hold signs that file systems do not take."""
    kept = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in clip)
    return kept[:80]
