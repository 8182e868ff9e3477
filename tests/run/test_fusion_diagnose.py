"""From encoders' names to results and a page; what cannot be is said in one line."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bgs.cli.app import main
from bgs.errors import BgsError, DataError
from bgs.fusion.diagnosis import BriefTraining
from bgs.fusion.twins import TwinSize
from bgs.run.fusion import train_fusion
from bgs.run.fusion_config import resolve_fusion
from bgs.run.fusion_diagnose import Request, diagnose

REQUEST = Request(
    tasks=("lam", "pisc"),
    twins=TwinSize(train=24, val=8, test=12),
    training=BriefTraining(steps=1, batch_size=4, num_batches=4, examples_per_batch=2),
    num_bootstrap=100,
)


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("diagnosis")
    encoders = ["bgs-tiny", "untrained=random:bgs-tiny"]
    return out, diagnose(encoders, out=out, request=REQUEST, progress=False)


def test_the_results_are_plain_values_and_complete(diagnosed):
    out, results = diagnosed
    assert json.loads((out / "results.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(results)
    )
    assert results["simulated"] is True
    assert [row["name"] for row in results["encoders"]] == ["bgs-tiny", "untrained"]
    assert {(row["encoder"], row["task"]) for row in results["probes"]} == {
        (encoder, task) for encoder in ("bgs-tiny", "untrained") for task in ("lam", "pisc")
    }
    for row in results["probes"]:
        validation = [layer["validation"] for layer in row["layers"]]
        assert row["chosen"]["layer"] == 1 + validation.index(max(validation))
    for gap in results["gaps"]:
        assert gap["difference"] == pytest.approx(gap["second"] - gap["first"])
        assert gap["p"] <= gap["p_holm"] <= 1
    assert [m["step"] for m in results["compatibility"][0]["moments"]] == [0, 1]


def test_the_page_says_simulated_and_names_encoders(diagnosed):
    text = (diagnosed[0] / "report.html").read_text(encoding="utf-8")
    assert "Simulated data." in text
    assert "untrained" in text


def test_a_mistyped_encoder_costs_no_work(tmp_path: Path):
    with pytest.raises(BgsError, match="unknown backbone 'bgs-tyni'"):
        diagnose(["bgs-tiny", "bgs-tyni"], out=tmp_path, request=REQUEST, progress=False)
    with pytest.raises(BgsError, match="'caption:tfidf' looks at no picture"):
        diagnose(["caption:tfidf"], out=tmp_path, request=REQUEST, progress=False)
    assert not (tmp_path / "data").exists()


@dataclass
class Tracked:
    """What a tracker was told."""

    logged: list[int] = field(default_factory=list)
    closed: bool = False

    def log(self, _record: Any, *, step: int) -> None:
        self.logged.append(step)

    def finish(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def trained(diagnosed, tmp_path_factory: pytest.TempPathFactory):
    """A run on the twins of the diagnosis, with a tracker that stands in for wandb."""
    folder, tracked = tmp_path_factory.mktemp("trained") / "run", Tracked()
    config = resolve_fusion(
        overrides=[
            f"home={next((diagnosed[0] / 'data').iterdir())}", f"output_dir={folder}",
            "train_on=[lam, pisc]", f"cache_dir={folder.parent}", "backbone.name_or_path=bgs-tiny",
            "training.num_train_epochs=4", "training.per_device_train_batch_size=8",
            "training.learning_rate=3e-3", "training.report_to=wandb", "num_bootstrap=0",
        ]
    )  # fmt: skip
    wandb = ModuleType("wandb")
    wandb.init = lambda **_: tracked  # type: ignore[attr-defined]
    wandb.Error = OSError  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "wandb", wandb)
        results = train_fusion(config, progress=False)
    return folder, tracked, results


def test_a_run_of_fusion_tells_the_tracker_every_step_and_ends_it(trained):
    _, tracked, results = trained
    assert tracked.closed
    assert set(tracked.logged) == set(range(results["training"]["steps"] + 1))


def test_gradients_of_a_run_are_those_of_what_it_has_learnt(
    diagnosed, trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run, home = trained[0], next((diagnosed[0] / "data").iterdir())
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    words = ["--tasks", "lam,pisc", "--home", str(home), "--steps", "1", "--batches", "4"]
    with pytest.raises(SystemExit) as exit_:
        main(["fusion", "diagnose", "--run", str(run), *words, "--out", str(tmp_path), "-q"])
    assert not exit_.value.code
    assert "run (trained)" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert (results["encoders"], results["probes"], results["gaps"]) == ([], [], [])
    (watched,) = results["compatibility"]
    assert watched["encoder"] == "run (trained)"
    assert [moment["step"] for moment in watched["moments"]] == [0, 1]
    fresh = diagnosed[1]["compatibility"][0]["moments"][0]["losses"]
    for task, loss in watched["moments"][0]["losses"].items():
        assert loss < 0.75 * fresh[task]  # it has been trained on these very examples
    (pair,) = watched["moments"][0]["pairs"]
    assert -1 <= pair["cosine"] <= 1
    assert "run (trained)" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--run", "nowhere"], "'nowhere' holds no trained SocialFusion model"),
        (["bgs-tiny", "--run", "x", "--lens", "decodability"], "'x' is about gradients, which this lens"),
        (["--lens", "decodability"], "no encoder is named"),
        (["bgs-tiny", "--tasks", " , "], "no task is named"),
    ],
)  # fmt: skip
def test_a_mistake_costs_no_work(words, text, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(["fusion", "diagnose", *words, "--out", str(tmp_path / "out")])
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, '{"kind": []}', "\xff"])
def test_whatever_else_is_there_stays(tmp_path: Path, text: str):
    (tmp_path / "results.json").write_text(text, encoding="latin-1")
    with pytest.raises(BgsError, match="holds results of something else"):
        diagnose(["bgs-tiny"], out=tmp_path, request=REQUEST, progress=False)
    assert (tmp_path / "results.json").read_text(encoding="latin-1") == text


def test_an_earlier_diagnosis_is_replaced_and_nothing_else(tmp_path: Path):
    (tmp_path / "results.json").write_text('{"kind": "fit"}', encoding="utf-8")
    with pytest.raises(BgsError, match="holds results of something else; choose another folder"):
        diagnose(["bgs-tiny"], out=tmp_path, request=REQUEST, progress=False)
    assert json.loads((tmp_path / "results.json").read_text()) == {"kind": "fit"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tasks": ("lam", "faces")}, "unknown task 'faces'"),
        ({"tasks": ("lam", "lam")}, "a task is named twice"),
        ({"tasks": ("lam",)}, "one task has nobody to agree with"),
        ({"twins": None, "home": Path("nowhere")}, "the data of task 'lam' are not here"),
    ],
)
def test_what_cannot_be_asked(change, text, tmp_path: Path):
    with pytest.raises(DataError, match=text):
        diagnose(["bgs-tiny"], out=tmp_path, request=replace(REQUEST, **change), progress=False)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["data", "check", "pisc"], "'pisc' is not here"),
        (["data", "fetch", "pisc"], "'pisc' cannot be fetched from here"),
        (["data", "fetch", "demo", "--twin"], "'demo' has no simulated twin; there are twins of"),
        (["data", "show", "pisc"], "'pisc' is not here"),
        (["data", "import", "pisc", "--from", "."], "'pisc' is read as downloaded"),
    ],
)
def test_the_command_line_says_what_is_wrong_in_one_line(
    arguments, text, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--videos-dir", str(tmp_path)])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert text in line


def test_a_twin_is_fetched_checked_shown_and_never_drawn_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    size = TwinSize(train=6, val=6, test=6)
    monkeypatch.setattr("bgs.run.fusion_data.draw_twin.__kwdefaults__", {"seed": 0, "size": size})

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["data", *words, "--videos-dir", str(tmp_path)])
        return int(caught.value.code or 0)

    assert run("fetch", "pisc", "--twin", "-q") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pisc"]  # no draft is left
    assert run("check", "pisc", "-q") == 0
    assert (
        "data set pisc (simulated): 18 pictures, 0 of 18 cannot be read" in capsys.readouterr().out
    )
    broken = tmp_path / "pisc" / "image" / "00002.jpg"
    broken.write_bytes(broken.read_bytes()[:500])
    assert run("check", "pisc", "-q") == 2
    assert f"broken: {broken}: not a picture that can be read" in capsys.readouterr().out
    assert run("check", "pisc", "--json", "-q") == 2
    report = json.loads(capsys.readouterr().out)["task"]
    assert [problem["file"] for problem in report["problems"]] == [str(broken)]
    before = broken.read_bytes()
    assert run("fetch", "pisc", "--twin", "-q") == 2
    assert "a twin is never drawn over what is there" in capsys.readouterr().err
    assert broken.read_bytes() == before
    broken.write_bytes((tmp_path / "pisc" / "image" / "00001.jpg").read_bytes())
    sheet = tmp_path / "sheet.png"
    assert run("show", "pisc", "--clips", "2", "--frames", "3", "--out", str(sheet)) == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert "6" in capsys.readouterr().out
