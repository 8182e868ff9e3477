"""From the name of a predictor to a geometry of clips, and where its numbers came from.

Beside the models of `embed` (a run folder, a backbone, `caption:...`, `features:FILE.npz`) these are known:

    low-level:motion | low-level:colour | low-level:pixels    what a frame holds before anything is understood
    ratings:all | ratings:valence,arousal                     what people (or a simulation) rated the clips

Any of them may be given a short name for tables: `minilm=caption:models/all-MiniLM-L6-v2`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.backbones.reach import refuse_absent_path
from bgs.config import DataSettings, FitConfig, load_config
from bgs.data.clips import Clips
from bgs.errors import DataError
from bgs.evaluation.geometry import Metric, model_rdm
from bgs.rdm import RDM
from bgs.run.embed import (
    CAPTIONS,
    FEATURES,
    Embeddings,
    bare,
    embed_with,
    open_bank,
    open_model,
    reads_no_frames,
)
from bgs.run.folder import CONFIG
from bgs.run.low_level import LOW_LEVEL, low_level_features
from bgs.run.provenance import captions_key, file_key, ratings_key, text_model_key, weights_key

logger = logging.getLogger(__name__)
RATINGS = "ratings:"
PAPER_CAPTIONS = "caption:sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
NAMED = re.compile(r"([\w.-]+)=(.+)")  # SHORT=MODEL
CaptionPooling = Literal["mean", "first", "all-pairs"]


@dataclass(frozen=True)
class Source:
    """Vectors of clips, the distance that belongs to them, and what they were computed from."""

    model: str
    ids: tuple[str, ...]
    matrix: NDArray[np.float64]  # (clips, width)
    metric: Metric | Literal["inner"] = "cosine"
    keys: Mapping[str, str] = field(default_factory=dict)  # of caches and files, for the record
    kind: str = ""  # what the model is, where `model` is a short name for it

    @property
    def is_baseline(self) -> bool:
        """Whether it stands in a table to be compared with: it never saw a clip through a video model."""
        return (self.kind or self.model).startswith((CAPTIONS, LOW_LEVEL, RATINGS))

    def rows(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """The vectors of these clips in this order, (clips, width)."""
        position = {clip: row for row, clip in enumerate(self.ids)}
        missing = [clip for clip in ids if clip not in position]
        if missing:
            raise DataError(
                f"model {self.model!r} has no embedding of clip {missing[0]!r} ({len(missing)} of {len(ids)} missing)",
                remedy="embed all clips of the split",
            )
        return self.matrix[[position[clip] for clip in ids]]

    def rdm(self, ids: Sequence[str]) -> RDM:
        """Distances between these clips."""
        rows = self.rows(ids)
        if self.metric == "inner":
            return RDM.from_condensed(ids, (1 - rows @ rows.T)[np.triu_indices(len(rows), k=1)])
        return model_rdm(ids, rows, metric=self.metric)

    def __repr__(self) -> str:
        return (
            f"Source({self.model!r}, {len(self.ids)} clips x {self.matrix.shape[1]}, {self.metric})"
        )


def check_names(names: Sequence[str]) -> None:
    """Refuse at once what cannot be opened: a mistyped folder or file, or a name given twice.

    Before judgments are read, torch is loaded or a hub is asked.
    """
    labels = [split_name(name)[0] for name in names]
    twice = next((name for place, name in enumerate(labels) if name in labels[:place]), None)
    if twice is not None:
        raise DataError(f"model {twice!r} is named twice", remedy="name every model once")
    for _, model in map(split_name, names):
        if model.startswith(CAPTIONS):
            refuse_absent_path(model.removeprefix(CAPTIONS))
        elif not model.startswith((FEATURES, LOW_LEVEL, RATINGS)):
            refuse_absent_path(model)


def open_source(
    name: str,
    clips: Clips,
    settings: DataSettings,
    *,
    metric: Metric = "cosine",
    captions: CaptionPooling = "mean",
    progress: bool = True,
) -> Source:
    """The predictor of that name on these clips. `metric` is for embeddings; ratings and low-level features
    are standardised and always Euclidean, since a clip without motion has no angle.
    """
    label, model = split_name(name)
    if label != model:
        options: dict[str, Any] = {"metric": metric, "captions": captions, "progress": progress}
        return replace(open_source(model, clips, settings, **options), model=label, kind=model)
    if name == CAPTIONS:
        name = PAPER_CAPTIONS  # the published language baseline
    if name.startswith(LOW_LEVEL):
        found, key = low_level_features(name, clips, settings, progress=progress)
        return Source(name, clips.ids, _standardise(found), "euclidean", {"frames": key})
    if name.startswith(RATINGS):
        return _rating_source(name, clips)
    if name.startswith(CAPTIONS) and captions != "mean":
        return _caption_source(name, clips, settings, captions=captions, metric=metric)
    embeddings, keys = _embed_recorded(name, clips, settings, progress=progress)
    return _source_of(embeddings, metric=metric, keys=keys)


def open_sources(
    names: Sequence[str], clips: Clips, settings: DataSettings, **options: Any
) -> list[Source]:
    """One source a name; a name given twice is a slip, and would be compared with itself."""
    check_names(names)
    opened = []
    for name in names:
        opened.append(open_source(name, clips, settings, **options))
        logger.info("model %r", opened[-1])
    return opened


def _embed_recorded(
    name: str, clips: Clips, settings: DataSettings, *, progress: bool = True
) -> tuple[Embeddings, dict[str, str]]:
    """`embed_with`, and the keys of what it read: frames and weights, captions, or a file."""
    if name.startswith(FEATURES):
        given = embed_with(name, clips, settings, progress=progress)
        file = Path(name.removeprefix(FEATURES))
        return given, {"features": file_key(file)}
    if name.startswith(CAPTIONS):
        return embed_with(name, clips, settings, progress=progress), _caption_keys(
            name, clips, "mean"
        )
    return _embed_opened(open_model(name), name, clips, settings, progress=progress)


def before_and_after(
    name: str, clips: Clips, settings: DataSettings, *, progress: bool = True
) -> tuple[Source | None, Source]:
    """A run's backbone as it was and its tuned model; of any other model (None, that model)."""
    after = open_source(name, clips, settings, progress=progress)
    config = run_config(name)
    if config is None:
        return None, after
    from bgs.run.building import open_backbone

    untuned = f"{config.backbone.name_or_path} (untuned)"
    if reads_no_frames(config.backbone.name_or_path):
        given = open_source(config.backbone.name_or_path, clips, settings, progress=progress)
        return replace(given, model=untuned), after
    opened = bare(open_backbone(config))
    before, keys = _embed_opened(opened, untuned, clips, settings, progress=progress)
    return _source_of(before, keys=keys), after


def split_name(name: str) -> tuple[str, str]:
    """(short name, model) of `SHORT=MODEL`, and twice the model of anything else."""
    named = NAMED.fullmatch(name)
    if named is None or Path(name).exists():
        return name, name
    return named.group(1), named.group(2)


def run_config(name: str) -> FitConfig | None:
    """The config of a run folder, None where the name is anything else."""
    file = Path(split_name(name)[1]) / CONFIG
    return load_config(file) if file.is_file() else None


def _embed_opened(
    opened: Any, name: str, clips: Clips, settings: DataSettings, *, progress: bool
) -> tuple[Embeddings, dict[str, str]]:
    from bgs.backbones.model import embed

    bank = open_bank(opened.backbone, clips, settings, progress=progress)
    key = getattr(bank, "key", None)
    matrix = embed(opened, bank, progress=progress)
    keys = {"weights": weights_key(opened)}
    return Embeddings(name, bank.ids, matrix), keys if key is None else {"frames": key, **keys}


def _source_of(
    embeddings: Embeddings, *, metric: Metric = "cosine", keys: Mapping[str, str] | None = None
) -> Source:
    matrix = embeddings.matrix.astype(np.float64)
    return Source(embeddings.model, embeddings.ids, matrix, metric, keys or {})


def _rating_source(name: str, clips: Clips) -> Source:
    known = [] if clips.ratings is None else [str(column) for column in clips.ratings.columns]
    wanted = name.removeprefix(RATINGS)
    chosen = known if wanted == "all" else wanted.split(",")
    unknown = [column for column in chosen if column not in known]
    if clips.ratings is None or not chosen or unknown:
        raise DataError(
            f"{name!r}: clip set {clips.name!r} has no rating {(unknown or [wanted])[0]!r}",
            remedy=f"choose among: {', '.join(known)}" if known else "name ratings in its card",
        )
    values = clips.ratings[chosen].to_numpy(dtype=np.float64)  # (clips, ratings)
    kept = np.isfinite(values).all(axis=1)
    ids = tuple(clip for clip, keep in zip(clips.ids, kept, strict=True) if keep)
    keys = {"ratings": ratings_key(ids, chosen, values[kept])}
    return Source(name, ids, _standardise(values[kept]), "euclidean", keys)


def _caption_source(
    name: str, clips: Clips, settings: DataSettings, *, captions: CaptionPooling, metric: Metric
) -> Source:
    """The first caption alone, or the mean over all pairs of captions of two clips.

    The mean cosine between the captions of two clips is the inner product of the two mean vectors.
    """
    keys = _caption_keys(name, clips, captions)
    if captions == "first" or not clips.captions:
        first = {clip: texts[:1] for clip, texts in clips.captions.items()}
        found = embed_with(name, replace(clips, captions=first), settings)
        return _source_of(found, metric=metric, keys=keys)
    from bgs.backbones.captions import caption_embeddings

    apart = {
        f"{clip}\n{place}": (text,)
        for clip, texts in clips.captions.items()
        for place, text in enumerate(texts)
    }
    _, vectors = caption_embeddings(apart, model=name.removeprefix(CAPTIONS))
    ends = np.cumsum([len(texts) for texts in clips.captions.values()])
    means = [part.mean(axis=0) for part in np.split(vectors.astype(np.float64), ends[:-1])]
    return Source(name, tuple(clips.captions), np.stack(means), "inner", keys)


def _caption_keys(name: str, clips: Clips, pooling: CaptionPooling) -> dict[str, str]:
    return {
        "captions": captions_key(clips.captions, pooling=pooling),
        "text_model": text_model_key(name.removeprefix(CAPTIONS)),
    }


def _standardise(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every column with mean 0 and spread 1; a column that never varies stays 0."""
    spread = matrix.std(axis=0)
    return np.asarray((matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
