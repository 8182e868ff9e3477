"""What the table of a clip set says about each clip: ids, captions, ratings. Errors name the row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bgs.clip_ids import spell
from bgs.data.card_files import payload_file
from bgs.data.cards import CaptionFile, VideosCard
from bgs.data.cells import check_ids
from bgs.data.tables import Table, read_table
from bgs.errors import DataError


def read_ids(card: VideosCard, table: Table) -> tuple[str, ...]:
    """The clip ids of the table, each once, as many as the card says."""
    ids = tuple(_column(table, card.table.id).astype(str))
    check_ids(ids, table.rows.tolist(), what=card.table.id, file=table.file)
    if card.num_clips is not None and len(ids) != card.num_clips:
        raise DataError(
            f"lists {len(ids)} clips where the card says {card.num_clips}",
            remedy="get the file again, or correct num_clips in the card",
            file=table.file,
        )
    return ids


def read_captions(
    card: VideosCard, table: Table, *, ids: tuple[str, ...], home: Path
) -> dict[str, tuple[str, ...]]:
    """The captions of each clip that has any, from columns of the table or from a file of their own."""
    if card.captions is not None:
        return _read_caption_file(card, card.captions, ids=ids, home=home)
    columns = [_column(table, name).astype(str) for name in card.table.captions]
    found = {
        clip: tuple(filter(str.strip, texts)) for clip, *texts in zip(ids, *columns, strict=True)
    }
    return {clip: texts for clip, texts in found.items() if texts}


def _read_caption_file(
    card: VideosCard, source: CaptionFile, *, ids: tuple[str, ...], home: Path
) -> dict[str, tuple[str, ...]]:
    table = read_table(payload_file(card, source.path, home=home), format="csv")
    about, text = _column(table, source.id).astype(str), _column(table, source.caption).astype(str)
    strange = ~about.isin(ids).to_numpy()
    if strange.any():
        raise DataError(
            f"a caption is about {spell(about[strange].iloc[0])}, which is no clip of {card.name!r}",
            remedy="correct the id",
            file=table.file,
            row=table.row(strange),
        )
    captions: dict[str, list[str]] = {}
    for clip, caption in zip(about, text, strict=True):
        if caption.strip():
            captions.setdefault(clip, []).append(caption)
    return {clip: tuple(captions[clip]) for clip in ids if clip in captions}


def read_ratings(card: VideosCard, table: Table, *, ids: tuple[str, ...]) -> pd.DataFrame | None:
    """One row a clip, one column a rating, NaN where a field is empty; None if the card names no ratings."""
    if not card.table.ratings:
        return None
    columns = {}
    for rating, name in card.table.ratings.items():
        text = _column(table, name).astype(str)
        numbers = pd.to_numeric(text.where(text.str.strip() != ""), errors="coerce").to_numpy(
            dtype=np.float64
        )
        wrong = ~np.isfinite(numbers) & (text.str.strip() != "").to_numpy()
        if wrong.any():
            raise DataError(
                f"rating {rating!r} is {text[wrong].iloc[0]!r}, which is no number",
                remedy="write a number, or leave the field empty",
                file=table.file,
                row=table.row(wrong),
            )
        columns[rating] = numbers
    return pd.DataFrame(columns, index=pd.Index(ids, name="clip"))


def _column(table: Table, name: str) -> pd.Series[str]:
    if name not in table.frame:
        raise DataError(
            f"there is no column {name!r} (columns: {', '.join(table.frame.columns)})",
            remedy="correct the card, or the header",
            file=table.file,
            row=1,
        )
    return table.frame[name]
