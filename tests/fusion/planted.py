"""Tasks whose answers are planted in the tokens, so that what is learnt is known; no picture is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bgs.fusion.connector import box_coverage
from bgs.fusion.example import Box, Example, TaskData
from bgs.fusion.material import Material
from bgs.fusion.questions import who
from bgs.fusion.seeing import TokenBank
from bgs.fusion.settings import FusionConfig
from bgs.fusion.tasks import TASKS

ROWS, COLUMNS, WIDTH = 2, 2, 8
SIZES = {"train": 48, "val": 16, "test": 24}
LEFT, RIGHT = Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.0, 1.0, 1.0)


def planted(*tasks: str, seed: int = 0) -> Material:
    """Examples of these tasks; channel k of every token stands out where the answer is label k."""
    rng = np.random.default_rng(seed)
    data, banks, boxes = {}, {}, []
    for name in tasks or ("lam", "pisc-coarse"):
        task = TASKS[name]
        splits, tokens = {}, []
        for split, count in SIZES.items():
            splits[split] = tuple(_example(name, split, k) for k in range(count))
            for example in splits[split]:
                seen = rng.normal(0, 0.3, (ROWS * COLUMNS, WIDTH))
                seen[:, task.labels.index(example.label or "")] += 2.0
                tokens.append(seen)
                boxes.append(who(example))
        data[name] = TaskData(task, splits, simulated=True)  # type: ignore[arg-type]
        ids = [example.id for part in splits.values() for example in part]
        banks[name] = TokenBank(ids, np.float16(tokens), rows=ROWS, columns=COLUMNS)
    return Material(data, banks, box_coverage(boxes, rows=ROWS, columns=COLUMNS))


def config(folder: Path, *, tasks: tuple[str, ...] = ("lam", "pisc-coarse"), **changes: Any):
    """Settings of a short run."""
    training = {
        "learning_rate": 3e-3,
        "num_train_epochs": 3,
        "per_device_train_batch_size": 12,
        "lr_scheduler_type": "cosine",
        "early_stopping_patience": None,
        "save_interval_seconds": 0,
        **changes.pop("training", {}),
    }
    values = {
        "output_dir": folder,
        "train_on": tasks,
        "connector": {"hidden": 16},
        "training": training,
        "num_bootstrap": 100,
        **changes,
    }
    return FusionConfig.model_validate(values)


def _example(task: str, split: str, number: int) -> Example:
    labels = TASKS[task].labels
    boxes = (LEFT, RIGHT) if task.startswith("pisc") else (LEFT,)
    name = f"{task} {split} {number}"
    return Example(name, (Path("x.jpg"),), boxes, group=name, label=labels[number % len(labels)])
