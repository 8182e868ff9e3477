"""Tasks whose agreement is known, learnt on random tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bgs.errors import DataError
from bgs.fusion.compatibility import OVERALL, Gram, compare_gradients, compare_tasks
from bgs.fusion.connector import box_coverage
from bgs.fusion.diagnosis import BriefTraining, make_shared, shared_parts, watch_compatibility
from bgs.fusion.example import Box, Example, TaskData
from bgs.fusion.material import Material
from bgs.fusion.seeing import TokenBank
from bgs.fusion.tasks import TASKS

ROWS, COLUMNS, WIDTH, COUNT = 1, 1, 8, 32
BRIEF = BriefTraining(
    steps=24, batch_size=8, num_batches=4, examples_per_batch=8, learning_rate=1e-2
)


def lam(labels: np.ndarray) -> TaskData:
    examples = tuple(
        Example(str(k), (Path("x"),), (Box(0, 0, 0.5, 1),), group=str(k), label=label)
        for k, label in enumerate(labels.tolist())
    )
    return TaskData(TASKS["lam"], {"train": examples})


def material(*, seed: int = 0) -> Material:
    """Three tasks on the same pictures: `same` always has the answer of `first`, `opposite` its contrary."""
    tokens = np.random.default_rng(seed).normal(size=(COUNT, ROWS * COLUMNS, WIDTH))
    yes, no = np.full(COUNT, "yes"), np.full(COUNT, "no")
    data = {"first": lam(yes), "same": lam(yes), "opposite": lam(no)}
    banks = {
        name: TokenBank(
            [str(k) for k in range(COUNT)], tokens.astype(np.float16), rows=ROWS, columns=COLUMNS
        )
        for name in data
    }
    boxes = [[Box(0, 0, 0.5, 1)]] * (COUNT * len(data))
    return Material(data, banks, box_coverage(boxes, rows=ROWS, columns=COLUMNS))


@pytest.fixture(scope="module")
def moments():
    found = material()
    return watch_compatibility(make_shared(found), found, BRIEF, progress=False)


def test_gradients_are_looked_at_over_training(moments):
    assert [moment.step for moment in moments] == [0, 6, 12, 24]
    assert moments[-1].losses["first"] < moments[0].losses["first"]


def test_tasks_with_the_same_answers_agree_and_with_contrary_ones_conflict(moments):
    pairs = {(pair.first, pair.second): pair for pair in moments[-1].of_part(OVERALL)}
    assert pairs["first", "same"].cosine > 0.9
    assert pairs["first", "opposite"].cosine < -0.5
    assert pairs["first", "opposite"].conflict > 0.9
    assert pairs["first", "same"].conflict < 0.1


def test_parts_cover_the_shared_model_once(moments):
    model = make_shared(material())
    parts = shared_parts(model)
    assert list(parts) == ["connector", "language, rest", "language layer 1", "language layer 2"]
    ids = [id(p) for found in parts.values() for p in found]
    assert len(ids) == len(set(ids)) == sum(p.requires_grad for p in model.parameters())
    assert {pair.part for pair in moments[0].agreements} == {*parts, OVERALL}


def test_means_over_pairs(moments):
    pairs = moments[-1].of_part(OVERALL)
    summary = moments[-1].summary()
    assert summary["cosine"] == pytest.approx(np.mean([pair.cosine for pair in pairs]))
    assert summary["ratio"] == pytest.approx(np.mean([pair.ratio for pair in pairs]))


def test_without_steps_gradients_are_looked_at_once_and_as_before(moments):
    found = material()
    (again,) = watch_compatibility(
        make_shared(found), found, replace(BRIEF, steps=0), progress=False
    )
    assert again.summary() == pytest.approx(moments[0].summary(), rel=1e-4)


def test_too_few_examples_for_the_batches():
    found = material()
    many = replace(BRIEF, num_batches=COUNT + 1)
    with pytest.raises(DataError, match="32 training examples of task 'first' in 33 batches"):
        watch_compatibility(make_shared(found), found, many, progress=False)


def test_the_whole_is_the_sum_of_its_parts():
    rng = np.random.default_rng(0)
    parts = [{k: rng.normal(size=(5, n)).astype(np.float32) for k in "ab"} for n in (7, 300)]
    joined = {k: np.concatenate([part[k] for part in parts], axis=1) for k in "ab"}
    summed = Gram.of(parts[0]) + Gram.of(parts[1])
    np.testing.assert_allclose(summed.matrix, Gram.of(joined).matrix)
    (found,), (expected,) = compare_tasks(summed), compare_gradients(joined)
    assert found.cosine == pytest.approx(expected.cosine)
    assert found.ci95 == pytest.approx(expected.ci95)
    with pytest.raises(ValueError, match="gradients of different tasks"):
        summed + Gram.of({k: rng.normal(size=(4, 2)).astype(np.float32) for k in "ab"})


def test_many_weights_are_looked_at_in_slices(monkeypatch):
    rng = np.random.default_rng(0)
    samples = {k: rng.normal(size=(5, 100)).astype(np.float32) for k in "ab"}
    whole = Gram.of(samples).matrix
    monkeypatch.setattr("bgs.fusion.compatibility.SLICE", 7)
    np.testing.assert_allclose(Gram.of(samples).matrix, whole)


def test_gradients_are_taken_without_dropout_and_leave_no_trace():
    found = material()
    model = make_shared(found)
    before = {name: p.clone() for name, p in model.named_parameters()}
    watch_compatibility(model, found, replace(BRIEF, steps=0), progress=False)
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())
