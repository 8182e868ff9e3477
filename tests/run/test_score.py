"""Scoring models by name: the order, the further numbers, the files, and predictors that are no video models."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bgs.config import DataSettings
from bgs.data.clips import Clips
from bgs.errors import DataError
from bgs.evaluation.rsa import paired_difference
from bgs.run.configs import resolve_config
from bgs.run.embed import Embeddings, write_embeddings
from bgs.run.fit import fit
from bgs.run.judging import data_settings
from bgs.run.low_level import LOW_LEVEL, colour_histogram, mean_picture, motion_energy
from bgs.run.score import score
from bgs.run.simulation import simulate_into
from bgs.run.sources import before_and_after, open_source, open_sources, split_name
from bgs.run.study import Study, load_study

QUICK = {"num_bootstrap": 100, "num_permutations": 100, "progress": False}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("score")
    simulate_into(root / "triplets", root / "videos", seed=5, quick=True, progress=False)
    return {"triplets_dir": root / "triplets", "videos_dir": root / "videos"}


@pytest.fixture(scope="module")
def settings(homes) -> DataSettings:
    return DataSettings(triplets="demo", **homes)


@pytest.fixture(scope="module")
def study(settings) -> Study:
    return load_study(settings, seed=0)


@pytest.fixture(scope="module")
def features(study, homes) -> str:
    """The latent variables as a file of features, a model that is nearly right."""
    table = pd.read_csv(homes["videos_dir"] / "demo" / "latents.csv").set_index("clip")
    matrix = table.loc[list(study.clips.ids)].filter(like="latent_").to_numpy(dtype=np.float32)
    file = homes["videos_dir"].parent / "latent.npz"
    write_embeddings(Embeddings("latent", study.clips.ids, matrix - matrix.mean(axis=0)), file)
    return f"latent=features:{file}"


@pytest.fixture(scope="module")
def scored(features, homes, tmp_path_factory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("scored")
    results = score(
        ["caption:tfidf", features, "ratings:valence,arousal"],
        data="demo", also=True, out=folder, export=folder / "tables", **homes, **QUICK,
    )  # fmt: skip
    return results, folder


def test_models_are_ranked_and_compared(scored, study, features):
    results, _ = scored
    board = results["leaderboard"]
    assert board[0]["model"] == "latent"
    spearman = [row["spearman"] for row in board]
    assert spearman == sorted(spearman, reverse=True)
    assert len(results["comparisons"]) == 3
    worst = next(pair for pair in results["comparisons"] if pair["from"] == "caption:tfidf")
    settings_ = study.clips, DataSettings(triplets="demo")
    first, second = open_sources(["caption:tfidf", features], *settings_)
    alone = paired_difference(
        first.rdm(study.split.test), second.rdm(study.split.test), study.test_geometry, num_bootstrap=100
    )  # fmt: skip
    pair = next(p for p in results["comparisons"] if (p["from"], p["to"]) == ("caption:tfidf", "latent"))  # fmt: skip
    assert pair["r2"] == pytest.approx(alone.r2)
    assert pair["ci95"] == pytest.approx(alone.ci95)
    assert worst["p"] <= worst["p_holm"] <= 1


def test_a_block_has_every_number_with_its_protocol(scored):
    results, _ = scored
    block = next(block for block in results["models"] if block["model"] == "latent")
    assert (block["role"], results["simulated"]) == ("model", True)
    assert block["protocol"]["participants"] == "simulated"
    assert block["rsa"]["p"] == pytest.approx(1 / 101)
    assert set(block["rsa"]["also"]) == {
        "kendall_tau_a", "pearson", "spearman_count_weighted", "pearson_count_weighted",
    }  # fmt: skip
    for name, value in block["rsa"]["also"].items():
        low, high = block["rsa"]["also_ci95"][name]
        assert low < value < high
    low, high = block["rsa"]["spearman_ci95"]
    assert low < block["rsa"]["spearman"] < high
    likelihood = block["odd_one_out"]["log_likelihood"]
    assert np.log(1 / 3) < likelihood["mean"] < 0
    assert likelihood["n_validation_judgments"] >= 30
    assert sum(part["num_judgments"] for part in likelihood["calibration"]) == block["n_triplets"]
    assert set(block["protocol"]["share_of_ceiling"]) == {"paper", "max_model"}
    assert len(block["source"]["features"]) == 64
    assert results["models"][0]["role"] == results["models"][2]["role"] == "baseline"


def test_people_are_compared_with_people(scored):
    found = scored[0]["odd_one_out_ceiling"]
    assert 1 / 3 < found["agreement"] < 1
    assert found["num_judgments"] >= 2 * found["num_triads"]
    bins = scored[0]["models"][1]["odd_one_out"]["by_agreement"]
    assert sum(part["num_triads"] for part in bins) == found["num_triads"]


def test_results_json_is_what_was_returned(scored):
    results, folder = scored
    written = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(results))


def test_tables_and_rdms_are_for_other_tools(scored, study):
    rsatoolbox = pytest.importorskip("rsatoolbox.rdm")
    results, folder = scored
    scores = pd.read_parquet(folder / "tables" / "scores.parquet")
    pd.testing.assert_frame_equal(
        scores, pd.read_csv(folder / "tables" / "scores.csv", dtype={"source": str}, keep_default_na=False,
                            na_values={"low": [""], "high": [""]}),
    )  # fmt: skip
    block = results["models"][1]
    of_model = scores[scores["model"] == "latent"].set_index("quantity")
    assert of_model.loc["spearman", "value"] == block["rsa"]["spearman"]
    assert of_model.loc["r2", "low"] == block["rsa"]["ci95"][0]
    assert set(scores["participants"]) == {"simulated"}
    pairs = pd.read_parquet(folder / "tables" / "pairs.parquet").query("model == 'latent'")
    ranks = pairs[["human", "distance"]].rank().corr().iloc[0, 1]
    assert ranks == pytest.approx(block["rsa"]["spearman"], abs=1e-12)
    rdms = rsatoolbox.load_rdm(str(folder / "tables" / "rdms.hdf5"))
    named = dict(zip(rdms.rdm_descriptors["name"], rdms.dissimilarities, strict=True))
    human, latent = named["human"], named["latent"]
    seen = ~np.isnan(human)
    again = pd.DataFrame({"h": human[seen], "m": latent[seen]}).rank().corr().iloc[0, 1]
    assert again == pytest.approx(block["rsa"]["spearman"], abs=1e-12)


def test_every_number_says_what_it_was_computed_from(study, settings, homes):
    names = ["caption:tfidf", "ratings:valence", "low-level:motion"]
    keys = [source.keys for source in open_sources(names, study.clips, settings, progress=False)]
    assert [sorted(key) for key in keys] == [["captions", "text_model"], ["ratings"], ["frames"]]
    again = open_source("caption:tfidf", study.clips, settings, captions="first").keys
    assert again["captions"] != keys[0]["captions"]  # another use of the same captions
    other = open_source("ratings:arousal", study.clips, settings).keys
    assert other["ratings"] != keys[1]["ratings"]
    assert open_source("ratings:valence", study.clips, settings).keys == keys[1]
    changed = replace(study.clips, captions={**study.clips.captions, study.clips.ids[0]: ("new",)})
    assert open_source("caption:tfidf", changed, settings).keys["captions"] != keys[0]["captions"]


@pytest.mark.parametrize("over", ["pairs", "participants"])
def test_intervals_over_something_else(over, features, scored, homes):
    over_clips = scored[0]["models"][1]
    results = score([features], data="demo", interval_over=over, also=True, **homes, **QUICK)
    block = results["models"][0]
    assert block["rsa"]["r2"] == over_clips["rsa"]["r2"]
    assert block["rsa"]["ci95"] != over_clips["rsa"]["ci95"]
    assert block["rsa"]["ci95"][0] < block["rsa"]["r2"] < block["rsa"]["ci95"][1]
    for name, value in block["rsa"]["also"].items():
        low, high = block["rsa"]["also_ci95"][name]
        assert low < value < high
        assert [low, high] != list(over_clips["rsa"]["also_ci95"][name])
    assert block["protocol"]["interval"] == f"R2: bootstrap over {over}; odd-one-out: over clips"
    assert "leaderboard" not in results


def test_without_bootstrap_there_is_no_interval_and_no_order(features, homes):
    results = score(
        [features, "caption:tfidf"], data="demo", num_bootstrap=0, progress=False, **homes
    )
    assert results["models"][0]["rsa"]["ci95"] is None
    assert "leaderboard" not in results


def test_a_name_given_twice_is_refused(homes):
    with pytest.raises(DataError, match=r"^model 'caption:tfidf' is named twice; name every model once$"):  # fmt: skip
        score(["caption:tfidf", "caption:tfidf"], data="demo", **homes, **QUICK)


def test_a_file_of_features_that_is_not_there(homes, tmp_path):
    with pytest.raises(DataError) as error:
        score([f"features:{tmp_path / 'none.npz'}"], data="demo", **homes, **QUICK)
    assert str(error.value) == f"{tmp_path / 'none.npz'}: does not exist; check the path"


def test_short_names(tmp_path, monkeypatch):
    assert split_name("minilm=caption:some/folder") == ("minilm", "caption:some/folder")
    assert split_name("features:a=b.npz") == ("features:a=b.npz",) * 2
    assert split_name("runs/lr=0.1") == ("runs/lr=0.1",) * 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()
    assert split_name("lr=0.1") == ("lr=0.1", "lr=0.1")


def test_captions_first_and_all_pairs_by_hand(settings):
    captions = {"a": ("red dog", "blue dog"), "b": ("red cat", "dog"), "c": ("cat", "red bird")}
    clips = Clips(ids=("a", "b", "c"), paths=(Path("a"), Path("b"), Path("c")), captions=captions)
    apart = {f"{clip}{n}": (text,) for clip, texts in captions.items() for n, text in enumerate(texts)}  # fmt: skip
    every = Clips(ids=tuple(apart), paths=tuple(map(Path, apart)), captions=apart)
    single = open_source("caption:tfidf", every, settings)
    cosine = single.matrix @ single.matrix.T
    found = open_source("caption:tfidf", clips, settings, captions="all-pairs").rdm(("a", "b"))
    assert found.dissimilarities[0] == pytest.approx(1 - cosine[:2, 2:4].mean(), abs=1e-6)
    first = open_source("caption:tfidf", clips, settings, captions="first")
    # of "red dog", "red cat" and "cat", "red" and "cat" are equally rare
    assert first.rows(["b"]) @ first.rows(["c"]).T == pytest.approx(np.sqrt(0.5), abs=1e-6)


def test_the_published_caption_model_is_the_default(study, settings, monkeypatch):
    asked = []

    def transform(sentences, model, revision):
        asked.append(model)
        return np.random.default_rng(0).normal(size=(len(sentences), 4))

    monkeypatch.setattr("bgs.backbones.captions._transform", transform)
    source = open_source("caption:", study.clips, settings)
    assert asked == ["sentence-transformers/paraphrase-multilingual-mpnet-base-v2"]
    assert source.model == f"caption:{asked[0]}"


def test_other_distances(study, settings, features):
    ids = study.split.test
    rdms = {
        metric: open_source(features, study.clips, settings, metric=metric).rdm(ids)
        for metric in ("cosine", "correlation", "euclidean")
    }
    matrix = open_source(features, study.clips, settings).rows(ids)
    expected = np.linalg.norm(matrix[0] - matrix[1])
    assert rdms["euclidean"].dissimilarities[0] == pytest.approx(expected)
    expected = 1 - np.corrcoef(matrix[0], matrix[1])[0, 1]
    assert rdms["correlation"].dissimilarities[0] == pytest.approx(expected)


def test_features_must_cover_the_held_out_clips(study, homes, tmp_path):
    known = study.split.test[1:]
    file = tmp_path / "few.npz"
    write_embeddings(Embeddings("few", known, np.eye(len(known), dtype=np.float32)), file)
    first = study.split.test[0]
    line = f"model 'few' has no embedding of clip '{first}' (1 of 30 missing); embed all clips of the split"
    with pytest.raises(DataError) as error:
        score([f"few=features:{file}"], data="demo", **homes, **QUICK)
    assert str(error.value) == line


def test_a_file_of_the_held_out_clips_alone_has_no_likelihood(study, homes, features, tmp_path):
    whole = open_source(features, study.clips, DataSettings(triplets="demo"))
    file = tmp_path / "test.npz"
    rows = whole.rows(study.split.test).astype(np.float32)
    write_embeddings(Embeddings("test", study.split.test, rows), file)
    block = score([f"features:{file}"], data="demo", **homes, **QUICK)["models"][0]
    assert block["odd_one_out"]["log_likelihood"] is None
    assert block["rsa"]["r2"] > 0


def test_ratings_are_standardised_and_named(study, settings):
    source = open_source("ratings:all", study.clips, settings)
    assert source.matrix.std(axis=0) == pytest.approx(1)
    assert source.is_baseline
    known = "valence, arousal, dominance, communication, intimacy"
    line = f"'ratings:joy': clip set 'demo' has no rating 'joy'; choose among: {known}"
    with pytest.raises(DataError, match=f"^{line}$"):
        open_source("ratings:joy", study.clips, settings)


def test_low_level_features_by_hand():
    still = np.full((8, 3, 64, 64), 0.5)
    assert motion_energy(still) == pytest.approx(0)
    assert colour_histogram(still).max() == 1.0
    assert mean_picture(still) == pytest.approx(0.5)
    flash = still.copy()
    flash[4:, :, :16, :16] = 1.0  # one cell of sixteen brightens once, half way
    energy = motion_energy(flash)
    assert energy[0] == pytest.approx(0.5 / 7)
    assert energy[1:16] == pytest.approx(0)
    assert energy[16:] == pytest.approx([0, 0, 0, 0.5 / 16, 0, 0, 0])
    assert colour_histogram(flash).sum() == pytest.approx(1)
    assert mean_picture(flash)[0] == pytest.approx(0.75)


def test_low_level_features_of_clips(study, settings):
    few = study.clips.restrict(study.split.test[:6])
    source = open_source(LOW_LEVEL + "motion", few, settings, progress=False)
    assert source.matrix.shape == (6, 23)
    assert len(source.keys["frames"]) == 64
    assert source.rdm(few.ids).dissimilarities.min() > 0
    line = "unknown low-level predictor 'low-level:sound'; choose one of low-level:motion"
    with pytest.raises(DataError, match=f"^{line}"):
        open_source("low-level:sound", few, settings)


@pytest.fixture(scope="module")
def run(homes, features, tmp_path_factory) -> Path:
    """A head tuned on the latent variables: the cheapest run there is."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    words = [
        f"output_dir={folder}", f"backbone.name_or_path={split_name(features)[1]}", "lora.r=0", "controls=[]",
        "training.num_train_epochs=2", "evaluation.num_bootstrap=100", "evaluation.num_split_halves=20", "seed=3",
        *(f"data.{name}={home}" for name, home in homes.items()),
    ]  # fmt: skip
    fit(resolve_config("demo", overrides=words), progress=False)
    return folder


def test_a_run_brings_its_data_its_validation_clips_and_its_before(run, features, study, settings):
    results = score([str(run), features], **QUICK)
    written = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert results["data"] == "demo"
    assert results["models"][0]["rsa"]["r2"] == pytest.approx(written["after"]["rsa"]["r2"], abs=1e-6)  # fmt: skip
    assert results["models"][1]["rsa"]["r2"] == pytest.approx(written["before"]["rsa"]["r2"], abs=1e-6)  # fmt: skip
    before, after = before_and_after(f"mine={run}", study.clips, settings, progress=False)
    assert before is not None
    assert before.model.endswith("(untuned)")
    assert (after.model, after.matrix.shape) == ("mine", (90, 128))
    assert before_and_after(features, study.clips, settings)[0] is None


def test_runs_of_one_recipe_are_put_together(run, homes, tmp_path):
    """A copy that claims another seed is the same recipe with the same numbers; another recipe is not."""
    copies = {}
    for name, line in (("again", "seed: 4"), ("other", "learning_rate: 0.123")):
        copies[name] = tmp_path / name
        shutil.copytree(run, copies[name])
        text = (run / "config.yaml").read_text(encoding="utf-8")
        old = "seed: 3" if name == "again" else next(
            part for part in text.splitlines() if part.strip().startswith("learning_rate")
        ).strip()  # fmt: skip
        assert text.count(old) >= 1
        (copies[name] / "config.yaml").write_text(text.replace(old, line, 1), encoding="utf-8")
    results = score([str(run), str(copies["again"]), str(copies["other"])], **QUICK)
    (recipe,) = results["recipes"]
    assert recipe["models"] == [str(run), str(copies["again"])]
    assert recipe["seeds"] == [3, 4]
    r2 = results["models"][0]["rsa"]["r2"]
    assert recipe["r2"] == pytest.approx({"mean": r2, "spread": 0.0, "low": r2, "high": r2})
    assert "recipes" not in score([str(run)], **QUICK)
    first, again = (block["odd_one_out"]["log_likelihood"] for block in results["models"][:2])
    assert (
        first["temperature"] != again["temperature"]
    )  # each from the clips its own seed held back


def test_the_data_of_a_demo_are_found_in_its_run(rehearsal, tmp_path, monkeypatch):
    """`--data demo` after `bgs demo`: no such data in the homes of this folder, but the run knows them."""
    monkeypatch.chdir(tmp_path)
    settings = data_settings([str(rehearsal.folder)], data="demo")
    assert settings.triplets_dir == rehearsal.folder / "data" / "triplets"
    (tmp_path / "triplets" / "demo").mkdir(parents=True)
    assert data_settings([str(rehearsal.folder)], data="demo").triplets_dir == Path("triplets")
    assert data_settings(["bgs-tiny"], data="demo").triplets_dir == Path("triplets")
