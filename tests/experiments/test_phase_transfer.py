"""No look at real ratings goes unrecorded, no design is looked at twice, and none is changed after it was frozen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import phase_designs, phase_looks, phase_transfer
from experiments.phase_designs import Design, draw_clips, simulate


def test_a_look_is_written_down_before_it_is_taken(tmp_path: Path) -> None:
    log = tmp_path / "looks.json"
    words = {"look": "phase", "seeds": [1, 2], "decided_before": "all of it", "frozen": None}
    assert phase_looks.announce_look("demo", log=log, **words) == 1
    assert phase_looks.read_looks(log)[0]["figures"] is None
    assert phase_looks.announce_look("other", log=log, **words) == 2
    phase_looks.complete_look(1, {"rsa": 0.1}, log=log)
    looks = phase_looks.read_looks(log)
    assert [(x["number"], x["design"], x["figures"]) for x in looks] == [
        (1, "demo", {"rsa": 0.1}),
        (2, "other", None),
    ]
    with pytest.raises(SystemExit, match=r"design 'demo' was looked at on .*; see looks\.json"):
        phase_looks.refuse_second_look("demo", log=log)
    phase_looks.refuse_second_look("third", log=log)


def test_the_log_in_the_tree_is_complete_and_each_design_stands_once() -> None:
    looks = phase_looks.read_looks()
    assert [look["number"] for look in looks] == list(range(1, len(looks) + 1))
    assert len({look["design"] for look in looks}) == len(looks)
    assert all(look["figures"] and look["decided_before"] for look in looks)
    summary = json.loads(phase_transfer.SUMMARY.read_text(encoding="utf-8"))
    assert {look["design"] for look in looks} == set(summary)
    for look in looks:  # what was logged is what is reported
        assert summary[look["design"]]["changes"] == look["figures"]["changes"]


def test_the_frozen_choice_is_the_one_looked_at() -> None:
    if not phase_transfer.CHOICE.is_file():
        pytest.skip("no design has been frozen")
    frozen = json.loads(phase_transfer.CHOICE.read_text(encoding="utf-8"))["frozen"]
    assert phase_looks.hash_of(frozen["design"]) == frozen["sha256"]
    looks = {look["design"]: look for look in phase_looks.read_looks()}
    if frozen["design"]["name"] in looks:
        look = looks[frozen["design"]["name"]]
        assert look["frozen_sha256"] == frozen["sha256"]
        assert look["date"] > frozen["date"]


def test_a_changed_choice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "choice.json"
    design = {"name": "x", "num_clips": 40}
    frozen = {"design": design | {"num_clips": 80}, "sha256": phase_looks.hash_of(design)}
    file.write_text(json.dumps({"frozen": frozen}), encoding="utf-8")
    monkeypatch.setattr(phase_transfer, "CHOICE", file)
    with pytest.raises(SystemExit, match=r"choice\.json was changed after it was frozen"):
        phase_transfer.look_at_choice(tmp_path, tmp_path)


def test_clips_are_drawn_alike_and_seeds_apart() -> None:
    world, rated = simulate(7, num_clips=20, judged=False)
    assert len(rated) == 20
    assert (rated.counts.sum(axis=1) > 0).all()
    scenes = dict(list(world.scenes.items())[:4])
    clips = draw_clips(scenes, ["phase", "random"], num_frames=4, seed=1)
    assert clips.frames.shape == (4, 4, 3, 64, 64)
    again = draw_clips(scenes, ["phase", "random"], num_frames=4, seed=1)
    assert np.array_equal(clips.frames, again.frames)
    assert not np.array_equal(
        clips.frames, draw_clips(scenes, ["phase", "random"], num_frames=4, seed=2).frames
    )
    used = {*phase_designs.CHOOSING_SEEDS, phase_designs.TUNING_SEED}
    assert not used & set(phase_designs.FROZEN_SEEDS)


def test_a_design_is_tuned_chosen_and_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Design("small", num_clips=60, num_epochs=1, lora_r=0)
    monkeypatch.setattr(phase_designs, "DESIGNS", (small,))
    monkeypatch.setattr(phase_designs, "CHOOSING_SEEDS", (5,))
    record = phase_designs.choose(tmp_path, tmp_path / "choice.json")
    written = json.loads((tmp_path / "choice.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(record))
    with pytest.raises(SystemExit, match=r"choice\.json is there: what was frozen is not chosen"):
        phase_designs.choose(tmp_path, tmp_path / "choice.json")
    assert record["simulated"] is True
    assert record["frozen"]["sha256"] == phase_looks.hash_of(record["frozen"]["design"])
    assert set(record["designs"][0]) == {"design", "mean", "before", "after", "trajectories"}
    folder = tmp_path / "small" / f"seed-{phase_designs.TUNING_SEED}"
    assert (folder / "config.yaml").is_file()
    stamp = (folder / "model.json").stat().st_mtime_ns
    chosen = record["frozen"]["design"]
    assert (
        phase_designs.tune_design(chosen, seed=phase_designs.TUNING_SEED, runs=tmp_path) == folder
    )
    assert (folder / "model.json").stat().st_mtime_ns == stamp
