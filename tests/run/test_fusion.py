"""A SocialFusion run from data to results and back, on small simulated twins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bgs.backbones import load_backbone
from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.saving import save_model
from bgs.config import HeadSettings, LoraSettings
from bgs.errors import BackboneError, DataError, TrainingError
from bgs.fusion.language import make_tiny
from bgs.fusion.questions import words_of
from bgs.fusion.settings import FusionConfig
from bgs.fusion.tasks import TASKS
from bgs.run.fusion import evaluate_fusion, train_fusion
from bgs.run.fusion_config import dump_fusion, resolve_fusion
from bgs.run.fusion_inputs import open_encoder
from bgs.run.fusion_table import make_table, part_config


def settings(folder: Path, home: Path, **changes: Any) -> FusionConfig:
    values = {
        "output_dir": folder,
        "home": folder / "nothing",
        "twins": {"train": 30, "val": 12, "test": 18, "home": home},
        "cache_dir": home / "cache",
        "train_on": ("affectnet", "pisc-coarse"),
        "backbone": {"name_or_path": "bgs-tiny"},
        "sampling": {"steps_per_epoch": 6},
        "num_bootstrap": 100,
        "training": {
            "num_train_epochs": 2,
            "per_device_train_batch_size": 8,
            "learning_rate": 2e-3,
            "early_stopping_patience": None,
        },
        **changes,
    }
    return FusionConfig.model_validate(values)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, train_fusion(settings(folder, home), progress=False)


def test_results_say_what_was_done(run):
    folder, results = run
    written = json.loads((folder / "results.json").read_text())
    assert written == json.loads(json.dumps(results))
    assert written["simulated"] is True
    assert written["data"]["affectnet"]["simulated"] is True
    assert written["data"]["pisc-coarse"]["examples"] == {"train": 30, "val": 12, "test": 18}
    found = written["tasks"]["affectnet"]["metrics"]
    assert list(found) == ["accuracy", "macro_f1", "ccc_valence", "ccc_arousal"]
    low, high = found["accuracy"]["ci95"]
    assert low <= found["accuracy"]["value"] <= high
    parts = written["parameters"]
    names = ("encoder", "connector", "heatmap", "language", "adapter")
    assert sum(parts[name] for name in names) == parts["total"]
    assert parts["trained"] == parts["total"] - parts["encoder"]
    assert parts["connector_share"] == pytest.approx(parts["connector"] / parts["total"])
    assert written["training"]["steps"] == 12
    validation = written["training"]["validation"]
    assert list(validation) == ["affectnet", "pisc-coarse"]
    mean = sum(validation.values()) / 2
    assert mean == pytest.approx(written["training"]["validation_score"])
    assert set(written["versions"]) >= {"bgs", "torch", "transformers", "peft"}
    assert resolve_fusion(folder / "config.yaml").output_dir == folder


def test_scoring_again_gives_the_same(run):
    folder, results = run
    again = evaluate_fusion(folder, progress=False)
    assert json.loads(json.dumps(again["tasks"])) == json.loads(json.dumps(results["tasks"]))
    other = evaluate_fusion(folder, on=("pisc-coarse",), split="val", progress=False)
    assert list(other["tasks"]) == ["pisc-coarse"]
    assert other["tasks"]["pisc-coarse"]["n"] == 12


def test_a_task_it_was_not_trained_on_is_scored_and_said_so(run):
    folder, _ = run
    found = evaluate_fusion(folder, on=("pisc",), progress=False)["tasks"]["pisc"]
    assert found["trained"] is False
    assert set(found["metrics"]) == {"map", "recall"}


def test_a_finished_run_is_not_replaced_and_can_be_resumed(run, home):
    folder, results = run
    before = (folder / "results.json").read_bytes()
    with pytest.raises(TrainingError, match="exists already; continue it with --resume"):
        train_fusion(settings(folder, home), progress=False)
    assert (folder / "results.json").read_bytes() == before
    again = train_fusion(settings(folder, home), resume=True, progress=False)
    assert again["tasks"] == results["tasks"]
    changed = settings(folder, home, training={"learning_rate": 1e-4, "num_train_epochs": 2})
    with pytest.raises(TrainingError, match=r"training\.learning_rate: 0\.002 -> 0\.0001"):
        train_fusion(changed, resume=True, progress=False)


def test_what_cannot_work_costs_nothing(home, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(DataError, match="the data of task 'pisc' are not here"):
        train_fusion(settings(folder, home, twins=None, train_on=("pisc",)), progress=False)
    with pytest.raises(BackboneError, match="layer 9 of 'bgs-tiny', which has 5"):
        train_fusion(settings(folder, home, layer=9), progress=False)
    with pytest.raises(BackboneError, match="'nowhere' is neither a folder here nor in the cache"):
        train_fusion(settings(folder, home, language={"name_or_path": "nowhere"}), progress=False)
    assert not any(folder.iterdir())


def test_a_tuned_encoder_is_used_with_its_adapter_and_frozen(tmp_path):
    backbone = load_backbone("bgs-tiny")
    add_lora(backbone, LoraSettings(r=4, lora_dropout=0.0))
    with torch.no_grad():
        for name, parameter in backbone.encoder.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.05)
    save_model(EmbeddingModel(backbone, HeadSettings(kind="linear")), tmp_path)
    opened = open_encoder(settings(tmp_path, tmp_path, backbone={"name_or_path": str(tmp_path)}))
    frames = torch.randint(0, 255, (1, 12, 3, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(opened(frames), backbone.eval()(frames))
        assert not torch.allclose(opened(frames), load_backbone("bgs-tiny")(frames))
    assert not any(p.requires_grad for p in opened.parameters())


def test_a_published_language_model_is_adapted_and_the_rest_of_it_kept(home, tmp_path):
    base = make_tiny(words_of(TASKS.values()), seed=5)
    base.model.save_pretrained(tmp_path / "language")
    base.tokenizer.save_pretrained(tmp_path / "language")
    config = settings(
        tmp_path / "run", home, train_on=("pisc-coarse",), sampling={"steps_per_epoch": 2},
        language={"name_or_path": str(tmp_path / "language"), "r": 4},
    )  # fmt: skip
    results = train_fusion(config, progress=False)
    parts = results["parameters"]
    assert parts["language"] == sum(p.numel() for p in base.model.parameters())
    assert parts["trained"] == parts["connector"] + parts["adapter"]
    assert parts["adapter"] > 0
    assert (tmp_path / "run/language/adapter_model.safetensors").is_file()
    assert evaluate_fusion(tmp_path / "run", progress=False)["tasks"] == results["tasks"]


def test_every_run_of_a_table_trains_a_task_for_the_same_steps(tmp_path):
    config = settings(tmp_path, tmp_path, sampling={"steps_per_epoch": 60})
    config = config.model_copy(update={"train_on": ("a", "b", "c")})
    sizes = {"a": 600, "b": 300, "c": 100}
    for kind, shares in (("uniform", (20, 20, 20)), ("proportional", (36, 18, 6))):
        sampling = config.sampling.model_copy(update={"kind": kind})
        config = config.model_copy(update={"sampling": sampling})
        for tasks in (("a",), ("c",), ("a", "c"), ("a", "b", "c")):
            part = part_config(config, "x", tasks, sizes=sizes)
            expected = sum(
                share for task, share in zip("abc", shares, strict=True) if task in tasks
            )
            assert part.sampling.steps_per_epoch == expected


def test_the_table_of_two_tasks(home, tmp_path):
    config = settings(tmp_path / "table", home, sampling={"steps_per_epoch": 4})
    results = make_table(config, progress=False)
    assert set(results["runs"]) == {"together", "affectnet alone", "pisc-coarse alone"}
    assert [row["task"] for row in results["from_all"]] == ["affectnet", "pisc-coarse"]
    assert results["simulated"] is True
    for row in results["from_all"]:
        assert row["gain"] == pytest.approx(row["second"] - row["first"])
        scores = json.loads((tmp_path / "table/together/results.json").read_text())["tasks"]
        assert row["second"] == scores[row["task"]]["metrics"][row["metric"]]["value"]
    assert (tmp_path / "table" / "who-helps-whom.svg").is_file()
    with pytest.raises(TrainingError, match=r"table .* exists already"):
        make_table(config, progress=False)
    assert make_table(config, resume=True, progress=False) == results
    changed = config.model_copy(update={"layer": 2})
    with pytest.raises(TrainingError, match="together' was made with another 'layer'; choose"):
        make_table(changed, resume=True, progress=False)


def test_a_table_that_was_stopped_goes_on_with_the_same_command(home, tmp_path, monkeypatch):
    """What was finished is not trained again; what was under way goes on; the figures are those of one go."""
    short = {
        "train_on": ("lam", "pisc-coarse"),
        "sampling": {"steps_per_epoch": 3},
        "training": {"num_train_epochs": 1, "per_device_train_batch_size": 8},
    }
    whole = make_table(settings(tmp_path / "whole", home, **short), progress=False)
    config, trained = settings(tmp_path / "table", home, **short), []

    def train(part: FusionConfig, **options: Any) -> Any:
        trained.append((part.name, options["resume"]))
        if len(trained) == 2:
            (part.output_dir / "checkpoints").mkdir(parents=True)
            (part.output_dir / "config.yaml").write_text(dump_fusion(part))
            raise KeyboardInterrupt
        return train_fusion(part, **options)

    monkeypatch.setattr("bgs.run.fusion_table.train_fusion", train)
    with pytest.raises(KeyboardInterrupt):
        make_table(config, progress=False)
    again = make_table(config, progress=False)
    assert trained == [
        ("together", False),
        ("lam alone", False),
        ("lam alone", True),
        ("pisc-coarse alone", False),
    ]
    assert again["from_all"] == whole["from_all"]


def test_a_config_comes_back(tmp_path):
    config = settings(tmp_path, tmp_path, use_heatmap=True, layer=2)
    file = tmp_path / "config.yaml"
    file.write_text(dump_fusion(config))
    assert resolve_fusion(file) == config


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_somebody_else_wrote_is_never_replaced(home, tmp_path, overwrite):
    """`language` is a name of ours, and of many others."""
    (tmp_path / "language").mkdir()
    (tmp_path / "language" / "paper.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(TrainingError, match="is no run, and holds 'language', which a run would"):
        train_fusion(settings(tmp_path, home), overwrite=overwrite, progress=False)
    assert (tmp_path / "language" / "paper.tex").is_file()
