"""What a run reads: the examples of several tasks and what the encoder sees of them, in one numbering.

rows   0 ......... n   n ...................... m
       task a          task b
       train val test  train      val      test
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgs.backbones.contract import Backbone
from bgs.errors import DataError
from bgs.fusion.connector import box_coverage
from bgs.fusion.example import Example, Split, Task, TaskData
from bgs.fusion.questions import Question, ask, who
from bgs.fusion.sampling import Asked
from bgs.fusion.seeing import TokenBank, see

IntArray = NDArray[np.int64]
ORDER: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Material:
    """Tasks with their tokens; a bank of the training loop."""

    data: Mapping[str, TaskData]
    banks: Mapping[str, TokenBank]  # a task's examples, split after split
    coverage: Tensor  # (rows, NUM_MARKERS, tokens) how much of each patch the person covers

    @property
    def ids(self) -> tuple[str, ...]:
        """One a row."""
        return tuple(name for bank in self.banks.values() for name in bank.ids)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows and columns of tokens, and their width."""
        bank = next(iter(self.banks.values()))
        return bank.rows, bank.columns, bank.width

    def batch(self, indices: Sequence[int]) -> Tensor:
        """The tokens of these rows, (rows, tokens, width)."""
        wanted = np.asarray(indices, dtype=np.int64)
        rows, columns, width = self.shape
        tokens = torch.empty(len(wanted), rows * columns, width)
        first = 0
        for bank in self.banks.values():
            inside = (wanted >= first) & (wanted < first + len(bank))
            if inside.any():
                tokens[torch.from_numpy(inside)] = bank.batch((wanted[inside] - first).tolist())
            first += len(bank)
        return tokens

    def rows_of(self, task: str, split: Split) -> range:
        """Where the examples of a part are."""
        first = 0
        for name, bank in self.banks.items():
            if name == task:
                break
            first += len(bank)
        for earlier in ORDER[: ORDER.index(split)]:
            first += len(self.data[task][earlier])
        return range(first, first + len(self.data[task][split]))

    def questions(self, task: str, split: Split, *, about: Task | None = None) -> Asked:
        """Everything that is asked of a part; `about` is the task with fewer questions, say."""
        rows: list[int] = []
        questions: list[Question] = []
        for row, example in zip(self.rows_of(task, split), self.data[task][split], strict=True):
            asked = ask(example, about or self.data[task].task)
            questions += asked
            rows += [row] * len(asked)
        return Asked(task, np.array(rows, dtype=np.int64), tuple(questions))

    def digest(self, tasks: Sequence[str]) -> str:
        """A hash of every training question with its answer, to notice that the data have changed."""
        found = hashlib.sha256()
        for task in tasks:
            for question in self.questions(task, "train").questions:
                found.update(f"{question.example}\0{question.prompt}\0{question.text}\n".encode())
        return found.hexdigest()[:16]

    def __repr__(self) -> str:
        rows, columns, width = self.shape
        return f"Material({len(self.data)} tasks, {len(self.coverage)} examples, {rows} x {columns} tokens of {width})"


def gather_material(
    backbone: Backbone,
    data: Mapping[str, TaskData],
    *,
    layer: int | None = None,
    cache: Path | None = None,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> Material:
    """Look at every example of these tasks once."""
    banks, boxes = {}, []
    for name, found in data.items():
        examples = [example for split in ORDER for example in found[split]]
        banks[name] = see(
            backbone, examples, layer=layer, cache=cache, device=device, progress=progress
        )
        boxes += [who(example) for example in examples]
    rows, columns = backbone.grid_size
    return Material(dict(data), banks, box_coverage(boxes, rows=rows, columns=columns))


def limit_examples(data: TaskData, limit: int | None, *, seed: int) -> TaskData:
    """Training and validation parts of at most so many examples, drawn from the seed; the test part stays whole."""
    if limit is None:
        return data
    splits = {
        split: examples if split == "test" else _draw(examples, limit, seed)
        for split, examples in data.splits.items()
    }
    return replace(data, splits=splits)


def check_parts(data: TaskData, splits: Sequence[Split]) -> None:
    """Refuse a data set that lacks a part which is needed, before anything is looked at."""
    for split in splits:
        if not data[split]:
            raise DataError(
                f"task {data.task.name!r} has no {split} example",
                remedy="get the whole data set, or leave the task out",
            )


def _draw(examples: Sequence[Example], limit: int, seed: int) -> tuple[Example, ...]:
    if len(examples) <= limit:
        return tuple(examples)
    chosen = np.random.default_rng([seed, 3]).choice(len(examples), limit, replace=False)
    return tuple(examples[place] for place in sorted(chosen.tolist()))
