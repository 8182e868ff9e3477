"""`bgs fusion`: mistakes are one line and exit 2 before any work, and options mean what they say."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from bgs.cli import main


def call(capsys, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["fusion", *words])
    printed = capsys.readouterr()
    return int(exit_.value.code or 0), printed.out, printed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "nowhere"], "config 'nowhere' is neither a file nor a shipped config"),
        (["train", "--train-on", "chess"], "setting 'train_on': unknown task 'chess'"),
        (["train", "--train-on", "lam", "lam"], "setting 'train_on': a task is named twice"),
        (["train", "fusion-twins", "layers=3"], "unknown setting 'layers'"),
        (["train", "training.learning_rate=0"], "setting 'training.learning_rate'"),
        (["train", "training.large_batch=true"], "`batching` and `large_batch` are about judgments"),
        (["train", "training.augmentation={flip: true}"], "pictures are seen once"),
        (["train", "--train-on", "lam", "home=nowhere", "--backbone", "no-such-model"],
         "the data of task 'lam' are not here: 'nowhere/lam' is not a folder"),
        (["train", "--train-on", "lam", "--twins", "--backbone", "features:x"], "features:x"),
        (["train", "--resume", "--out", "nowhere"], "run 'nowhere' does not exist"),
        (["eval", "nowhere"], "'nowhere' holds no trained SocialFusion model"),
        (["table", "--train-on", "lam"], "one task has nobody to learn with"),
        (["eval"], "RUN"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if words[0] == "train" and "--out" not in words:
        words = [*words, "--out", str(tmp_path / "run")]
    code, out, err = call(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert message in err
    assert not list(Path("run").glob("*"))


SHIPPED = yaml.safe_load(
    files("bgs").joinpath("shipped/configs/fusion-twins.yaml").read_text(encoding="utf-8")
)


def shown(capsys, *words: str) -> dict:
    code, out, err = call(capsys, "train", *words, "--print-config")
    assert code == 0, err
    return yaml.safe_load(out)


def test_several_tasks_after_one_option(capsys):
    found = shown(
        capsys, "--train-on", "lam", "pisc", "hagrid", "--val-on", "lam", "--backbone", "dinov2",
        "--language", "tiny", "--use-heatmap", "--out", "runs/x", "training.num_train_epochs=7",
    )  # fmt: skip
    assert found["train_on"] == ["lam", "pisc", "hagrid"]
    assert found["val_on"] == ["lam"]
    assert found["backbone"]["name_or_path"] == "dinov2"
    assert found["use_heatmap"] is True
    assert found["output_dir"] == "runs/x"
    assert found["training"]["num_train_epochs"] == 7
    assert found["twins"] is None


def test_options_go_over_words_and_words_over_the_file(capsys):
    found = shown(capsys, "fusion-twins", "seed=4", "--train-on", "lam", "pisc", "name=x")
    assert (found["seed"], found["name"], found["train_on"]) == (4, "x", ["lam", "pisc"])
    assert found["twins"] == SHIPPED["twins"] | {"seed": 0, "home": None}
    assert found["use_heatmap"] is True


def test_twins_are_asked_for_by_a_word(capsys):
    assert shown(capsys, "--twins")["twins"]["train"] == 400
    assert shown(capsys, "fusion-twins", "--twins")["twins"]["train"] == SHIPPED["twins"]["train"]


def test_tasks_are_parted_by_blanks_or_commas(capsys):
    apart = shown(capsys, "fusion-twins", "--train-on", "lam", "pisc", "--val-on", "pisc")
    joined = shown(capsys, "fusion-twins", "--train-on", "lam,pisc", "--val-on", "pisc")
    assert apart == joined
    assert apart["train_on"] == ["lam", "pisc"]


def test_what_was_typed_is_not_blamed_on_the_file(capsys, tmp_path):
    code, _, err = call(capsys, "train", "fusion-twins", "--train-on", "chess")
    assert code == 2
    assert err.startswith("error: setting 'train_on': unknown task 'chess'")
    (tmp_path / "mine.yaml").write_text("train_on: [chess]\n", encoding="utf-8")
    code, _, err = call(capsys, "train", str(tmp_path / "mine.yaml"))
    assert code == 2
    assert err.startswith(f"error: {tmp_path / 'mine.yaml'}: setting 'train_on': unknown task")


def test_folders_are_kept_by_their_whole_path(capsys, tmp_path, monkeypatch):
    """A run is opened from elsewhere; a bare word may be the name of a backbone."""
    monkeypatch.chdir(tmp_path)
    for name in ("lm", "tiny", "clip", "runs/mine"):
        Path(name).mkdir(parents=True)
    found = shown(capsys, "--language", "lm", "--backbone", "runs/mine")
    assert found["language"]["name_or_path"] == str(tmp_path / "lm")
    assert found["backbone"]["name_or_path"] == str(tmp_path / "runs" / "mine")
    found = shown(capsys, "--language", "tiny", "--backbone", "clip")
    assert found["language"]["name_or_path"] == "tiny"
    assert found["backbone"]["name_or_path"] == "clip"
