"""The demo end to end, in its short form: what it leaves behind and what the results say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from transformers import VideoMAEModel

from bgs.errors import TrainingError
from bgs.rdm import RDM
from bgs.run.demo import demo
from bgs.run.embed import open_model

BLOCK_KEYS = {
    "model", "data", "split", "n_clips", "n_pairs", "n_triplets", "rsa", "odd_one_out", "ceiling",
    "protocol", "versions", "seed",
}  # fmt: skip


def test_run_folder_holds_what_users_rely_on(rehearsal):
    left = {path.name for path in rehearsal.folder.iterdir()}
    assert left >= {
        "config.yaml", "metrics.jsonl", "adapter", "head.safetensors", "preprocessor.json",
        "checkpoints", "results.json", "report.html",
    }  # fmt: skip


def test_results_file_is_what_was_returned(rehearsal):
    on_disk = json.loads((rehearsal.folder / "results.json").read_text(encoding="utf-8"))
    assert on_disk == json.loads(json.dumps(rehearsal.results))


def test_results_have_the_documented_blocks(rehearsal):
    results = rehearsal.results
    for block in (results, results["before"], results["after"], *results["models"]):
        assert set(block) >= BLOCK_KEYS
        assert set(block["rsa"]) == {"spearman", "spearman_ci95", "r2", "ci95"}
        assert set(block["odd_one_out"]) == {"two_way", "three_way", "ci95"}
    assert results["after"]["rsa"] == results["rsa"]
    assert results["difference"]["r2"] == pytest.approx(
        results["after"]["rsa"]["r2"] - results["before"]["rsa"]["r2"]
    )


def test_trained_share_is_counted(rehearsal):
    """Rank 8 on six linear maps in each of five layers, and a 128 x 128 head with its bias."""
    counted = rehearsal.results["parameters"]
    width, hidden, rank, layers = 128, 384, 8, 5
    adapters = layers * rank * (4 * (width + width) + 2 * (width + hidden))
    assert counted["adapted_modules"] == layers * 6
    assert counted["trainable"] == adapters + width * width + width


def test_every_control_stands_in_the_table(rehearsal):
    names = {block["model"] for block in rehearsal.results["models"]}
    assert names >= {
        "random initialisation", "head only", "shuffled judgments", "trajectory features",
        "latent geometry", "caption:tfidf",
    }  # fmt: skip
    singles = [block for block in rehearsal.results["models"] if block["role"] == "latent"]
    assert len(singles) >= 4
    assert all("partial R2" in block["note"] for block in singles)


def test_simulated_is_said_wherever_numbers_are(rehearsal):
    assert rehearsal.results["simulated"] is True
    assert rehearsal.results["data_counts"]["simulated"] is True
    page = (rehearsal.folder / "report.html").read_text(encoding="utf-8")
    assert "imulated participants" in page


def test_a_rehearsal_is_called_one_wherever_its_numbers_are(rehearsal, capsys):
    from bgs.reports.terminal import print_results

    said = "Its numbers mean nothing."
    assert rehearsal.results["rehearsal"] is True
    assert said in (rehearsal.folder / "report.html").read_text(encoding="utf-8")
    assert said in (rehearsal.folder / "adapter" / "README.md").read_text(encoding="utf-8")
    print_results(rehearsal.results)
    assert "Rehearsal:" in capsys.readouterr().out
    print_results({key: value for key, value in rehearsal.results.items() if key != "rehearsal"})
    assert "Rehearsal" not in capsys.readouterr().out


def test_no_judgment_of_a_held_out_clip_is_trained_on(rehearsal):
    counts = rehearsal.results["data_counts"]
    assert counts["n_clips"] == {"train": 48, "validation": 12, "test": 30}
    parts = counts["n_judgments"]
    assert 0 < parts["train"] < parts["all"] - parts["test"]


def test_saved_config_resolves_to_the_same_run(rehearsal):
    saved = yaml.safe_load((rehearsal.folder / "config.yaml").read_text(encoding="utf-8"))
    assert saved["seed"] == 3
    assert saved["training"]["num_train_epochs"] == 2


def test_metrics_have_a_line_an_epoch(rehearsal):
    lines = (rehearsal.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    epochs = [json.loads(line)["epoch"] for line in lines]
    assert {0, 1, 2} <= set(epochs)


def test_saved_model_gives_the_geometry_of_the_run(rehearsal):
    """What is loaded from the folder scores exactly what the run reported."""
    from bgs.config import load_config
    from bgs.run.embed import embed_with
    from bgs.run.study import load_study

    config = load_config(rehearsal.folder / "config.yaml")
    study = load_study(config.data, seed=config.seed)
    again = embed_with(str(rehearsal.folder), study.clips, config.data, progress=False)
    with np.load(rehearsal.folder / "geometry.npz") as saved:
        expected = RDM.from_condensed([str(clip) for clip in saved["ids"]], saved["after"])
    assert again.rdm(study.split.test) == expected


def test_adapter_loads_without_this_package(rehearsal):
    from importlib.resources import files

    from peft import PeftModel

    base = VideoMAEModel.from_pretrained(str(files("bgs.backbones") / "tiny"))
    plain = PeftModel.from_pretrained(base, str(rehearsal.folder / "adapter"))
    ours = open_model(str(rehearsal.folder)).backbone.encoder.state_dict()
    adapters = {key: value for key, value in plain.state_dict().items() if "lora_" in key}
    assert adapters
    for key, value in adapters.items():
        name = key.removeprefix("base_model.model.")
        assert any(k.endswith(name) and v.equal(value) for k, v in ours.items()), name


def test_earlier_run_is_not_overwritten(rehearsal):
    with pytest.raises(TrainingError) as caught:
        demo(rehearsal.folder, seed=3, quick=True, progress=False)
    assert str(caught.value) == (
        f"run '{rehearsal.folder}' exists already; continue it with --resume, replace it with "
        "--overwrite, or choose another folder"
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_data_of_somebody_else_are_never_removed(tmp_path, overwrite):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scans").write_text("years of work", encoding="utf-8")
    with pytest.raises(TrainingError) as caught:
        demo(tmp_path, quick=True, overwrite=overwrite, progress=False)
    assert str(caught.value) == (
        f"folder '{tmp_path}' is no run, and holds 'data', which a run would replace; "
        "choose another folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (tmp_path / "data" / "scans").is_file()


def test_same_seed_same_numbers(rehearsal, tmp_path):
    again = demo(tmp_path / "run", seed=3, quick=True, progress=False)
    assert again["after"]["rsa"] == rehearsal.results["after"]["rsa"]
    assert again["models"] == rehearsal.results["models"]
    for name in ("head.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (rehearsal.folder / name).read_bytes()


def test_report_is_one_file_without_network(rehearsal):
    page = (rehearsal.folder / "report.html").read_text(encoding="utf-8")
    assert "<html" in page
    for outside in ('src="http', "src='http", "@import", 'rel="stylesheet" href="http'):
        assert outside not in page
    assert Path(rehearsal.folder / "report.html").stat().st_size < 10_000_000


def test_merged_export_is_plain_weights(rehearsal, tmp_path):
    """The merged encoder gives the tuned embedding with transformers alone, to rounding."""
    import torch
    from safetensors.torch import load_file

    from bgs.run.export import export

    folder = export(rehearsal.folder, tmp_path / "merged", merge=True)
    ours = open_model(str(rehearsal.folder)).eval()
    plain = VideoMAEModel.from_pretrained(folder).eval()
    frames = torch.randint(0, 256, (2, 12, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        pooled = plain(ours.backbone.normalise(frames)).last_hidden_state.mean(dim=1)
        head = load_file(folder / "head.safetensors")
        expected = ours(frames)
        weight, bias = (
            next(v for k, v in head.items() if k.endswith(n)) for n in ("weight", "bias")
        )
        found = torch.nn.functional.normalize(pooled @ weight.T + bias, dim=-1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_export_never_mixes_with_what_is_there(rehearsal, tmp_path):
    from bgs.errors import BackboneError
    from bgs.run.export import export

    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BackboneError, match="is not empty; name a new folder"):
        export(rehearsal.folder, tmp_path)
