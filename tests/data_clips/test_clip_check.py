"""A set of clips with one of every fault, each found and none raised."""

from __future__ import annotations

import shutil
from dataclasses import replace

from bgs.data.clip_check import check_clips
from bgs.data.clips import Clips
from bgs.frame_spec import FrameSpec


def test_a_sound_set(studio, tmp_path):
    shutil.copy(studio.clip("plain.mp4"), tmp_path / "a.mp4")
    shutil.copy(studio.clip("long.webm"), tmp_path / "b.webm")
    clips = Clips(ids=("a", "b"), paths=(tmp_path / "a.mp4", tmp_path / "b.webm"), name="study")
    report = check_clips(clips)
    assert report.ok
    assert repr(report) == "ClipReport('study', 2 clips, all sound)"
    assert report.to_dict() == {
        "name": "study",
        "num_clips": 2,
        "ok": True,
        "counts": {"missing": 0, "short": 0, "corrupt": 0, "duplicated": 0, "changed": 0},
        "problems": [],
        "seconds": {"min": 1.0, "median": 2.0, "max": 3.0},
        "num_frames": {"min": 30, "median": 60.0, "max": 90},
        "sizes": {"96 x 128": 2},
    }


def test_every_fault_is_listed(studio, tmp_path):
    def copy(kind: str, name: str, share: float = 1.0):
        content = studio.clip(kind).read_bytes()
        (tmp_path / name).write_bytes(content[: int(len(content) * share)])

    copy("long.webm", "good")
    copy("long.webm", "half", share=0.5)
    copy("plain.mp4", "brief")
    copy("long.webm", "twin")
    copy("long.mp4", "changed")
    (tmp_path / "text").write_text("no video")
    names = ("good", "half", "brief", "gone", "twin", "changed", "text")
    clips = Clips(
        ids=names,
        paths=tuple(tmp_path / name for name in names),
        name="study",
        duration_seconds=3.0,
        checksums={"changed": "a" * 64},
    )
    report = check_clips(clips, num_workers=2)
    assert not report.ok
    found = {(problem.clip, problem.kind): problem.what for problem in report.problems}
    assert set(found) == {
        ("half", "short"), ("brief", "short"), ("gone", "missing"), ("twin", "duplicated"),
        ("changed", "changed"), ("text", "corrupt"),
    }  # fmt: skip
    assert found["half", "short"] == (
        "ends after 1.07 s and 32 frames but its header promises 3.00 s"
    )
    assert found["brief", "short"] == "lasts 1.00 s where the card of 'study' says 3.00 s"
    assert found["twin", "duplicated"] == "is the same file as clip 'good'"
    assert found["changed", "changed"].endswith("the card says aaaaaaaaaaaa...")
    assert report.of_kind("corrupt") == ("text",)
    assert repr(report) == (
        "ClipReport('study', 7 clips, 1 missing, 2 short, 1 corrupt, 1 duplicated, 1 changed)"
    )
    counts = report.to_dict()["counts"]
    assert counts == {"missing": 1, "short": 2, "corrupt": 1, "duplicated": 1, "changed": 1}


def test_damage_after_the_last_frame_a_model_needs_is_found(studio, tmp_path):
    data = bytearray(studio.clip("long.mp4").read_bytes())
    data[-40:] = bytes(40)
    (tmp_path / "a.mp4").write_bytes(data)
    report = check_clips(Clips(ids=("a",), paths=(tmp_path / "a.mp4",)))
    assert report.of_kind("corrupt") == ("a",)


def test_what_a_backbone_could_not_sample_is_short(studio):
    clips = Clips(ids=("a",), paths=(studio.clip("plain.mp4"),))
    spec = FrameSpec(num_frames=64, height=64, width=64, resize_short_side=64)
    report = check_clips(clips, spec=spec)
    assert [problem.what for problem in report.problems] == ["has 30 frames but 64 are asked for"]
    assert report.seconds == ()
    assert report.to_dict()["seconds"] is None
    assert check_clips(replace(clips, name="x"), spec=replace(spec, num_frames=30)).ok
