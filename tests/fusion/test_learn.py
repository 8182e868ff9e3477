"""Training by the real loop: it learns, it resumes to the bit, it asks the encoder once, it mends conflicts."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from bgs.errors import ConfigError, DataError, TrainingError
from bgs.fusion.learn import FusionEngine, answer, fusion_work, learn, validation_scores
from bgs.fusion.material import Material, check_parts, limit_examples
from bgs.fusion.model import SocialModel
from bgs.fusion.record import Shape
from bgs.fusion.saving import build_model
from bgs.training.processes import Processes
from tests.fusion.planted import COLUMNS, ROWS, WIDTH, config, planted

SHAPE = Shape(ROWS, COLUMNS, WIDTH)


@pytest.fixture(scope="module")
def material() -> Material:
    return planted()


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def train(material: Material, settings, *, resume: bool = False) -> tuple[SocialModel, object]:
    model = build_model(settings, SHAPE)
    result = learn(
        model, material, settings, output_dir=settings.output_dir, resume=resume, progress=False
    )
    return model, result


def test_two_tasks_are_learnt_together(material, tmp_path):
    settings = config(tmp_path / "run", training={"num_train_epochs": 6})
    model, result = train(material, settings)
    assert result.history[0]["validation_score"] < 0.5
    assert result.best_score > 0.9
    assert "validation_rsa" not in result.history[-1]
    for task in settings.train_on:
        assert answer(model, material, task, split="test").metric("map") > 0.95
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if line["event"] == "step"]
    assert len(steps) == result.steps == 6 * 8  # 96 questions in batches of 12
    for line in steps:  # half a batch of each
        assert line["loss"] == pytest.approx((line["lam"] + line["pisc-coarse"]) / 2, rel=1e-5)


def test_validation_is_from_chance_to_perfect(material, tmp_path):
    settings = config(tmp_path)
    model = build_model(settings, SHAPE)
    found = validation_scores(model, material, settings.train_on)
    assert list(found) == ["lam", "pisc-coarse"]
    answers = answer(model, material, "lam", split="val")
    assert found["lam"] == pytest.approx((answers.metric("map") - 0.5) / 0.5)
    perfect = replace(
        answers, scores=np.array([[t == "yes", t == "no"] for t in answers.truth], float)
    )
    assert perfect.metric("map") == 1.0


@pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(material, tmp_path):
    whole, result = train(material, config(tmp_path / "whole", training={"save_steps": 3}))
    settings = config(tmp_path / "killed", training={"save_steps": 3})

    def die() -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        passes = iter(range(13))

        def count(module: torch.nn.Module, _: object) -> None:
            if module.training and next(passes) == 12:
                os.kill(os.getpid(), signal.SIGKILL)

        model = build_model(settings, SHAPE)
        model.connector.project.register_forward_pre_hook(count)
        learn(model, material, settings, output_dir=settings.output_dir, progress=False)

    child = multiprocessing.get_context("fork").Process(target=die)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (tmp_path / "killed/checkpoints/step-00000012").is_dir()
    model, again = train(material, settings, resume=True)
    assert torch.equal(weights(model), weights(whole))
    assert again.steps == result.steps


def test_other_questions_are_not_resumed(material, tmp_path):
    settings = config(tmp_path, training={"num_train_epochs": 1})
    train(material, settings)
    lam = material.data["lam"]
    turned = replace(lam, splits={**lam.splits, "train": lam["train"][::-1]})
    other = replace(material, data={**material.data, "lam": turned})
    with pytest.raises(TrainingError, match=r"questions \(digest\): \w+ -> \w+"):
        train(other, settings, resume=True)


def test_a_step_of_mended_gradients_asks_every_task(material, tmp_path):
    settings = config(tmp_path, mend_conflicts=True)
    model = build_model(settings, SHAPE)
    work = fusion_work(model, material, settings, processes=Processes())
    assert work.sampler.steps_per_epoch == 4
    (draw, *_) = work.sampler.draw(0)
    assert len(draw.clips) == 24
    engine = work.engine
    assert isinstance(engine, FusionEngine)
    tokens = material.batch(draw.clips.tolist())
    loss = engine.add(draw, work.sampler.judge(draw), iter([tokens]), epoch=0)
    mended = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert set(loss.parts) == {"lam", "pisc-coarse"}
    assert float(loss.total) == pytest.approx(float(sum(loss.parts.values())) / 2, rel=1e-5)

    plain = FusionEngine(model, material.coverage, engine.sampler, processes=Processes())
    model.zero_grad()
    same = plain.add(draw, work.sampler.judge(draw), iter([tokens]), epoch=0)
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert float(same.total) == pytest.approx(float(loss.total), rel=1e-5)
    gradients = [_gradient(model, engine, draw, work, material, task) for task in loss.parts]
    if gradients[0] @ gradients[1] >= 0:  # nothing to mend: the mean over tasks, as without
        torch.testing.assert_close(mended, gradient, atol=1e-5, rtol=1e-3)
    else:
        for own in gradients:
            assert mended @ own >= -1e-6


def _gradient(model, engine, draw, work, material, task) -> torch.Tensor:
    questions = work.sampler.judge(draw)
    places = [k for k, name in enumerate(engine.sampler.tasks_of(draw)) if name == task]
    rows = draw.clips[places]
    losses = model(
        material.batch(rows.tolist()), material.coverage[rows], [questions[k] for k in places]
    )
    found = torch.autograd.grad(losses.mean(), list(model.parameters()), allow_unused=True)
    parts = zip(model.parameters(), found, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in parts])


def test_mended_training_learns_too(material, tmp_path):
    settings = config(
        tmp_path, mend_conflicts=True, training={"num_train_epochs": 8, "learning_rate": 5e-3}
    )
    _, result = train(material, settings)
    assert result.best_score > 0.8


def test_mending_in_several_processes_is_refused(material, tmp_path, monkeypatch):
    monkeypatch.setattr(Processes, "__init__", lambda self: setattr(self, "count", 2))
    settings = config(tmp_path, mend_conflicts=True)
    with pytest.raises(ConfigError, match="mend_conflicts with 2 processes"):
        fusion_work(build_model(settings, SHAPE), material, settings, processes=Processes())


def test_the_shares_of_two_processes_add_up_to_one(material, tmp_path):
    """Each sends its questions' part of the mean back; the sum of both gradients is that of one process."""
    settings = config(tmp_path)
    model = build_model(settings, SHAPE)
    work = fusion_work(model, material, settings, processes=Processes())
    draw = work.sampler.draw(0)[0]

    def gradient(index: int, count: int) -> torch.Tensor:
        processes = Processes()
        processes.index, processes.count = index, count
        processes.gather_rows = lambda mine, *, total: torch.zeros(total, 1)  # for the log alone
        engine = FusionEngine(model, material.coverage, work.sampler, processes=processes)
        model.zero_grad()
        tokens = iter([material.batch(load.tolist()) for load in engine.loads_of(draw)])
        engine.add(draw, work.sampler.judge(draw), tokens, epoch=0)
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    torch.testing.assert_close(
        gradient(0, 2) + gradient(1, 2), gradient(0, 1), atol=1e-6, rtol=1e-3
    )


def test_rows_are_those_of_their_task_and_part(material):
    rows = material.rows_of("pisc-coarse", "val")
    assert [material.ids[row] for row in rows] == [
        e.id for e in material.data["pisc-coarse"]["val"]
    ]
    mixed = [rows[3], material.rows_of("lam", "test")[2], rows[0]]
    tokens = material.batch(mixed)
    for place, row in enumerate(mixed):
        bank = material.banks["pisc-coarse" if row >= 88 else "lam"]
        expected = torch.from_numpy(np.float32(bank.tokens[row - 88 if row >= 88 else row]))
        torch.testing.assert_close(tokens[place], expected)
    asked = material.questions("lam", "test")
    assert [material.ids[row] for row in asked.rows] == [q.example for q in asked.questions]
    assert repr(material) == "Material(2 tasks, 176 examples, 2 x 2 tokens of 8)"


def test_fewer_examples_but_the_whole_test(material):
    data = limit_examples(material.data["lam"], 10, seed=0)
    assert [len(data[split]) for split in ("train", "val", "test")] == [10, 10, 24]
    assert {e.id for e in data["train"]} < {e.id for e in material.data["lam"]["train"]}
    assert limit_examples(data, None, seed=0) is data


def test_a_part_that_is_missing_is_named(material):
    data = replace(material.data["lam"], splits={"train": material.data["lam"]["train"]})
    with pytest.raises(DataError, match="task 'lam' has no val example; get the whole data set"):
        check_parts(data, ("train", "val"))
