from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bgs.errors import DataError
from bgs.rdm import RDM
from bgs.reports.record import RunRecord, load_record
from bgs.reports.thumbnails import fit_budget, make_thumbnail
from bgs.run.report import report


def write_run(folder: Path, record: RunRecord) -> Path:
    """The files of a run, as the run itself writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(record.results))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in record.history))
    (folder / "config.yaml").write_text(record.config)
    assert record.human is not None
    np.savez(
        folder / "geometry.npz",
        ids=np.array(record.human.ids),
        human=record.human.dissimilarities,
        counts=record.human.counts,
        before=record.before.dissimilarities,
        after=record.after.dissimilarities,
        triads=record.triads,
    )
    pictures = list(record.thumbnails.values())
    np.savez(
        folder / "thumbnails.npz",
        ids=np.array(list(record.thumbnails)),
        offsets=np.cumsum([0, *map(len, pictures)]),
        png=np.frombuffer(b"".join(pictures), dtype=np.uint8),
        captions=np.array([record.captions.get(clip, "") for clip in record.thumbnails]),
    )
    return folder


def test_a_run_folder_is_read_back_whole(record: RunRecord, tmp_path: Path) -> None:
    found = load_record(write_run(tmp_path / "demo", record))
    assert found.name == "demo"
    assert found.results == record.results
    assert found.history == record.history
    assert (found.human, found.before, found.after) == (record.human, record.before, record.after)
    np.testing.assert_array_equal(found.triads, record.triads)
    assert found.thumbnails == record.thumbnails
    assert found.captions == record.captions
    assert found.config == record.config
    assert found.simulated
    assert (
        repr(found)
        == "RunRecord('demo', 60 clips, 400 judgments, 60 thumbnails, 14 history rows, 0 analyses)"
    )


def test_results_alone_are_enough(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    found = load_record(tmp_path, name="bare")
    assert (
        repr(found)
        == "RunRecord('bare', 0 clips, 0 judgments, 0 thumbnails, 0 history rows, 0 analyses)"
    )
    assert not found.simulated


def test_models_take_the_order_of_the_human_ids() -> None:
    human = RDM.from_condensed("abc", [1.0, 2.0, 3.0])
    record = RunRecord(name="r", results={}, human=human, after=human.restrict("cab"))
    assert record.after == human


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "results.json",
            "{",
            "results.json, row 1: not JSON: Expecting property name enclosed in double quotes; ",
        ),
        ("results.json", "[]", "results.json: results are not a JSON object; "),
        (
            "metrics.jsonl",
            '{"a": 1}\n\n{"b"',
            "metrics.jsonl, row 3: not JSON: Expecting ':' delimiter; ",
        ),
        ("results.json", "[" * 200_000, "results.json: brackets within brackets without end; "),
        ("results.json", "9" * 5000, "results.json: a number of thousands of digits; "),
        ("results.json", b'{"a": "\xe9"}', "results.json, row 1: byte 0xe9 is not UTF-8; "),
        ("results.json", r'{"a": "\ud800"}', "results.json: a text holds half a letter"),
        ("metrics.jsonl", "{}\n3", "metrics.jsonl, row 2: is not a JSON object; "),
        ("metrics.jsonl", b"{}\n\xff", "metrics.jsonl, row 2: byte 0xff is not UTF-8; "),
        ("config.yaml", b"# \xe9", "config.yaml, row 1: byte 0xe9 is not UTF-8; "),
        ("geometry.npz", "no archive", "geometry.npz: not readable as NPZ ("),
    ],
)
def test_a_broken_file_is_named(
    record: RunRecord, tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    folder = write_run(tmp_path / "run", record)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        load_record(folder)
    assert str(caught.value).startswith(f"{folder}/{message}")
    assert str(caught.value).endswith("; run the command that wrote it again")


def test_a_folder_without_results_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_record(tmp_path)
    assert str(caught.value) == (
        f"run {str(tmp_path)!r} has no results.json; name a folder that `bgs fit` or `bgs demo` has finished"
    )


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    np.savez(tmp_path / "geometry.npz", ids=np.array(["a", "b"]))
    with pytest.raises(
        DataError, match=r"geometry\.npz: no array 'human' \(found: ids\); run the command"
    ):
        load_record(tmp_path)
    np.savez(tmp_path / "geometry.npz", ids=np.array(["a", "b"]), human=np.array([1.0]))
    np.savez(
        tmp_path / "thumbnails.npz",
        ids=np.array(["a"]),
        offsets=np.array([0]),
        png=np.zeros(0, np.uint8),
    )
    with pytest.raises(
        DataError, match=r"thumbnails\.npz: 1 offsets for 1 thumbnails; run the command"
    ):
        load_record(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"thumbnails": {"a": b"GIF89a"}},
            "the thumbnail of clip 'a' is not a PNG; run the command that wrote it again",
        ),
        ({"human": None}, "after without the human RDM; give both or neither"),
        (
            {"triads": np.zeros((2, 2), int)},
            "triads have shape (2, 2); give one row of three clips a judgment",
        ),
        (
            {"triads": np.array([[0, 1, 3]])},
            "a triad names clip number 3 of 3; number the clips of the human RDM from 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    human = RDM.from_condensed("abc", [1.0, 2.0, 3.0])
    with pytest.raises(DataError) as caught:
        RunRecord(**({"name": "r", "results": {}, "human": human, "after": human} | fields))
    assert str(caught.value) == message


def test_a_thumbnail_is_the_middle_frame_made_small() -> None:
    from io import BytesIO

    from PIL import Image

    frames = np.zeros((5, 3, 120, 60), dtype=np.uint8)
    frames[2, 0] = 200
    with Image.open(BytesIO(make_thumbnail(frames, size=48))) as picture:
        assert picture.size == (24, 48)
        assert picture.getpixel((12, 24)) == (200, 0, 0)


@pytest.mark.parametrize(
    "frames", [np.zeros((3, 8, 8)), np.zeros((8, 8), np.uint8), np.zeros((4, 8, 8, 3), np.uint8)]
)
def test_a_thumbnail_of_something_else_is_refused(frames: np.ndarray) -> None:
    with pytest.raises(
        DataError,
        match=r"^frames are \w+ of shape .*; give uint8 pixels of shape \(frames, 3, height, width\)$",
    ):
        make_thumbnail(frames)


def test_pictures_shrink_together_until_they_fit() -> None:
    rng = np.random.default_rng(0)
    noise = {
        f"c{i}": make_thumbnail(rng.integers(0, 256, (3, 96, 96), dtype=np.uint8)) for i in range(4)
    }
    total = sum(map(len, noise.values()))
    assert fit_budget(noise, budget=total) == noise
    smaller = fit_budget(noise, budget=total // 3)
    assert smaller.keys() == noise.keys()
    assert total // 12 < sum(map(len, smaller.values())) <= total // 3


def test_runs_that_are_called_the_same_are_told_apart(tmp_path: Path) -> None:
    for parent in ("first", "second"):
        folder = tmp_path / parent / "demo"
        folder.mkdir(parents=True)
        results = {"models": [{"model": parent, "rsa": {"spearman": 0.5, "r2": 0.25}}]}
        (folder / "results.json").write_text(json.dumps(results))
    runs = [tmp_path / "first" / "demo", tmp_path / "second" / "demo"]
    page = report(runs, out=tmp_path / "both.html", figures=tmp_path / "figures")
    text = page.read_text(encoding="utf-8")
    assert "first/demo</h2>" in text
    assert "second/demo</h2>" in text
    for parent in ("first", "second"):
        figure = (tmp_path / "figures" / f"{parent}-demo" / "scores.svg").read_text()
        assert f">{parent}</text>" in figure
    again = report([runs[0]], out=tmp_path / "one.html").read_text(encoding="utf-8")
    assert ">demo</h1>" in again
