"""Scenes and ratings belong together, or the reader says which row does not."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bgs.animations.phase_set import PhaseSet, load_phase, read_ratings
from bgs.errors import DataError

HEADER = "clip,friendly,neutral,adversarial\n"


def write_scenes(folder: Path, *clips: str) -> None:
    entries = [
        {"clip": clip, "entity_sizes": [1.0] * 4, "wall_segs": [], "landmark_centers": []}
        for clip in clips
    ]
    (folder / "scenes.json").write_text(json.dumps(entries))
    np.savez(folder / "trajectories.npz", **{clip: np.full((4, 6, 5), 12.0) for clip in clips})


def put(folder: Path, text: str) -> Path:
    file = folder / "ratings.csv"
    file.write_text(text)
    return file


def test_labels_counts_and_valence_follow_from_the_answers(tmp_path):
    write_scenes(tmp_path, "b", "a", "c")
    put(tmp_path, HEADER + "a,8,1,1\nb,0,5,5\nc,0,2,6\n")
    phase = load_phase(tmp_path)
    assert phase.clips == ("a", "b", "c") == tuple(phase.scenes)
    assert phase.labels == ("friendly", "tied", "adversarial")
    np.testing.assert_array_equal(phase.counts, [[8, 1, 1], [0, 5, 5], [0, 2, 6]])
    np.testing.assert_allclose(phase.ratings.valence, [0.7, -0.5, -0.75])
    assert repr(phase) == "PhaseSet(scenes=3, answers=28)"
    assert phase.ratings.splits == ("", "", "")


def test_splits_are_read_where_they_are_stated(tmp_path):
    file = put(tmp_path, "split," + HEADER + "train,a,1,0,0\ntest,b,1,0,0\n")
    assert read_ratings(file).splits == ("train", "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "clip,friendly,neutral\na,1,2\n",
            ", row 1: there is no column 'adversarial' (columns: clip",
        ),
        (HEADER, ": the file has a header and no rows; export it again"),
        (
            HEADER + "a,1,0,0\na,1,0,0\n",
            ", row 3: clip 'a' was rated in row 2 already; give one row",
        ),
        (
            HEADER + "a,1,-1,0\n",
            ", row 2: neutral of clip 'a' is '-1', which is no number of people",
        ),
        (HEADER + "a,1,0.5,0\n", ", row 2: neutral of clip 'a' is '0.5', which is no number of"),
        (HEADER + "a,1,,0\n", ", row 2: neutral of clip 'a' is '', which is no number of people"),
        (
            HEADER + "a,1,0\n",
            ", row 2: adversarial of clip 'a' is '', which is no number of people",
        ),
        (HEADER + "../x,1,0,0\n", ", row 2: the clip id is '../x', which is a path; give a name"),
        (
            HEADER + "A,1,0,0\na,1,0,0\n",
            ", row 3: the clip id is 'a', and another is 'A'; tell them",
        ),
        (HEADER + "a,1,0,0,5\n", ", row 2: more fields than the header has columns; mend the line"),
        (HEADER + "a," + "1" * 140_000, ", row 1: not a table: field larger than field limit"),
        (HEADER + "\xe9,1,0,0\n", ", row 2: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (HEADER + "a,0,0,0\n", ", row 2: nobody rated clip 'a'; leave the row and its scene out"),
        (
            "split," + HEADER + "dev,a,1,0,0\n",
            ", row 2: split is 'dev'; write train or test, or leave",
        ),
    ],
)
def test_broken_ratings_are_refused_by_row(text, message, tmp_path):
    file = put(tmp_path, "")
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=f"^{re.escape(f'{file}{message}')}"):
        read_ratings(file)


def test_ratings_and_scenes_are_of_the_same_clips(tmp_path):
    write_scenes(tmp_path, "a", "b")
    put(tmp_path, HEADER + "a,1,0,0\n")
    with pytest.raises(DataError, match="scene 'b' has no ratings; add a row for it"):
        load_phase(tmp_path)
    put(tmp_path, HEADER + "a,1,0,0\nb,1,0,0\nz,1,0,0\n")
    with pytest.raises(DataError, match="ratings are about clip 'z', which is no scene"):
        load_phase(tmp_path)
    (tmp_path / "ratings.csv").unlink()
    (tmp_path / "ratings.csv").mkdir()
    with pytest.raises(DataError, match=r"ratings\.csv: is a folder, not a file; give a CSV file"):
        load_phase(tmp_path)
    (tmp_path / "ratings.csv").rmdir()
    with pytest.raises(DataError, match=r"ratings\.csv: is missing; give a CSV file with columns"):
        load_phase(tmp_path)


def test_the_sixty_real_scenes_and_what_people_said(shared_data):
    phase = load_phase(shared_data / "phase60")
    assert isinstance(phase, PhaseSet)
    assert len(phase.clips) == 60
    assert phase.counts.sum() == 787
    labels = list(phase.labels)
    assert [labels.count(name) for name in ("friendly", "neutral", "adversarial")] == [21, 18, 21]
    stated = {
        e["clip"]: e["label"] for e in json.loads((shared_data / "phase60/scenes.json").read_text())
    }
    assert dict(zip(phase.clips, phase.labels, strict=True)) == stated
    assert {scene.num_entities for scene in phase.scenes.values()} == {4}
