"""The language baseline: a clip as the mean of its captions' vectors.

`tfidf` needs nothing but the captions; any sentence-transformers id or local folder is accepted beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from bgs.backbones.reach import check_reachable
from bgs.errors import BackboneError, DataError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def caption_embeddings(
    captions: Mapping[str, Sequence[str]],
    *,
    model: str | Path = "tfidf",
    fit_on: Sequence[str] | None = None,
    revision: str | None = None,
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Clip ids and one unit vector a clip, (clips, width), in the order of `captions`.

    `fit_on` names the clips whose captions set the TF-IDF vocabulary and weights (the training clips, so that a
    baseline learns nothing from held-out ones); by default all.
    """
    ids = tuple(captions)
    _check(captions)
    sentences = [sentence for clip in ids for sentence in captions[clip]]
    if str(model) == "tfidf":
        vectors = _tfidf(sentences, _sentences_to_fit(captions, fit_on))
    else:
        vectors = _transform(sentences, model, revision)
    counts = [len(captions[clip]) for clip in ids]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(vectors, starts, axis=0) / np.asarray(counts)[:, None]  # (clips, width)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    _check_lengths(lengths, ids)
    return ids, (means / lengths).astype(np.float32)


def _check(captions: Mapping[str, Sequence[str]]) -> None:
    if not captions:
        raise DataError("no captions", remedy="add a caption column to the clips' table")
    for clip, sentences in captions.items():
        if isinstance(sentences, str) or not sentences or not all(s.strip() for s in sentences):
            raise DataError(
                f"clip {clip!r} has no caption, or an empty one", remedy="give every clip a caption"
            )


def _sentences_to_fit(
    captions: Mapping[str, Sequence[str]], fit_on: Sequence[str] | None
) -> list[str]:
    clips = tuple(captions) if fit_on is None else fit_on
    unknown = [clip for clip in clips if clip not in captions]
    if unknown:
        raise DataError(
            f"clip {unknown[0]!r} is to be fitted on but has no caption", remedy="check the split"
        )
    return [sentence for clip in clips for sentence in captions[clip]]


def _tfidf(sentences: Sequence[str], fit_sentences: Sequence[str]) -> NDArray[np.float64]:
    try:
        vectoriser = TfidfVectorizer(sublinear_tf=True).fit(fit_sentences)
    except ValueError as error:  # sklearn: empty vocabulary
        raise DataError(
            f"the captions hold no words ({error})", remedy="check the caption column"
        ) from error
    return np.asarray(vectoriser.transform(sentences).toarray(), dtype=np.float64)


def _transform(
    sentences: Sequence[str], model: str | Path, revision: str | None
) -> NDArray[np.float64]:
    encoder = _open_sentence_transformer(model, revision)
    vectors = encoder.encode(list(sentences), convert_to_numpy=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float64)


def _open_sentence_transformer(model: str | Path, revision: str | None) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise BackboneError(
            f"caption model {str(model)!r} needs sentence-transformers, which is not installed",
            remedy="pip install 'bgs[captions]', or use caption:tfidf",
        ) from error
    _check_model(str(model))
    from bgs.backbones.huggingface import quiet

    try:
        with quiet():
            return SentenceTransformer(str(model), revision=revision, device="cpu")
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"caption model {str(model)!r} could not be loaded ({' '.join(str(error).split())[:300]})",
            remedy="check the id or folder and the connection, or use caption:tfidf",
        ) from error


def _check_model(model: str) -> None:
    try:
        check_reachable(model)
    except BackboneError as error:
        raise BackboneError(
            f"caption model {error.what}", remedy=f"{error.remedy}, or use caption:tfidf"
        ) from error


def _check_lengths(lengths: NDArray[np.float64], ids: Sequence[str]) -> None:
    empty = np.flatnonzero(lengths[:, 0] == 0)
    if empty.size:
        raise DataError(
            f"no word of the captions of clip {ids[empty[0]]!r} is in the TF-IDF vocabulary ({empty.size} such clips)",
            remedy="fit on more clips, or use a sentence-transformers model",
        )
