"""What each process of `test_processes.py` runs; started by torchrun, or alone."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from conftest import TinyModel, make_world

from bgs.config import ObjectiveSettings, TrainingSettings
from bgs.objectives import Objective
from bgs.training import train
from bgs.training.processes import Processes


def main(output_dir: Path, batch_size: int) -> None:
    world = make_world()
    for name, values in {
        "clips": {},
        "large_batch": {"large_batch": True, "per_device_train_batch_size": 5},
        "triplets": {"batching": "triplets", "per_device_train_batch_size": 5 * batch_size},
    }.items():
        model = TinyModel(dropout=0.0)
        settings = TrainingSettings(
            **{
                "learning_rate": 0.01,
                "num_train_epochs": 3,
                "per_device_train_batch_size": batch_size,
                "gradient_accumulation_steps": 2,
                **values,
            }
        )
        folder = output_dir / name
        for resume in (False, True):  # the second time every process finds the finished run
            result = train(
                model,
                world.bank,
                world.judgments,
                world.human,
                objective=Objective(ObjectiveSettings()),
                settings=settings,
                seed=3,
                output_dir=folder,
                validate=world.validate,
                resume=resume,
                progress=False,
            )
        saved = {"weights": model.state_dict(), "score": result.best_score, "steps": result.steps}
        torch.save(saved, folder / f"process{Processes().index}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
