"""`bgs data check` prints the whole list first, and its exit code then tells a script whether clips have problems."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from bgs.cli import main
from bgs.run.simulation import simulate_into


def check(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["data", "check", "--quiet", *map(str, arguments)])
    return int(exit_.value.code or 0), capsys.readouterr().out


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two clips, both sound."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, name in enumerate("ab"):
        with av.open(str(folder / f"{name}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for _ in range(8):
                picture = np.full((64, 64, 3), 60 * number, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    return folder


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_problem_exits_2_after_the_whole_list(clips, capsys, form):
    assert check(clips, *form, capsys=capsys)[0] == 0
    (clips / "c.mp4").write_text("no video")
    (clips / "d.mp4").write_bytes((clips / "a.mp4").read_bytes())
    code, out = check(clips, *form, capsys=capsys)
    assert code == 2
    if form:
        problems = json.loads(out)["videos"]["problems"]
        assert [(p["clip"], p["kind"]) for p in problems] == [("c", "corrupt"), ("d", "duplicated")]
    else:
        assert "corrupt: c: is not a video that can be opened" in out
        assert out.rstrip().endswith("duplicated: d: is the same file as clip 'a'")


def test_clips_that_were_never_obtained_are_no_fault_of_the_judgments(tmp_path, capsys):
    triplets, videos = tmp_path / "triplets", tmp_path / "videos"
    simulate_into(triplets, videos, seed=5, quick=True, progress=False)
    homes = ("--triplets-dir", triplets, "--videos-dir", videos)
    files = sorted((videos / "demo").rglob("*.mp4"))
    files[0].unlink()
    code, out = check("demo", *homes, capsys=capsys)
    assert code == 2
    assert "missing: 1 of 90" in out
    for file in files[1:]:
        file.unlink()
    code, out = check("demo", *homes, capsys=capsys)
    assert code == 0
    assert "none of the 90 clips is in" in out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_bad_rows_are_listed_together_and_the_clips_all_the_same(tmp_path, capsys, form):
    triplets, videos = tmp_path / "triplets", tmp_path / "videos"
    simulate_into(triplets, videos, seed=5, quick=True, progress=False)
    file = triplets / "demo" / "judgments.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    for place in range(4, 29):  # rows 5 to 29
        cells = lines[place].split(",")
        lines[place] = ",".join([*cells[:3], "nobody", *cells[4:]])
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    homes = ("--triplets-dir", triplets, "--videos-dir", videos)
    code, out = check("demo", *form, *homes, capsys=capsys)
    assert code == 2
    if form:
        found = json.loads(out)
        assert found["bad_rows"]["count"] == 25
        assert [bad["row"] for bad in found["bad_rows"]["rows"]] == list(range(5, 25))
        assert found["videos"]["num_clips"] == 90
        return
    said = out.splitlines()
    assert said[0] == f"{file}: 25 rows are no judgments"
    assert said[1].startswith(
        "row 5: odd is 'nobody', which is not one of the 90 clips; correct the id"
    )
    assert said[21] == "... and 5 more"
    assert said[22] == "clips demo"
