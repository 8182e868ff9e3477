"""Where a run looks before and after tuning, from its folder to a filed result with pictures."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bgs.cli.app import main
from bgs.config import load_config
from bgs.data.decoding.pyav import VideoFile
from bgs.errors import BackboneError, BgsError, ConfigError, DataError
from bgs.run.attend import attend
from bgs.run.attention_maps import batch_size
from bgs.run.attention_null import compare_with_chance, tune_on_chance
from bgs.run.embed import Embeddings, open_model, write_embeddings

FEW = {"num_bootstrap": 100, "num_permutations": 100, "progress": False}


@pytest.fixture(scope="module")
def home(rehearsal) -> Path:
    return rehearsal.folder / "data" / "videos"


@pytest.fixture(scope="module")
def clips(rehearsal) -> list[str]:
    """The held-out clips."""
    with np.load(rehearsal.folder / "geometry.npz") as arrays:
        return [str(clip) for clip in arrays["ids"]]


@pytest.fixture(scope="module")
def boxes(clips, tmp_path_factory) -> Path:
    """A left half and a ball on it, in every held-out clip but the last."""
    rows = [
        f"{clip},{frame},{name}"
        for clip in clips[:-1]
        for frame, name in ((0, "ball,0.25,0.25,0.5,0.5"), (0, "left,0,0,0.5,1"))
    ]
    file = tmp_path_factory.mktemp("boxes") / "boxes.csv"
    file.write_text("\n".join(["clip,frame,region,x0,y0,x1,y1", *rows]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def attended(rehearsal, boxes, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A finished run, and what attending to it found."""
    run = tmp_path_factory.mktemp("attended") / "run"
    run.mkdir()
    for name in (
        "config.yaml",
        "results.json",
        "model.json",
        "head.safetensors",
        "preprocessor.json",
    ):
        shutil.copy(rehearsal.folder / name, run)
    shutil.copytree(rehearsal.folder / "adapter", run / "adapter")
    return run, attend(str(run), regions=boxes, num_shown=2, **FEW)


def test_the_result_is_filed_with_its_pictures(attended, clips) -> None:
    run, results = attended
    filed = json.loads((run / "analyses" / "attention.json").read_text(encoding="utf-8"))
    assert filed == json.loads(json.dumps(results))
    assert results["simulated"] is True
    assert results["part"] == "test"
    assert results["n_clips"] == len(clips)
    assert results["grid"] == {"times": 6, "rows": 4, "columns": 4}
    pictures = run / "analyses"
    assert sorted(file.name for file in pictures.iterdir()) == ["attention", "attention.json"]
    for shown in results["shown"]:
        assert (pictures / shown["png"]).read_bytes().startswith(b"\x89PNG")
        assert (pictures / shown["video"]).stat().st_size > 1000
        assert shown["caption"]
    assert len(list((pictures / "attention").iterdir())) == 4


def test_tuning_moved_attention_less_than_clips_differ(attended) -> None:
    divergence = attended[1]["divergence"]
    assert 0 < divergence["least"] <= divergence["mean"] <= divergence["most"]
    assert divergence["ci95"][0] < divergence["mean"] < divergence["ci95"][1]
    assert divergence["mean"] < divergence["between_clips"]
    assert divergence["shuffled"] is None


def test_clips_are_listed_most_changed_first(attended, clips) -> None:
    rows = attended[1]["clips"]
    changes = [row["divergence"] for row in rows]
    assert changes == sorted(changes, reverse=True)
    assert sorted(row["clip"] for row in rows) == sorted(clips)
    assert [row["clip"] for row in attended[1]["shown"]] == [row["clip"] for row in rows[:2]]


def test_shares_of_every_clip_sum_to_one(attended, clips) -> None:
    _, results = attended
    by_clip = {row["clip"]: row["shares"] for row in results["clips"]}
    assert by_clip[clips[-1]] is None
    assert results["left_out"] == {"clips without regions": f"1 of {len(clips)}"}
    for clip in clips[:-1]:
        shares = by_clip[clip]
        assert list(shares) == ["ball", "left", "background"]
        assert shares["ball"]["area"] == pytest.approx(1 / 16)
        assert shares["left"]["area"] == pytest.approx(7 / 16)
        for what in ("area", "base", "tuned"):
            assert sum(share[what] for share in shares.values()) == pytest.approx(1)
    table = {row["region"]: row for row in results["regions"]["shares"]}
    first = [by_clip[clip]["left"]["base"] for clip in clips[:-1]]
    assert table["left"]["base"] == pytest.approx(np.mean(first))
    assert table["left"]["n_clips"] == len(clips) - 1
    # These regions lie alike in every clip, so attention cannot follow them.
    assert table["left"]["p_base"] == 1.0
    assert table["left"]["base_elsewhere"] == pytest.approx(table["left"]["base"])


def test_a_bare_backbone_has_maps_and_no_change(home, clips, tmp_path) -> None:
    folder = home / "demo"  # a folder of videos and nothing else
    results = attend(
        "bgs-tiny", videos=str(folder), clips=clips[:2], out=tmp_path, num_shown=1, **FEW
    )
    assert results["tuned"] is None
    assert results["divergence"] is None
    assert [row["clip"] for row in results["clips"]] == clips[:2]
    assert results["part"] == "chosen"
    assert (tmp_path / results["shown"][0]["png"]).is_file()
    assert results["left_out"]["regions"] == "no file of regions was named or came with the clips"


def test_regions_that_came_with_the_clips_are_used(home, clips, tmp_path) -> None:
    own = tmp_path / "videos"
    shutil.copytree(home / "demo", own / "demo")
    (own / "demo" / "regions.csv").write_text(
        f"clip,frame,region,x0,y0,x1,y1\n{clips[0]},0,top,0,0,1,0.25\n", encoding="utf-8"
    )
    results = attend(
        "bgs-tiny", videos="demo", videos_dir=own, clips=clips[:1], out=tmp_path, num_shown=0, **FEW
    )  # fmt: skip
    assert results["regions"]["file"] == str(own / "demo" / "regions.csv")
    assert [row["region"] for row in results["regions"]["shares"]] == ["top", "background"]
    assert results["regions"]["shares"][0]["area"] == pytest.approx(0.25)


def test_pictures_of_an_earlier_attendance_are_replaced(home, clips, tmp_path) -> None:
    for clip in clips[:2]:
        attend(
            "bgs-tiny", videos=str(home / "demo"), clips=[clip], out=tmp_path, method="last", **FEW
        )
    assert [file.suffix for file in sorted((tmp_path / "attention").iterdir())] == [".mp4", ".png"]
    assert clips[1] in sorted((tmp_path / "attention").iterdir())[0].name


def test_a_detector_finds_the_regions(home, clips, tmp_path, monkeypatch) -> None:
    (tmp_path / "halves.py").write_text(
        "def find(picture):\n"
        "    height, width = picture.shape[:2]\n"
        "    return [('upper', 0, 0, width, height / 2)]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    results = attend(
        "bgs-tiny", videos="demo", videos_dir=home, clips=clips[:2], out=tmp_path / "out",
        detector="halves:find", num_shown=0, **FEW,
    )  # fmt: skip
    assert results["regions"]["file"] == "find"
    assert results["regions"]["shares"][0]["area"] == pytest.approx(0.5)
    assert results["shown"] == []


def test_tuning_on_chance_moves_the_adapters(rehearsal) -> None:
    config = load_config(rehearsal.folder / "config.yaml")
    moved = tune_on_chance(config, epoch=2, progress=False)
    tuned = open_model(str(rehearsal.folder))
    changes = [float(p.detach().abs().sum()) for name, p in moved.named_parameters() if "lora_B" in name]  # fmt: skip
    assert min(changes) > 0  # B starts at zero
    same = zip(moved.parameters(), tuned.parameters(), strict=True)
    assert not all(bool((one == other).all()) for one, other in same)


def test_chance_is_compared_clip_by_clip(attended, clips, monkeypatch, tmp_path) -> None:
    """Had chance moved attention exactly as the judgments did, the difference would be 0."""
    run, _ = attended
    monkeypatch.setattr(
        "bgs.run.attention_null.tune_on_chance", lambda *_, **__: open_model(str(run))
    )
    found = attend(str(run), clips=clips[:10], shuffled=True, out=tmp_path, num_shown=0, **FEW)
    chance = found["divergence"]["shuffled"]
    assert chance["mean"] == pytest.approx(found["divergence"]["mean"])
    assert chance["difference"] == pytest.approx(0, abs=1e-9)
    assert (
        chance["epoch"] == json.loads((run / "results.json").read_text())["training"]["best_epoch"]
    )


@pytest.mark.parametrize(
    ("tokens", "views", "clips"), [((6, 4, 4), 1, 16), ((8, 16, 16), 1, 8), ((8, 24, 24), 1, 1), ((1, 14, 14), 8, 16)]
)  # fmt: skip
def test_batches_keep_the_matrices_within_bounds(tokens, views, clips) -> None:
    times, rows, columns = tokens
    spec = SimpleNamespace(
        frames=SimpleNamespace(num_frames=2 * times if views == 1 else views),
        num_prefix_tokens=0,
        tubelet_size=2 if views == 1 else 1,
    )
    backbone: Any = SimpleNamespace(spec=spec, grid_size=(rows, columns), views=views)
    assert batch_size(backbone) == clips


# -- mistakes


def test_what_reads_no_frames_has_no_maps(home, tmp_path, capsys) -> None:
    file = tmp_path / "given.npz"
    write_embeddings(Embeddings("x", ("a",), np.ones((1, 2), dtype=np.float32)), file)
    for name in (f"features:{file}", "caption:tfidf"):
        with pytest.raises(BackboneError) as caught:
            attend(name, videos="demo", videos_dir=home, out=tmp_path)
        assert str(caught.value) == (
            f"{name!r} has no attention maps: it reads no frames; "
            "name a run or backbone that reads clips (`bgs backbones`)"
        )
    with pytest.raises(SystemExit) as stopped:
        main(["attend", "caption:tfidf", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_mistakes_are_named_before_any_work(home, boxes, rehearsal, clips, tmp_path) -> None:
    with pytest.raises(BgsError) as caught:
        attend("bgs-tiny", videos="demo", videos_dir=home)
    assert str(caught.value) == (
        "'bgs-tiny' is no run, so there is no place for its maps yet; say where to write them: --out FOLDER"
    )
    theirs = tmp_path / "theirs" / "attention" / "paper.tex"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work", encoding="utf-8")
    with pytest.raises(BgsError, match="holds 'attention', which is not of an earlier result"):
        attend("bgs-tiny", videos="demo", videos_dir=home, out=tmp_path / "theirs")
    assert theirs.is_file()
    where = {"videos": "demo", "videos_dir": home, "out": tmp_path, **FEW}
    with pytest.raises(DataError, match="no clips were named; add --data NAME or --videos NAME"):
        attend("bgs-tiny", out=tmp_path)
    with pytest.raises(DataError, match="clip 'nobody' is not among the"):
        attend("bgs-tiny", clips=["nobody"], **where)
    with pytest.raises(DataError, match=f"clip '{clips[0]}' is named twice"):
        attend("bgs-tiny", clips=[clips[0], clips[0]], **where)
    with pytest.raises(BackboneError, match="with one clip, which has no others to stand apart"):
        attend("bgs-tiny", clips=clips[:1], method="relevance", **where)
    with pytest.raises(ConfigError, match="both a file of regions and a detector; give one"):
        attend("bgs-tiny", clips=clips[:1], regions=boxes, detector="a:b", **where)
    with pytest.raises(ConfigError, match="detector 'boxes' is not module:function; write it as"):
        attend("bgs-tiny", clips=clips[:1], detector="boxes", **where)
    with pytest.raises(DataError, match="none of the 1 clips looked at has a region"):
        attend("bgs-tiny", clips=clips[-1:], regions=boxes, **where)


@pytest.fixture
def no_model(monkeypatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("a model was opened before all was known to be well")

    monkeypatch.setattr("bgs.run.attend.open_model", refuse)
    monkeypatch.setattr("bgs.run.attend.make_maps", refuse)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def find(p):\n    raise RuntimeError('boom')", "detector 'find' failed on clip {} (RuntimeError: boom)"),
        ("def find(p):\n    raise SystemExit(3)", "detector 'find' failed on clip {} (SystemExit: 3); mend"),
        ("def find(p):\n    return None", "detector 'find' returned None for clip {}; return a list of"),
        ("def find(p):\n    return [('background', 0, 0, 9, 9)]", "detector 'find': the region of a box on clip {} is"),
        ("raise ValueError('bad')", "detector 'MODULE:find' could not be imported (ValueError: bad); install it"),
        ("raise SystemExit(3)", "detector 'MODULE:find' could not be imported (SystemExit: 3); install it"),
        ("def find(:", "detector 'MODULE:find' could not be imported (SyntaxError: "),
        ("def other(p): ...", "detector 'MODULE:find' could not be imported (AttributeError: "),
        ("find = 3", "detector 'MODULE:find' is not a function; name a function"),
    ],
)  # fmt: skip
def test_a_bad_detector_is_named_before_a_model_is_opened(
    home, clips, tmp_path, monkeypatch, no_model, body, says
) -> None:
    module = f"eyes_{abs(hash(body))}"
    (tmp_path / f"{module}.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BgsError) as caught:
        attend(
            "bgs-tiny", videos="demo", videos_dir=home, clips=clips[:2], out=tmp_path / "out",
            detector=f"{module}:find", **FEW,
        )  # fmt: skip
    expected = says.format(f"{clips[0]!r}, frame 0").replace("MODULE", module)
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("name", ["..eyes:find", ".:find", ":find", "eyes:", "no_such_eyes:find"])
def test_a_detector_that_is_not_there(home, clips, tmp_path, no_model, name) -> None:
    with pytest.raises(ConfigError) as caught:
        attend("bgs-tiny", videos="demo", videos_dir=home, out=tmp_path, detector=name, **FEW)
    expected = (
        "could not be imported (ModuleNotFoundError: No module named 'no_such_eyes'); install it, or"
        if name.startswith("no_such")
        else "is not module:function; write it as my_boxes:find_faces"
    )
    assert str(caught.value).startswith(f"detector {name!r} {expected}")


def test_regions_of_other_clips_cost_no_maps(home, boxes, clips, tmp_path, no_model) -> None:
    with pytest.raises(DataError) as caught:
        attend(
            "bgs-tiny", videos="demo", videos_dir=home, clips=clips[-1:], out=tmp_path, regions=boxes, **FEW
        )  # fmt: skip
    assert str(caught.value) == (
        f"{boxes}: none of the 1 clips looked at has a region; name clips that the file is about"
    )


@pytest.mark.parametrize(
    "place", ["bgs.reports.attention.write_strip", "bgs.whole_files.os.replace"]
)
def test_a_full_disk_leaves_the_earlier_attendance(
    home, clips, tmp_path, monkeypatch, place
) -> None:
    options = {"videos": "demo", "videos_dir": home, "out": tmp_path, "method": "last", **FEW}
    attend("bgs-tiny", clips=clips[:1], **options)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(place, fail)
    with pytest.raises(DataError) as caught:
        attend("bgs-tiny", clips=clips[:2], **options)
    assert str(caught.value) == (
        f"the disk of {tmp_path} is full; free some space, or choose another place for the output; "
        "what was there before is kept"
    )
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attention", "attention.json"]


def test_a_cache_that_cannot_be_made_is_one_line(
    home, clips, tmp_path, monkeypatch, capsys
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BGS_CACHE", str(tmp_path / "file"))
    common = ["--videos", "demo", "--videos-dir", str(home), "--out"]
    for command in (
        ["attend", "bgs-tiny", *common, str(tmp_path / "out"), "--clips", clips[0], "-q"],
        ["embed", "bgs-tiny", *common, str(tmp_path / "e.npz"), "-q"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(command)
        assert stopped.value.code == 2
        assert capsys.readouterr().err == (
            f"error: {tmp_path / 'file' / 'clips'} cannot be written (Not a directory); "
            "set BGS_CACHE to a folder you may write to\n"
        )


def test_the_command_prints_a_table_or_json(home, clips, boxes, tmp_path, capsys) -> None:
    common = [
        "attend", "bgs-tiny", "--videos", "demo", "--videos-dir", str(home), "--clips", ",".join(clips[:3]),
        "--regions", str(boxes), "--out", str(tmp_path), "--show", "1", "-q",
    ]  # fmt: skip
    with pytest.raises(SystemExit) as stopped:
        main(common)
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert "simulated data: these clips were made by a program" in shown
    assert "background" in shown
    assert f"{tmp_path / 'attention.json'}: 1 clips drawn beside it" in shown
    with pytest.raises(SystemExit):
        main([*common, "--json"])
    assert json.loads(capsys.readouterr().out)["n_clips"] == 3


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", ", row 1: not JSON"),
        ("[]", ": not a JSON object"),
        ("{}", ": training.best_epoch is not there, where a number is needed"),
        ('{"training": {"best_epoch": "3"}}', ": training.best_epoch is '3', where a number is"),
        ('{"training": {"best_epoch": 1.5}}', ": training.best_epoch is 1.5, where a whole number"),
        (None, ": cannot be read (No such file or directory)"),
    ],
)
def test_a_run_whose_results_are_damaged_is_not_tuned_again(tmp_path, text, fault) -> None:
    file = tmp_path / "results.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    given: Any = None
    with pytest.raises(DataError) as caught:
        compare_with_chance(
            tmp_path, given, given, given, given, method="rollout", num_bootstrap=100, seed=0
        )
    assert str(caught.value).startswith(f"{file}{fault}")
    assert len(str(caught.value).splitlines()) == 1


def _masks(folder: Path, clips: list[str], *, size: int) -> Path:
    """The regions of `boxes` as masks in a folder; a ball is named before the left half in the alphabet too."""
    for clip in clips:
        for name, (x0, y0, x1, y1) in (("ball", (0.25, 0.25, 0.5, 0.5)), ("left", (0, 0, 0.5, 1))):
            values = np.zeros((size, size), dtype=np.uint8)
            values[round(y0 * size) : round(y1 * size), round(x0 * size) : round(x1 * size)] = 255
            (folder / clip).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(folder / clip / f"{name}.png")
    return folder


def test_masks_give_what_their_boxes_give(home, boxes, clips, tmp_path) -> None:
    chosen = clips[:2]
    options = {"videos": "demo", "videos_dir": home, "clips": chosen, "method": "last", **FEW}
    with VideoFile(home / "demo" / f"{chosen[0]}.mp4", timeout_seconds=60) as video:
        size = next(video.pictures({0}))[1].shape[0]
    masks = _masks(tmp_path / "masks", chosen, size=size)
    found = attend("bgs-tiny", regions=masks, out=tmp_path / "by-mask", **options)
    expected = attend("bgs-tiny", regions=boxes, out=tmp_path / "by-box", **options)
    assert found["regions"]["file"] == str(masks)
    for ours, theirs in zip(found["clips"], expected["clips"], strict=True):
        assert ours["clip"] == theirs["clip"]
        for name, share in theirs["shares"].items():
            for what, value in share.items():
                assert ours["shares"][name][what] == pytest.approx(value), (name, what)


def test_a_mask_of_another_size_costs_no_maps(home, clips, tmp_path, no_model) -> None:
    masks = _masks(tmp_path / "masks", clips[:1], size=50)
    with pytest.raises(DataError) as caught:
        attend(
            "bgs-tiny", videos="demo", videos_dir=home, clips=clips[:1], regions=masks, out=tmp_path / "x", **FEW
        )  # fmt: skip
    assert str(caught.value).startswith(
        f"{masks}: mask is '{clips[0]}/ball.png', which is 50 x 50 where clip '{clips[0]}' is "
    )
