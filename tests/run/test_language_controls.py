"""Controls about language: what they learn is known, because the captions are made to say it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bgs.config import FitConfig, ObjectiveSettings, RankRsaTerm, RsaTerm, TripletTerm
from bgs.evaluation.odd_one_out import odd_one_out
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM
from bgs.run import controls
from bgs.run.building import open_inputs
from bgs.run.configs import resolve_config
from bgs.run.embed import Embeddings
from bgs.run.simulation import simulate_into
from bgs.run.study import load_study


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[FitConfig, Any, Any, Embeddings]:
    """Features with two independent halves, and a caption model that reports the second."""
    root = tmp_path_factory.mktemp("taught")
    simulate_into(root / "triplets", root / "videos", seed=9, quick=True, progress=False)
    config = resolve_config(
        "demo",
        overrides=[
            f"data.triplets_dir={root / 'triplets'}", f"data.videos_dir={root / 'videos'}",
            f"backbone.name_or_path=features:{root / 'features.npz'}", "lora.r=0", "head.kind=linear",
            "training.num_train_epochs=30", "training.learning_rate=0.02",
        ],
    )  # fmt: skip
    study = load_study(config.data, seed=0)
    ids = tuple(study.clips.ids)
    features = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
    np.savez(root / "features.npz", ids=np.array(ids), embeddings=features)
    _, bank = open_inputs(config, study.clips)
    return config, study, bank, Embeddings("caption:made", ids, features[:, 4:])


def recorded(name: str, taught: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a control would learn from."""
    config, study, bank, language = taught
    seen: dict[str, Any] = {}
    monkeypatch.setattr(controls, "embed_with", lambda *_: language)
    monkeypatch.setattr(controls, "learn", lambda *_, **given: seen.update(given))
    controls.run_control(name, config, study, bank, progress=False)
    return seen


def test_language_distilled_sees_the_same_triads_and_pairs_answered_by_captions(
    taught, monkeypatch
):
    _, study, _, language = taught
    learnt = recorded("language_distilled", taught, monkeypatch)
    asked, human = study.train_judgments, study.train_judgments.rdm(study.split.train)
    said = language.rdm(study.split.train)
    np.testing.assert_array_equal(learnt["judgments"].clips, asked.clips)
    assert odd_one_out(said, learnt["judgments"]).three_way == 1.0
    assert odd_one_out(said, asked).three_way < 0.6
    np.testing.assert_array_equal(learnt["geometry"].observed, human.observed)
    np.testing.assert_array_equal(learnt["geometry"].counts, human.counts)
    seen = human.observed
    np.testing.assert_allclose(learnt["geometry"].dissimilarities[seen], said.dissimilarities[seen])


def test_the_caption_residual_holds_nothing_that_captions_explain(taught, monkeypatch):
    config, study, _, language = taught
    seen = recorded("caption_residual", taught, monkeypatch)
    said = language.rdm(study.split.train)
    human = study.train_judgments.rdm(study.split.train)
    assert correlate(said, human) != pytest.approx(0, abs=1e-3)
    residual: RDM = seen["geometry"]
    both = residual.observed
    assert abs(np.corrcoef(_ranks(said, both), residual.dissimilarities[both])[0, 1]) < 1e-9
    assert seen["config"].objective.triplet is None
    assert seen["config"].objective.rsa == config.objective.rsa


def _ranks(rdm: RDM, kept: np.ndarray) -> np.ndarray:
    values = rdm.dissimilarities[kept]
    return values.argsort().argsort().astype(float)


def test_both_train_and_embed_every_clip(taught):
    config, study, bank, _ = taught
    short = config.model_copy(
        update={"training": config.training.model_copy(update={"num_train_epochs": 2})}
    )
    for name in ("language_distilled", "caption_residual"):
        model = controls.run_control(name, short, study, bank, progress=False)
        assert model.model == name.replace("_", "-" if "distilled" in name else " ")
        assert model.matrix.shape == (len(study.clips.ids), 128)
        assert np.isfinite(model.matrix).all()


def test_without_a_pair_term_the_residual_is_learnt_by_the_default_one():
    only_triplets = ObjectiveSettings(triplet=TripletTerm(), rsa=None)
    assert controls._pair_terms(only_triplets) == ObjectiveSettings(triplet=None, rsa=RsaTerm())
    ranked = ObjectiveSettings(triplet=TripletTerm(), rsa=None, rank_rsa=RankRsaTerm())
    assert controls._pair_terms(ranked) == ObjectiveSettings(
        triplet=None, rsa=None, rank_rsa=RankRsaTerm()
    )
