"""The loop: it learns, it is deterministic, it keeps the best, and it says what goes wrong."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bgs.config import (
    HardNegativeTerm,
    ObjectiveSettings,
    OddOneOutTerm,
    RankRsaTerm,
    RsaTerm,
    TripletTerm,
)
from bgs.errors import TrainingError


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "objective",
    [
        ObjectiveSettings(),
        ObjectiveSettings(rsa=None),
        ObjectiveSettings(triplet=None),
        ObjectiveSettings(rsa=None, hard_negatives=HardNegativeTerm(weight=0.2, per_epoch=12)),
        ObjectiveSettings(triplet=None, rsa=None, odd_one_out=OddOneOutTerm(temperature=0.3)),
        ObjectiveSettings(triplet=None, rsa=None, rank_rsa=RankRsaTerm()),
        ObjectiveSettings(triplet=TripletTerm(symmetric=True), rsa=RsaTerm(count_weighted=True)),
    ],
    ids=lambda settings: "+".join(name for name in settings.model_dump(exclude_none=True)),
)
def test_every_objective_recovers_the_geometry_on_clips_never_trained_on(run, objective) -> None:
    _, result = run(
        objective=objective,
        num_train_epochs=25,
        early_stopping_patience=None,
        save_interval_seconds=60,
    )
    assert result.history[0]["validation_rsa"] < 0.4
    # Negatives that nobody judged may be neighbours in truth: the control learns, but less.
    assert result.best_score > (0.7 if objective.hard_negatives is None else 0.6)


@pytest.mark.parametrize(
    "settings",
    [
        {"large_batch": True, "num_train_epochs": 60, "lr_scheduler_type": "cosine"},
        {"batching": "triplets", "per_device_train_batch_size": 4, "num_train_epochs": 2},
        {"gradient_accumulation_steps": 3, "num_train_epochs": 60, "warmup_ratio": 0.1},
        {"ema_decay": 0.8, "num_train_epochs": 30},
        {"bf16": True, "num_train_epochs": 25},
        {"fp16": True, "num_train_epochs": 25},
    ],
    ids=["large_batch", "published", "accumulation", "average", "bf16", "fp16"],
)
def test_every_way_of_training_learns(run, settings) -> None:
    model, result = run(**settings, early_stopping_patience=None, save_interval_seconds=60)
    assert result.best_score > 0.7
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_the_same_seed_gives_the_same_weights_bit_for_bit(run, tmp_path: Path) -> None:
    first, _ = run(output_dir=tmp_path / "a")
    torch.manual_seed(999)  # whatever the caller's generators say
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002
    second, _ = run(output_dir=tmp_path / "b")
    other, _ = run(output_dir=tmp_path / "c", seed=4)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_the_caller_s_generators_are_left_as_they_were(run) -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    run(num_train_epochs=1)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert np.array_equal(states[2], np.random.get_state()[1])  # noqa: NPY002


def test_the_model_ends_with_the_weights_of_its_best_epoch(run) -> None:
    scores = iter([0.1, 0.2, 0.5, 0.3, 0.4])
    seen = []

    def validate(model: nn.Module) -> float:
        seen.append(weights(model))
        return next(scores)

    model, result = run(validate=validate)
    assert (result.best_epoch, result.best_score) == (2, 0.5)
    assert torch.equal(weights(model), seen[2])
    assert not torch.equal(seen[2], seen[4])
    assert [record.get("best") for record in result.history] == [None, True, True, False, False]


def test_a_run_stops_once_validation_has_stopped_improving(run) -> None:
    scores = iter([0.9, 0.2, 0.3, 0.25, 0.3, 0.1, 0.0])
    _, result = run(validate=lambda _: next(scores), num_train_epochs=50, early_stopping_patience=3)
    assert result.stopped_early
    assert (result.best_epoch, result.steps) == (2, 5 * 3)


def test_dropout_is_on_in_every_step_and_off_in_validation(run, tiny_model, world) -> None:
    modes: list[tuple[str, bool]] = []

    class Watched(tiny_model):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            modes.append(("pass", self.backbone[2].training))
            return super().forward(inputs)

    def validate(model: nn.Module) -> float:
        modes.append(("validate", model.training))
        model.eval()  # a callable that forgets to restore the mode
        return world.validate(model)

    run(
        Watched(),
        validate=validate,
        num_train_epochs=2,
        batching="triplets",
        per_device_train_batch_size=100,
    )
    validations = [i for i, (what, _) in enumerate(modes) if what == "validate"]
    assert len(validations) == 3
    for start, end in zip(validations, [*validations[1:], None], strict=True):
        assert modes[start] == ("validate", False)
        assert modes[start + 1] == ("pass", False)  # the one embedding of the validation clips
        assert all(training for _, training in modes[start + 2 : end])
    assert sum(training for _, training in modes) >= 2 * 4 + 2 * 4  # steps, and context passes


def test_metrics_hold_every_step_and_epoch_as_they_happen(run, tmp_path: Path) -> None:
    counts = []

    def validate(_: nn.Module) -> float:
        path = tmp_path / "run" / "metrics.jsonl"
        counts.append(len(path.read_text().splitlines()) if path.exists() else 0)
        return 0.5 + len(counts)

    _, result = run(validate=validate, num_train_epochs=2)
    assert counts == [0, 1 + 3, 1 + 3 + 1 + 3]
    records = lines(tmp_path / "run")
    assert [r["event"] for r in records] == [
        "epoch",
        *["step"] * 3,
        "epoch",
        *["step"] * 3,
        "epoch",
    ]
    assert [r for r in records if r["event"] == "epoch"] == list(result.history)
    step = records[1]
    assert step.keys() == {
        "event", "epoch", "step", "loss", "triplet", "rsa", "gradient_norm", "learning_rate",
        "clips_per_second", "data_wait",
    }  # fmt: skip
    assert step["loss"] == pytest.approx(0.7 * step["triplet"] + 0.3 * step["rsa"], abs=1e-6)
    assert records[5]["loss"] != records[8]["loss"]
    mean = np.mean([r["loss"] for r in records[1:4]])
    assert records[4]["loss"] == pytest.approx(mean)


def test_clip_passes_count_what_went_through_the_model(run, tmp_path: Path) -> None:
    _, clips = run(num_train_epochs=2, output_dir=tmp_path / "a")
    assert clips.clip_passes == 2 * 24
    _, large = run(num_train_epochs=2, large_batch=True, output_dir=tmp_path / "b")
    assert large.clip_passes == 2 * 24 * 2  # each chunk twice
    _, published = run(
        num_train_epochs=1,
        batching="triplets",
        per_device_train_batch_size=4,
        output_dir=tmp_path / "c",
    )
    assert published.clip_passes == 400 * 3 + 6 * 24


def test_the_head_has_its_own_learning_rate(run, tiny_model) -> None:
    model = tiny_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run(model, num_train_epochs=1, head_learning_rate=0.1, learning_rate=1e-6, weight_decay=0)
    for name, p in model.named_parameters():
        moved = float((p.detach() - before[name]).abs().max())
        assert moved < 1e-5 if name.startswith("backbone") else moved > 0.05, name


def test_a_loss_that_is_nan_names_the_step_and_keeps_the_last_good_checkpoint(
    run, tiny_model, tmp_path: Path
) -> None:
    class Breaking(tiny_model):
        passes = 0

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            result = super().forward(inputs)
            if self.training:
                self.passes += 1
            return result * float("nan") if self.passes == 5 else result

    model = Breaking()
    with pytest.raises(TrainingError) as caught:
        run(model)
    assert str(caught.value) == (
        "the loss is nan at step 5; the weights of that step are not kept; "
        "resume from the last checkpoint with a lower training.learning_rate, or train in float32"
    )
    assert bool(torch.isfinite(weights(model)).all())
    rescued, result = run(resume=True, learning_rate=0.001, allow_changes=True)
    assert result.steps == 12
    assert bool(torch.isfinite(weights(rescued)).all())


def test_a_gradient_that_is_infinite_stops_too(run, tiny_model) -> None:
    class Exploding(tiny_model):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            result = super().forward(inputs)
            if self.training:
                result.register_hook(lambda gradient: gradient * torch.inf)
            return result

    with pytest.raises(
        TrainingError, match=r"^the gradient is (nan|inf) at step 1; the weights of"
    ):
        run(Exploding())


def test_a_validation_score_that_is_nan_is_an_error(run) -> None:
    scores = iter([0.1, float("nan")])
    with pytest.raises(TrainingError) as caught:
        run(validate=lambda _: next(scores))
    assert str(caught.value) == (
        "the validation score is nan after step 3; "
        "check that the validation clips have judgments and differ for the model"
    )


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_out_of_memory_says_which_setting_to_change(run, tiny_model, error: Exception) -> None:
    class Hungry(tiny_model):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if self.training:
                raise error
            return super().forward(inputs)

    with pytest.raises(TrainingError) as caught:
        run(Hungry(), bf16=True)
    assert str(caught.value) == (
        "out of memory at step 1 on cpu; "
        "lower training.per_device_train_batch_size (now 8), "
        "or set training.gradient_checkpointing: true, "
        "or set training.large_batch: true, which keeps the loss over many clips"
    )


def test_other_errors_of_a_model_are_not_dressed_up(run, tiny_model) -> None:
    class Broken(tiny_model):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if self.training:
                raise RuntimeError("shapes do not match")
            return super().forward(inputs)

    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        run(Broken())


def test_a_model_with_nothing_to_train_is_refused(run, tiny_model) -> None:
    with pytest.raises(TrainingError) as caught:
        run(tiny_model().requires_grad_(False))
    assert str(caught.value) == (
        "the model has no trainable parameter; "
        "set lora.r above 0, or head.kind to something other than none"
    )


def test_a_frozen_backbone_stays_as_it_was(run, tiny_model) -> None:
    model = tiny_model()
    model.backbone.requires_grad_(False)
    before = weights(model.backbone)
    _, result = run(model, num_train_epochs=20)
    assert torch.equal(weights(model.backbone), before)
    assert result.best_score > result.history[0]["validation_rsa"]


def test_gradient_checkpointing_needs_a_backbone_that_can(run) -> None:
    with pytest.raises(TrainingError) as caught:
        run(gradient_checkpointing=True)
    assert str(caught.value) == (
        "this backbone cannot checkpoint gradients; "
        "set training.gradient_checkpointing: false, or use training.large_batch"
    )


def test_two_precisions_at_once_are_refused(run) -> None:
    with pytest.raises(TrainingError, match=r"^bf16 and fp16 are both on; choose one$"):
        run(bf16=True, fp16=True)


def test_no_progress_bar_where_the_output_is_not_a_terminal(run, capsys) -> None:
    run(progress=True, num_train_epochs=2)
    assert capsys.readouterr().err == ""


def test_the_progress_bar_shows_losses_validation_and_speed(run, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run(progress=True, num_train_epochs=2)
    shown = capsys.readouterr().err
    assert "train: 100%" in shown
    for part in ("loss=", "triplet=", "rsa=", "validation=", "clips/s="):
        assert part in shown


@pytest.mark.parametrize(("interval", "steps"), [(0, [3, 6, 9, 12]), (60, [3, 12])])
def test_short_epochs_do_not_each_make_a_checkpoint(run, tmp_path, interval, steps) -> None:
    run(save_interval_seconds=interval, save_total_limit=9)
    saved = sorted(int(p.name[5:]) for p in (tmp_path / "run" / "checkpoints").iterdir())
    assert saved == steps  # the first epoch and the end, at least


def test_a_device_without_bfloat16_trains_in_float32_and_says_so(monkeypatch, run) -> None:
    monkeypatch.setattr("bgs.training.precision.is_bf16_available", lambda: False)
    with pytest.warns(UserWarning, match=r"^cpu has no bfloat16: training in float32$"):
        _, result = run(bf16=True, num_train_epochs=1)
    assert result.steps == 3
