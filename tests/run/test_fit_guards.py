"""What is refused before any work is lost, and what a table leaves out because it would say nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from bgs.cli import main
from bgs.run.configs import resolve_config
from bgs.run.fit import fit
from bgs.run.simulation import simulate_into


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("homes")
    simulate_into(root / "triplets", root / "videos", seed=8, quick=True, progress=False)
    with np.load(root / "videos" / "demo" / "features.npz") as found:
        standard = found["embeddings"] - found["embeddings"].mean(axis=0)
        np.savez(root / "features.npz", ids=found["ids"], embeddings=standard)
    return root


def words(homes: Path, out: Path, *more: str) -> list[str]:
    """A fit of a head on given features: a second's work."""
    return [
        f"output_dir={out}", f"data.triplets_dir={homes / 'triplets'}", f"data.videos_dir={homes / 'videos'}",
        f"backbone.name_or_path=features:{homes / 'features.npz'}", "lora.r=0",
        "training.num_train_epochs=2", "evaluation.num_bootstrap=100", *more,
    ]  # fmt: skip


def run(homes: Path, out: Path, *more: str) -> dict[str, Any]:
    return fit(resolve_config("demo", overrides=words(homes, out, *more)), progress=False)


def refused(capsys, homes: Path, out: Path, *more: str, options: tuple[str, ...] = ()) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["fit", "demo", *words(homes, out, *more), "-q", *options])
    assert caught.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line.removeprefix("error: ").rstrip("\n")


def test_controls_that_would_copy_the_model_are_left_out(homes, tmp_path):
    """Given features have no random weights, and a head on them is the model itself."""
    results = run(homes, tmp_path / "run")
    roles = [block["role"] for block in results["models"]]
    assert roles == ["before", "after", "control", "baseline"]
    assert results["models"][2]["model"] == "shuffled judgments"


def test_overwriting_with_settings_that_cannot_work_loses_nothing(homes, tmp_path, capsys):
    out = tmp_path / "run"
    run(homes, out, "controls=[]")
    before = sorted(path.name for path in out.iterdir())
    line = refused(capsys, homes, out, "head.kind=none", options=("--overwrite",))
    assert line == (
        "nothing to train: lora.r is 0 and the head has no weights; set lora.r above 0, or head.kind "
        "to one with weights (linear, paper, mlp, square)"
    )
    assert sorted(path.name for path in out.iterdir()) == before


@pytest.mark.parametrize("config", [None, "lab: mine\n", "[", "\xff"])
def test_what_somebody_else_wrote_is_never_replaced(homes, tmp_path, capsys, config):
    """A folder with one of our names in it, and no config of ours, is not ours to clear."""
    out = tmp_path / "paper"
    (out / "checkpoints").mkdir(parents=True)
    (out / "checkpoints" / "mine").write_text("years of work", encoding="utf-8")
    if config is not None:
        (out / "config.yaml").write_text(config, encoding="latin-1")
    line = refused(capsys, homes, out, "controls=[]", options=("--overwrite",))
    name = "checkpoints" if config is None else "config.yaml"
    assert line == (
        f"folder '{out}' is no run, and holds '{name}', which a run would replace; "
        "choose another folder"
    )
    assert (out / "checkpoints" / "mine").read_text(encoding="utf-8") == "years of work"


def test_a_refused_run_does_not_block_the_mended_one(homes, tmp_path, capsys):
    refused(capsys, homes, tmp_path / "run", "head.kind=none")
    assert run(homes, tmp_path / "run", "controls=[]")["data"] == "demo"


def test_resume_and_overwrite_exclude_each_other(homes, tmp_path, capsys):
    line = refused(capsys, homes, tmp_path / "run", options=("--resume", "--overwrite"))
    assert line == (
        "a run is either resumed or overwritten; give --resume or --overwrite, not both"
    )


def test_output_that_cannot_be_a_folder_is_refused_first(homes, tmp_path, capsys):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    line = refused(capsys, homes, tmp_path / "file")
    assert line == (
        f"folder '{tmp_path / 'file'}' cannot be made (File exists); choose another place for the output"
    )
    line = refused(capsys, homes, tmp_path / "file" / "run")
    assert line == (
        f"folder '{tmp_path / 'file' / 'run'}' cannot be made (Not a directory); "
        "choose another place for the output"
    )


def test_a_negative_seed_is_refused(homes, tmp_path, capsys):
    line = refused(capsys, homes, tmp_path / "run", "seed=-1")
    assert "setting 'seed': input should be greater than or equal to 0, got -1" in line


def test_too_few_held_out_clips_are_refused_before_training(homes, tmp_path, capsys):
    table = homes / "videos" / "demo" / "clips.csv"
    kept = table.read_text(encoding="utf-8")
    rows = kept.splitlines()
    seen, fewer = 0, [rows[0]]
    for row in rows[1:]:
        held_out = row.endswith(",test")
        seen += held_out
        fewer.append(row[: -len("test")] + "train" if held_out and seen > 8 else row)
    table.write_text("\n".join(fewer) + "\n", encoding="utf-8")
    try:
        line = refused(capsys, homes, tmp_path / "run")
    finally:
        table.write_text(kept, encoding="utf-8")
    assert line == (
        "8 held-out clips are too few for a confidence interval; hold out 10 or more, or set "
        "evaluation.num_bootstrap=0 to score without one"
    )
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_key_written_twice_is_refused(tmp_path, capsys):
    config = tmp_path / "twice.yaml"
    config.write_text("data: {triplets: demo}\nseed: 1\nseed: 2\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["fit", str(config)])
    assert capsys.readouterr().err == (
        f"error: {config}, row 3: the config is not YAML: key 'seed' appears twice; mend the line\n"
    )


def test_a_control_that_needs_captions_is_refused_before_training(homes, tmp_path, capsys):
    bare = tmp_path / "videos"
    shutil.copytree(homes / "videos", bare)
    table = bare / "demo" / "clips.csv"
    table.write_text(pd.read_csv(table).drop(columns="caption").to_csv(index=False))
    card = yaml.safe_load((Path("videos") / "demo.yaml").read_text(encoding="utf-8"))
    del card["table"]["captions"]
    (bare / "demo.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    line = refused(
        capsys, homes, tmp_path / "run", f"data.videos_dir={bare}", "controls=[caption_residual]"
    )
    assert line == (
        "control 'caption_residual' needs captions, which clip set 'demo' lacks; name a caption column "
        "in its card, or leave the control out"
    )
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_caption_model_that_cannot_load_costs_no_training(homes, tmp_path, capsys):
    line = refused(
        capsys, homes, tmp_path / "run", f"evaluation.caption_model={tmp_path / 'absent'}"
    )
    assert "absent" in line
    assert not (tmp_path / "run" / "checkpoints").exists()
