"""From the name of a model to embeddings of clips: the one way by which every command does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgs.config import DataSettings, HeadSettings
from bgs.data.clips import Clips, load_clips
from bgs.data.features import FeatureBank, load_features
from bgs.errors import BackboneError, DataError
from bgs.rdm import RDM
from bgs.run.folder import CONFIG, prepare_folder
from bgs.whole_files import written_whole

if TYPE_CHECKING:
    from bgs.backbones.contract import Backbone
    from bgs.backbones.model import EmbeddingModel
    from bgs.data.clip_cache import FrameBank

FEATURES, CAPTIONS = "features:", "caption:"


@dataclass(frozen=True)
class Embeddings:
    """One vector a clip, with the name of the model it came from."""

    model: str
    ids: tuple[str, ...]
    matrix: NDArray[np.float32]  # (clips, width)

    def rdm(self, ids: tuple[str, ...]) -> RDM:
        """Cosine distances between these clips."""
        position = {clip: row for row, clip in enumerate(self.ids)}
        missing = [clip for clip in ids if clip not in position]
        if missing:
            raise DataError(
                f"model {self.model!r} has no embedding of clip {missing[0]!r} ({len(missing)} of {len(ids)} missing)",
                remedy="embed all clips of the split",
            )
        return RDM.from_embeddings(ids, self.matrix[[position[clip] for clip in ids]])

    def __repr__(self) -> str:
        return f"Embeddings({self.model!r}, {self.matrix.shape[0]} clips x {self.matrix.shape[1]})"


def embed_clips(
    model: str,
    *,
    videos: str,
    videos_dir: Path = Path("videos"),
    decoder: str = "auto",
    out: Path | None = None,
    progress: bool = True,
) -> Embeddings:
    """The embeddings of every clip of a set; written to `out` (an NPZ file) where that is given."""
    if out is not None:
        prepare_folder(out.parent)
    settings = DataSettings.model_validate(
        {"triplets": videos, "videos": videos, "videos_dir": videos_dir, "decoder": decoder}
    )
    clips = load_clips(videos, videos_dir=videos_dir, need_files=not reads_no_frames(model))
    embeddings = embed_with(model, clips, settings, progress=progress)
    if out is not None:
        write_embeddings(embeddings, out)
    return embeddings


def reads_no_frames(model: str) -> bool:
    """Whether the model is a matrix or a text model, for which the clips themselves need not be here."""
    return model.startswith((FEATURES, CAPTIONS))


def embed_with(
    model: str, clips: Clips, settings: DataSettings, *, progress: bool = True
) -> Embeddings:
    """The embeddings of these clips by a model named as on the command line."""
    if model.startswith(FEATURES):
        given = load_features(Path(model.removeprefix(FEATURES)))
        return Embeddings(model, given.ids, given.matrix)
    if model.startswith(CAPTIONS):
        return _embed_captions(model, clips)
    from bgs.backbones.model import embed

    opened = open_model(model)
    bank = open_bank(opened.backbone, clips, settings, progress=progress)
    return Embeddings(model, bank.ids, embed(opened, bank, progress=progress))


def open_model(name: str) -> EmbeddingModel:
    """A run folder's tuned model, or a bare backbone (whose embedding is its pooled output)."""
    from bgs.backbones.registry import load_backbone
    from bgs.backbones.saving import load_model

    if any((Path(name) / left).is_file() for left in ("model.json", CONFIG)):
        return load_model(Path(name))
    try:
        return bare(load_backbone(name))
    except BackboneError as error:
        raise BackboneError(
            f"model {name!r}: {error.what}",
            remedy="give a run folder, a name from `bgs backbones`, caption:tfidf, caption:FOLDER or features:FILE.npz",
        ) from error


def bare(backbone: Backbone) -> EmbeddingModel:
    """A backbone without a head: what it says before anybody teaches it."""
    from bgs.backbones.model import EmbeddingModel

    return EmbeddingModel(backbone, HeadSettings(kind="none"))


def open_bank(
    backbone: Backbone, clips: Clips, settings: DataSettings, *, progress: bool = True
) -> FrameBank | FeatureBank:
    """What the backbone reads of each clip: decoded frames, or the features it stands for."""
    from bgs.data.clip_cache import load_frames

    if backbone.spec.frames is None:
        source = embed_with(backbone.spec.name, clips, settings, progress=progress)
        return FeatureBank(source.ids, source.matrix).select(clips.ids)
    return load_frames(
        clips,
        backbone.spec.frames,
        decoder=settings.decoder,
        cache_dir=settings.cache_dir,
        num_workers=settings.num_workers,
        progress=progress,
    )


def write_embeddings(embeddings: Embeddings, out: Path) -> None:
    """An NPZ file that `features:FILE.npz` reads back; complete or absent, never half a file."""
    with written_whole(out) as partial, partial.open("wb") as file:
        np.savez(file, ids=np.array(embeddings.ids), embeddings=embeddings.matrix)


def _embed_captions(model: str, clips: Clips) -> Embeddings:
    from bgs.backbones.captions import caption_embeddings

    if not clips.captions:
        raise DataError(
            f"clip set {clips.name!r} has no captions for {model!r}",
            remedy="name a caption column in its card",
        )
    ids, matrix = caption_embeddings(clips.captions, model=model.removeprefix(CAPTIONS))
    return Embeddings(model, ids, matrix)
