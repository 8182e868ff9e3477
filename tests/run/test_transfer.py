"""From scenes and ratings on disk to a transfer table; what the ratings follow is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bgs.animations.behaviours import RELATIONS, join_controls, sample_controls
from bgs.animations.phase_set import load_phase
from bgs.animations.physics import scene_of, simulate_motion
from bgs.animations.scene import Scene
from bgs.errors import BgsError, DataError
from bgs.evaluation.transfer import Protocol, TransferTask
from bgs.evaluation.transfer_ceiling import rater_ceiling
from bgs.evaluation.transfer_ratings import RatedClips
from bgs.run.transfer import transfer
from bgs.run.transfer_sets import open_rated, render_set, scene_features

QUICK = Protocol(num_repeats=1, num_bootstrap=100, num_permutations=100, min_lead=0.3)
LABELS = ("friendly", "neutral", "adversarial")


def simulate(seed: int, count: int) -> dict[str, Scene]:
    rng = np.random.default_rng(seed)
    share = -(-count // len(RELATIONS))
    controls = join_controls([sample_controls(name, share, rng=rng) for name in RELATIONS])
    motion = simulate_motion(controls.take(rng.permutation(count)), rng=rng)
    return {f"s{k:02d}": scene_of(motion, k) for k in range(count)}


def rate(scenes: dict[str, Scene]) -> np.ndarray:
    """Slow clips friendly, fast ones adversarial, by 10 of 12 people; a third of the clips each."""
    tempo = scene_features(scenes)[:, 2]
    label = np.argsort(np.argsort(tempo)) * 3 // len(tempo)
    return np.eye(3, dtype=int)[label] * 9 + 1


def write_scenes(
    folder: Path, scenes: dict[str, Scene], counts: np.ndarray, **columns: Any
) -> Path:
    """The layout of PHASE: worlds of 32 x 24 with y upwards, two agents first."""
    folder.mkdir(parents=True)
    motions, entries = {}, []
    for clip, scene in scenes.items():
        places = scene.positions * np.array([1, -1]) * 10 + np.array([16, 12])
        motions[clip] = places.astype(np.float32)
        walls = scene.walls * np.array([1, -1]) * 10 + np.array([16, 12])
        entries.append(
            {
                "clip": clip,
                "entity_sizes": (scene.sizes * 10).tolist(),
                "wall_segs": walls.tolist(),
                "landmark_centers": [],
            }
        )
    np.savez(folder / "trajectories.npz", **motions)
    (folder / "scenes.json").write_text(json.dumps(entries), encoding="utf-8")
    with (folder / "ratings.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", *LABELS, *columns])
        for row, (clip, votes) in enumerate(zip(scenes, counts.tolist(), strict=True)):
            writer.writerow([clip, *votes, *(values[row] for values in columns.values())])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenes = simulate(1, 30)
    return write_scenes(tmp_path_factory.mktemp("phase") / "toy", scenes, rate(scenes))


@pytest.fixture(scope="module")
def results(folder: Path, rehearsal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("out")
    found = transfer(
        [f"tuned={rehearsal.folder}"],
        phase_dir=folder,
        size=64,
        protocol=QUICK,
        out=out,
        progress=False,
    )
    written = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(found))
    return found


def test_a_run_stands_beside_its_controls(results: dict[str, Any]) -> None:
    roles = {row["model"]: row["role"] for row in results["models"]}
    assert roles == {
        "bgs-tiny (untuned)": "before",
        "tuned": "after",
        "bgs-tiny (random initialisation)": "control",
        "low-level:motion": "baseline",
        "trajectory features": "baseline",
    }
    assert [(row["from"], row["to"]) for row in results["differences"]] == [
        (name, "tuned") for name in roles if name != "tuned"
    ]
    assert (results["n_clips"], results["look"], results["simulated"]) == (30, "phase", False)
    assert results["majority_labels"] == dict.fromkeys(LABELS, 10)
    assert results["n_triads"] == 3 * 45 * 20
    assert results["chance"]["majority_label"] == pytest.approx(1 / 3)
    for row in results["models"]:
        for question in ("rsa", "odd_one_out", "knn", "probe"):
            low, high = row[question]["ci95"]
            assert low <= row[question]["value"] <= high


def test_what_the_ratings_follow_is_found(results: dict[str, Any]) -> None:
    rows = {row["model"]: row for row in results["models"]}
    measured, random = rows["trajectory features"], rows["bgs-tiny (random initialisation)"]
    assert measured["probe"]["value"] > 0.5
    assert measured["rsa"]["ci95"][0] > 0
    assert measured["odd_one_out"]["value"] > random["odd_one_out"]["value"]
    assert results["ceiling"]["accuracy"] > 0.9


def test_a_main_set_and_a_set_to_train_on(folder: Path, tmp_path: Path) -> None:
    scenes = simulate(2, 36)
    split = ["train", "test"] * 18
    own = write_scenes(tmp_path / "own", scenes, rate(scenes), split=split)
    options = {"size": 64, "protocol": QUICK, "progress": False}
    found = transfer(["low-level:motion"], data=str(own), train=[str(folder)], **options)
    row = found["models"][0]
    assert found["n_clips"] == row["probe"]["n_clips"] == 18
    assert found["protocol"]["probe_fitted_on"] == "own (main)"
    assert list(row["probe_on"]) == [str(folder)]
    assert row["probe_cross_validated"] is None  # a label has too few clips for it
    named = transfer(["low-level:motion"], data=str(folder), main=str(own), **options)
    assert named["protocol"]["probe_fitted_on"] == str(own)
    assert named["models"][-1]["probe"]["value"] > 0.5  # trajectories, fitted on other scenes


def test_people_on_60_real_scenes(shared_data: Path) -> None:
    """No model is asked: only how far raters agree, which is the ceiling of the published 83 %."""
    phase = load_phase(shared_data / "phase60")
    task = TransferTask.of(RatedClips(phase.clips, LABELS, phase.counts))
    assert np.bincount(task.labels).tolist() == [21, 18, 21]
    assert len(task.triads) == 9450
    ceiling = rater_ceiling(task.rated, num_splits=50)
    assert ceiling.one_rater.value == pytest.approx(0.831, abs=0.001)
    assert ceiling.accuracy.value == pytest.approx(0.93, abs=0.02)
    assert ceiling.spearman.value == pytest.approx(0.72, abs=0.02)


def write_card(home: Path, scenes: dict[str, Scene], *, simulated: bool = True) -> list[str]:
    """A card of rated clips called `mine`; returns their ids."""
    clips = render_set(scenes, home / "mine", name="mine", look="discs", size=64, progress=False)
    with (home / "mine" / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", *LABELS])
        writer.writerows(
            [path.stem, *votes]
            for path, votes in zip(clips.paths, rate(scenes).tolist(), strict=True)
        )
    card = {
        "name": "mine",
        "title": "Scenes that nobody saw",
        "simulated": simulated,
        "licence": "MIT",
        "obtain": "simulate them",
        "clip_path": "mine/{clip}.mp4",
        "table": {"path": "mine/clips.csv", "ratings": list(LABELS)},
    }
    (home / "mine.yaml").write_text(json.dumps(card), encoding="utf-8")
    return [path.stem for path in clips.paths]


def test_a_card_that_counts_labels(tmp_path: Path) -> None:
    write_card(tmp_path, simulate(3, 24))
    found = transfer(
        ["low-level:motion"], data="mine", videos_dir=tmp_path, protocol=QUICK, progress=False
    )
    assert (found["data"], found["simulated"], found["look"]) == ("mine", True, None)
    assert [row["model"] for row in found["models"]] == ["low-level:motion"]


def write_latents(home: Path, ids: list[str], votes: np.ndarray) -> Path:
    """Valence is what the votes follow; the other variable is smaller, and noise."""
    noise = np.random.default_rng(0).normal(0, 0.1, len(ids))
    table = pd.DataFrame(
        {
            "clip": ids,
            "tempo": 5.0,
            "latent_valence": votes.argmax(axis=1) - 1.0,
            "latent_tempo": noise,
        }
    )
    table.to_csv(home / "mine" / "latents.csv", index=False)
    return home / "mine" / "latents.csv"


def test_what_a_simulation_knows_stands_beside_the_models(tmp_path: Path) -> None:
    """A control that should succeed: without it, a table of failures would say nothing of any model."""
    scenes = simulate(3, 24)
    ids = write_card(tmp_path, scenes)
    file = write_latents(tmp_path, ids, rate(scenes))
    options = {"data": "mine", "videos_dir": tmp_path, "protocol": QUICK, "progress": False}
    rows = {row["model"]: row for row in transfer(["low-level:motion"], **options)["models"]}
    assert list(rows) == ["low-level:motion", "latent valence", "latent geometry"]
    assert {rows[name]["role"] for name in ("latent valence", "latent geometry")} == {"latent"}
    truth = rows["latent valence"]
    assert truth["knn"]["value"] == truth["probe"]["value"] == truth["odd_one_out"]["value"] == 1
    # Weights are kept: standardised, the noise would count as much as what the votes follow.
    assert rows["latent geometry"]["odd_one_out"]["value"] > 0.98
    assert rows["latent geometry"]["rsa"]["value"] > 0.6
    pd.read_csv(file).iloc[1:].to_csv(file, index=False)
    with pytest.raises(DataError, match="does not have the latent variables of every clip"):
        transfer(["low-level:motion"], **options)


def test_what_nobody_simulated_has_no_truth(tmp_path: Path) -> None:
    scenes = simulate(3, 24)
    ids = write_card(tmp_path, scenes, simulated=False)
    write_latents(tmp_path, ids, rate(scenes))
    found = open_rated(
        "mine", phase_dir=None, videos_dir=tmp_path, look=None, size=64, scratch=tmp_path
    )
    assert found.latents is None


def test_the_same_seed_draws_the_same_clips(tmp_path: Path) -> None:
    scenes = dict(list(simulate(4, 9).items())[:3])
    drawn = [
        render_set(
            scenes, tmp_path / name, name="x", look="random", size=64, seed=seed, progress=False
        )
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    first, again, other = ([path.read_bytes() for path in clips.paths] for clips in drawn)
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "the PHASE scenes are not here; name their folder with --phase-dir"),
        ({"phase_dir": Path("nowhere")}, "'nowhere' holds no scenes.json; name a folder with"),
        ({"models": ["a=x", "a=y"]}, "model 'a' is named twice; name every model once"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    models = options.pop("models", ["low-level:motion"])
    with pytest.raises(DataError) as caught:
        transfer(models, videos_dir=tmp_path, progress=False, **options)
    assert str(caught.value).startswith(message)


def of_labels(*per_label: int) -> np.ndarray:
    """Ratings by ten people each: so many clips of each label."""
    return np.repeat(np.eye(3, dtype=int) * 9 + 1, per_label, axis=0)


@pytest.mark.parametrize(
    ("per_label", "options", "message"),
    [
        ((5, 5, 2), {}, "a label has fewer than 5 clips; bring 5 clips a label or more"),
        ((12, 0, 0), {}, "all clips have one label; bring two labels or more"),
        ((2, 1, 1), {}, "4 clips are too few for a confidence interval; bring 10 clips or more"),
        (
            (6, 6, 0),
            {"protocol": Protocol(num_bootstrap=20)},
            "20 bootstrap samples are too few for percentiles; use 100 or more, or 0 for no interval",
        ),
        (
            (6, 6, 0),
            {"protocol": Protocol(num_neighbours=12)},
            "12 neighbours among 12 clips; ask for 1 to 11",
        ),
        ((6, 6, 0), {"size": 33}, "size is 33, but H.264 needs even sides; render at 32 or 34"),
        (
            (6, 6, 0),
            {"models": ["no-such-model"]},
            "model 'no-such-model': unknown backbone 'no-such-model': no such name, folder or Hu",
        ),
        ((6, 6, 0), {"models": ["runs/none"]}, "'runs/none' is not there; "),
        (
            (6, 6, 0),
            {"models": ["low-level:taste"]},
            "unknown low-level predictor 'low-level:taste'; choose one of low-level:motion",
        ),
        ((6, 6, 0), {"main": "nope"}, "no videos card is called 'nope' (known: "),
        (
            (6, 6, 0),
            {"main": "phase"},
            "'phase' is the set that is tested, so no probe may be fitted on all of it; name another",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_a_clip_is_rendered(
    per_label: tuple[int, ...],
    options: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("clips were rendered before all was known to be well")

    monkeypatch.setattr("bgs.run.transfer_sets.render_set", refuse)
    monkeypatch.setattr("bgs.run.transfer.open_entries", refuse)
    counts = of_labels(*per_label)
    folder = write_scenes(tmp_path / "toy", simulate(5, len(counts)), counts)
    settings = {"size": 32, "models": ["low-level:motion"], **options}
    with pytest.raises(BgsError) as caught:
        transfer(phase_dir=folder, videos_dir=tmp_path, progress=False, **settings)
    assert str(caught.value).startswith(message)


def test_a_set_of_training_clips_only_has_nothing_to_test(tmp_path: Path) -> None:
    counts = of_labels(6, 6, 0)
    folder = write_scenes(tmp_path / "toy", simulate(5, 12), counts, split=["train"] * 12)
    with pytest.raises(
        DataError, match=r"^no clip of 'phase' is for testing; call some clips test in"
    ):
        transfer(["low-level:motion"], phase_dir=folder, progress=False)


def test_the_results_of_a_run_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: mine", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"is a run with a results\.json of its own; file the result t"
    ):
        transfer(["bgs-tiny"], out=tmp_path, progress=False)


def test_a_card_without_counts(tmp_path: Path) -> None:
    options = {"phase_dir": None, "videos_dir": tmp_path, "size": 64}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "clips.csv").write_text("clip,mood\na,1\nb,2\n", encoding="utf-8")
    card = {
        "name": "mine",
        "title": "Clips",
        "licence": "MIT",
        "obtain": "-",
        "clip_path": "mine/{clip}.mp4",
        "table": {"path": "mine/clips.csv", "ratings": ["mood"]},
    }
    (tmp_path / "mine.yaml").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(
        DataError, match="clip set 'mine' has no rating 'friendly'; count in its ta"
    ):
        open_rated("mine", scratch=tmp_path / "scratch", look=None, **options)
    with pytest.raises(
        DataError, match="the clips of 'mine' are drawn already, so they have no lo"
    ):
        open_rated("mine", scratch=tmp_path / "scratch", look="discs", **options)
