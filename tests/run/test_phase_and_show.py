"""PHASE from a folder to clips, ratings, regions and a geometry; any data set on a contact sheet."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bgs.cli.app import main
from bgs.data.clips import load_clips
from bgs.data.geometry import load_geometry
from bgs.data.triplets import load_triplets
from bgs.errors import DataError
from bgs.evaluation.transfer_ratings import RatedClips, rating_geometry
from bgs.run.inventory import check_data_set, import_data_set
from bgs.run.show import show_data_set

COUNTS = {"a": (8, 1, 1), "b": (0, 5, 5), "c": (1, 9, 0), "d": (0, 0, 10)}


def write_release(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    entries = [
        {
            "clip": clip,
            "entity_sizes": [1.0, 1.0, 0.8, 0.8],
            "entity_color_code": {"0": 0, "1": 2, "2": 3},
            "wall_segs": [[[16.0, 12.0], [16.0, 7.0]]],
            "landmark_centers": [[8.5, 19.5]],
        }
        for clip in COUNTS
    ]
    (folder / "scenes.json").write_text(json.dumps(entries))
    motion = {clip: rng.uniform(9, 15, (4, 8, 5)) for clip in COUNTS}
    np.savez(folder / "trajectories.npz", **motion)
    rows = [f"{clip},{','.join(map(str, counts))}" for clip, counts in COUNTS.items()]
    (folder / "ratings.csv").write_text("clip,friendly,neutral,adversarial\n" + "\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("homes")
    release = write_release(home / "release")
    places = {"triplets_dir": home / "triplets", "videos_dir": home / "videos"}
    rows = import_data_set("phase", release, **places, progress=False)
    assert [row["action"] for row in rows] == ["rendered", "computed"]
    return {**places, "release": release}


def test_clips_ratings_and_geometry_are_those_of_the_release(homes):
    clips = load_clips("phase", videos_dir=homes["videos_dir"])
    assert clips.ids == tuple(COUNTS)
    assert clips.ratings is not None
    np.testing.assert_array_equal(
        clips.ratings[["friendly", "neutral", "adversarial"]], list(COUNTS.values())
    )
    assert clips.ratings.loc["a", "valence"] == pytest.approx(0.7)
    table = pd.read_csv(homes["videos_dir"] / "phase/clips.csv")
    assert list(table["label"]) == ["friendly", "tied", "neutral", "adversarial"]
    rdm = load_geometry("phase", "ratings", triplets_dir=homes["triplets_dir"])
    rated = RatedClips(
        tuple(COUNTS), ("friendly", "neutral", "adversarial"), np.array(list(COUNTS.values()))
    )
    assert rdm.ids == tuple(COUNTS)
    np.testing.assert_allclose(
        rdm.dissimilarities, rating_geometry(rated).dissimilarities, atol=1e-6
    )


def test_regions_cover_every_frame_of_every_clip(homes):
    table = pd.read_csv(homes["videos_dir"] / "phase/regions.csv")
    assert set(table["clip"]) == set(COUNTS)
    assert set(table["region"]) == {"agent_1", "agent_2", "object_1", "object_2", "wall"}
    frames = table.groupby("clip")["frame"].agg(["min", "max", "nunique"])
    assert (frames == [0, 35, 36]).all().all()  # three seconds at 12 a second


def test_checking_phase_checks_its_clips_since_it_has_no_judgments(homes):
    places = {key: homes[key] for key in ("triplets_dir", "videos_dir")}
    report = check_data_set("phase", **places, progress=False)
    assert report.triplets is None
    assert report.videos is not None
    assert report.videos.ok
    with pytest.raises(
        DataError, match=r"'phase' has no odd-one-out judgments, only a geometry \(ratings\)"
    ):
        load_triplets("phase", triplets_dir=homes["triplets_dir"])


def test_a_broken_release_leaves_what_was_there(homes, tmp_path):
    broken = shutil.copytree(homes["release"], tmp_path / "broken")
    (broken / "ratings.csv").write_text("clip,friendly,neutral,adversarial\na,1,0,0\n")
    videos = shutil.copytree(homes["videos_dir"], tmp_path / "videos")
    before = {file.name: file.read_bytes() for file in (videos / "phase").glob("*.*")}
    with pytest.raises(DataError, match="scene 'b' has no ratings"):
        import_data_set("phase", broken, triplets_dir=tmp_path / "t", videos_dir=videos)
    assert {file.name: file.read_bytes() for file in (videos / "phase").glob("*.*")} == before
    assert not list((videos / "phase").glob(".part-*"))


def test_videos_as_released_are_taken_by_the_names_that_ratings_give(homes, tmp_path):
    release = tmp_path / "videos_only"
    release.mkdir()
    for clip in COUNTS:
        shutil.copy(homes["videos_dir"] / f"phase/{clip}.mp4", release / f"F8 [{clip}].mp4")
    rows = [
        f"{clip},{','.join(map(str, counts))},{'train' if clip < 'c' else 'test'},F8 [{clip}].mp4"
        for clip, counts in COUNTS.items()
    ]
    header = "clip,friendly,neutral,adversarial,split,file\n"
    (release / "ratings.csv").write_text(header + "\n".join(rows))
    places = {"triplets_dir": tmp_path / "t", "videos_dir": tmp_path / "v"}
    done = import_data_set("phase", release, **places, progress=False)
    assert [row["action"] for row in done] == ["copied", "computed"]
    table = pd.read_csv(tmp_path / "v/phase/clips.csv")
    assert list(table["split"]) == ["train", "train", "test", "test"]
    load_clips("phase", videos_dir=tmp_path / "v").check_files()
    (release / "F8 [d].mp4").unlink()
    with pytest.raises(
        DataError, match=r"row 5: the video of clip 'd' is 'F8 \[d\]\.mp4', which is no"
    ):
        import_data_set("phase", release, **places, progress=False)


def test_a_sheet_shows_clips_with_what_people_said(homes, tmp_path):
    shown = show_data_set("phase", tmp_path / "a.png", videos_dir=homes["videos_dir"], num_clips=2)
    again = show_data_set("phase", tmp_path / "b.png", videos_dir=homes["videos_dir"], num_clips=2)
    assert shown["clips"] == again["clips"]
    assert (shown["of"], shown["simulated"]) == (4, False)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 6 * 128
    others = {
        tuple(
            show_data_set(
                "phase", tmp_path / "c.png", videos_dir=homes["videos_dir"], num_clips=2, seed=seed
            )["clips"]
        )
        for seed in range(4)
    }
    assert len(others) > 1


def test_scenes_are_drawn_in_any_look(homes, tmp_path):
    pictures = {}
    for look in ("phase", "points", "heider-simmel"):
        file = tmp_path / f"{look}.png"
        show_data_set("phase", file, videos_dir=homes["videos_dir"], num_clips=1, look=look)
        pictures[look] = np.asarray(Image.open(file)).mean()
    assert pictures["points"] < pictures["phase"] < pictures["heider-simmel"]
    with pytest.raises(DataError, match="'social250' has no scenes that could be drawn in another"):
        show_data_set("social250", tmp_path / "x.png", videos_dir=tmp_path, look="points")


def test_the_command_line_draws_a_sheet(homes, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["data", "show", "phase", "--videos-dir", str(homes["videos_dir"]), "--clips", "1"])
    assert left.value.code in (0, None)
    assert (tmp_path / "phase.png").is_file()
    assert "phase.png" in capsys.readouterr().out
