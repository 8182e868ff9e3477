"""Kill a training run 25 times and compare its final weights with those of a run left in peace.

    python experiments/kill_and_resume.py --out kill_and_resume.json

A LoRA-adapted bgs-tiny is trained on noise (what is learnt does not matter here) with a checkpoint after
every update. Children are forked, so a kill costs no import; every other one is killed the moment a
checkpoint is seen being written, the rest at random moments. Twice, the newest checkpoint is also damaged (cut short; a
bit flipped) before resuming. Expected: `equal` true, no half-written checkpoint ever, in a few minutes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bgs.backbones.lora import add_lora
from bgs.backbones.model import EmbeddingModel
from bgs.backbones.registry import load_backbone
from bgs.config import HeadSettings, LoraSettings, ObjectiveSettings, TrainingSettings
from bgs.data.triplets import Triplets
from bgs.objectives import Objective
from bgs.training import train
from bgs.training.checkpoints import Checkpoints

NUM_CLIPS = 24
EPOCHS = 40
LONGEST_SECONDS = 6.0


class NoiseBank:
    """Frames of noise, the same in every process."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.ids = tuple(f"clip{index:02d}" for index in range(NUM_CLIPS))
        shape = (NUM_CLIPS, 12, 3, 64, 64)
        self.frames = torch.from_numpy(rng.integers(0, 255, shape, dtype=np.uint8))

    def batch(self, indices: Any) -> torch.Tensor:
        return self.frames[list(indices)]


def run(folder: Path, *, resume: bool) -> None:
    backbone = load_backbone("bgs-tiny")
    add_lora(backbone, LoraSettings())
    model = EmbeddingModel(backbone, HeadSettings(dim=16))
    bank = NoiseBank()
    rng = np.random.default_rng(1)
    clips = np.array([rng.permutation(NUM_CLIPS)[:3] for _ in range(300)])
    judgments = Triplets(ids=bank.ids, clips=clips, odd=rng.integers(0, 3, size=300))
    train(
        model,
        bank,
        judgments,
        judgments.rdm(),
        objective=Objective(ObjectiveSettings()),
        settings=TrainingSettings(
            num_train_epochs=EPOCHS,
            per_device_train_batch_size=8,
            early_stopping_patience=None,
            ema_decay=0.95,
            save_steps=1,
            save_interval_seconds=0,
            save_total_limit=3,
        ),
        seed=0,
        output_dir=folder,
        validate=lambda m: float(next(m.head.parameters()).sum()),
        resume=resume,
        progress=False,
    )
    weights = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    torch.save(weights, folder / "weights.pt")


def in_a_child(work: Callable[[], None]) -> multiprocessing.process.BaseProcess:
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    return child


def kill(folder: Path, *, inside_write: bool, rng: random.Random) -> bool:
    """Start (or continue) the run and kill it; whether it was in the middle of a checkpoint."""
    child = in_a_child(lambda: run(folder, resume=True))
    time.sleep(rng.uniform(0.5, LONGEST_SECONDS))
    until = time.monotonic() + 5.0
    while inside_write and child.is_alive() and time.monotonic() < until:
        if any(folder.glob("checkpoints/.partial-*")):
            break
    child.kill()
    child.join()
    return any(folder.glob("checkpoints/.partial-*"))


def damage(folder: Path, *, how: str) -> None:
    steps = Checkpoints(folder / "checkpoints", keep=3).steps()
    file = folder / "checkpoints" / f"step-{steps[-1]:08d}" / "state.pt"
    data = bytearray(file.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    file.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("kill_and_resume.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        whole, killed = Path(scratch) / "whole", Path(scratch) / "killed"
        for folder in (whole, killed):
            folder.mkdir()
        in_a_child(lambda: run(whole, resume=False)).join()
        record = _kill_and_resume(killed, options.kills, rng)
        one, other = (torch.load(folder / "weights.pt") for folder in (whole, killed))
        record["equal"] = all(torch.equal(one[name], other[name]) for name in one)
        record["num_weights"] = sum(value.numel() for value in one.values())
    print(json.dumps(record))
    options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _kill_and_resume(folder: Path, kills: int, rng: random.Random) -> dict[str, Any]:
    inside, reached, half_written = 0, [], 0
    for number in range(kills):
        inside += kill(folder, inside_write=number % 2 == 0, rng=rng)
        checkpoints = Checkpoints(folder / "checkpoints", keep=3)
        before = checkpoints.steps()
        checkpoints.newest()
        half_written += checkpoints.steps() != before
        reached.append(checkpoints.steps()[-1] if checkpoints.steps() else 0)
        if number in (kills // 3, 2 * kills // 3) and len(checkpoints.steps()) > 1:
            damage(folder, how="cut" if number == kills // 3 else "flip")
    in_a_child(lambda: run(folder, resume=True)).join()
    return {
        "kills": kills,
        "inside_a_checkpoint_write": inside,
        "half_written_checkpoints": half_written,
        "step_after_each_kill": reached,
        "damaged_and_set_aside": len(list(folder.glob("checkpoints/damaged-*"))),
    }


if __name__ == "__main__":
    main()
