"""Pre-train `bgs-tiny`, the small video backbone that ships with the package.

What:    a VideoMAE encoder (about 1 M parameters) learns to report the state of simulated scenes: where
         the agents are, how they move, how they stand to each other, and what the picture looks like.
         It never sees a relation's name or a judgment. Plain masked auto-encoding stays at chance at
         this size. Every clip is simulated and rendered once and never shown again.
Command: OMP_NUM_THREADS=1 python -m experiments.pretrain_tiny --minutes 58 --out runs/pretrain
Cost:    one CPU thread for --minutes; about 95 clips a second. The rate follows the clock, so the last
         steps always have the smallest rate; a slower machine sees fewer clips.
Export:  python -m experiments.pretrain_tiny --export-only --out runs/pretrain --to bgs/backbones/tiny
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bgs.animations.seeds import generator
from experiments.pretrain_export import decodability, export
from experiments.pretrain_model import Pretext, initialise, pretext_loss
from experiments.pretrain_targets import Bank, Scales, draw_batch, simulate_bank

BANK = 4096  # clips simulated at a time; each is rendered once
EXAMPLES = 1024  # of the first bank: they set the scale of the targets
SMOOTHING = 0.98


def learning_rate(progress: float, *, peak: float, step: int, warmup: int = 300) -> float:
    """Cosine over the time budget, so that the schedule ends when the time does."""
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return peak * min(1.0, (step + 1) / warmup) * max(cosine, 0.002)


def build_optimiser(model: Pretext, *, lr: float) -> torch.optim.AdamW:
    """AdamW; the first MLP, which holds the position code, learns slowly so that it stays readable.

    At the full rate of 3e-3 the code was lost within 300 steps and everything after it was slower.
    """
    first = model.encoder.encoder.layer[0]
    slow = [*first.intermediate.parameters(), *first.output.parameters()]
    chosen = {id(p) for p in slow}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    groups = [{"params": rest, "lr_factor": 1.0}, {"params": slow, "lr_factor": 0.2}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), weight_decay=0.02)


class Run:
    """Model, optimiser and clock of one pre-training run, saved and resumed together."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.out = Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        bank = simulate_bank(BANK, rng=generator("pretraining", args.seed, 0))
        rng = generator("pretraining", args.seed, 1)
        _, examples = draw_batch(bank, np.arange(EXAMPLES), rng=rng)
        self.scales = Scales.of(examples)
        self.model = Pretext(self.scales.apply(examples).sizes())
        initialise(self.model.encoder, seed=args.seed)
        self.optimiser = build_optimiser(self.model, lr=args.lr)
        self.step, self.elapsed = 0, 0.0
        self.losses: dict[str, float] = {}
        self.bank: Bank | None = None
        if args.resume and self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.elapsed = state["step"], state["elapsed"]

    @property
    def checkpoint(self) -> Path:
        return self.out / "last.pt"

    def save(self) -> None:
        """Write, then rename: a kill leaves the old checkpoint or the new one, never half of one."""
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
            "batch": self.args.batch,
            "seed": self.args.seed,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)

    def train_step(self) -> None:
        """One batch of clips that were never seen before."""
        args = self.args
        turn, place = divmod(self.step, BANK // args.batch)
        if place == 0 or self.bank is None:
            self.bank = simulate_bank(BANK, rng=generator("pretraining", args.seed, 3, turn))
        rows = place * args.batch + np.arange(args.batch)
        rng = generator("pretraining", args.seed, 2, self.step)
        pixels, raw = draw_batch(self.bank, rows, rng=rng)
        progress = self.elapsed / (args.minutes * 60)
        rate = learning_rate(progress, peak=args.lr, step=self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["lr_factor"]
        self.optimiser.zero_grad(set_to_none=True)
        targets = self.scales.apply(raw)
        loss, parts = pretext_loss(self.model(pixels), targets, progress=progress)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        for name, value in parts.items():
            self.losses[name] = SMOOTHING * self.losses.get(name, value) + (1 - SMOOTHING) * value

    def log(self) -> None:
        line = {"step": self.step, "clips": self.step * self.args.batch}
        line |= {"minutes": round(self.elapsed / 60, 2)}
        line |= {name: round(value, 4) for name, value in self.losses.items()}
        with (self.out / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def train(args: argparse.Namespace) -> None:
    """Train until the time is up, saving and probing on the way, then export."""
    torch.set_num_threads(1)
    run = Run(args)
    begun, budget = time.monotonic() - run.elapsed, args.minutes * 60
    next_save, next_probe = run.elapsed, run.elapsed + args.probe_every * 60
    while run.elapsed < budget:
        run.train_step()
        run.elapsed = time.monotonic() - begun
        if run.step % 100 == 0:
            run.log()
        if run.elapsed > next_save:
            next_save = run.elapsed + args.every * 60
            run.save()
        if run.elapsed > next_probe:
            next_probe = run.elapsed + args.probe_every * 60
            table = decodability(run.model.encoder, train=600, test=300)
            print(json.dumps({"step": run.step, **table}), flush=True)
    run.save()
    export(run.checkpoint, Path(args.to), note=args.note)


def main() -> None:
    """Parse, then train or export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=58)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--every", type=float, default=2, help="minutes between checkpoints")
    parser.add_argument("--probe-every", type=float, default=6, help="minutes between probes")
    parser.add_argument("--out", default="runs/pretrain", help="checkpoint and metrics")
    parser.add_argument("--to", default="runs/pretrain/export", help="folder of the exported model")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export-only", action="store_true", help="export the newest checkpoint")
    parser.add_argument("--note", default="", help="a remark for the exported model's README")
    args = parser.parse_args()
    if args.export_only:
        export(Path(args.out) / "last.pt", Path(args.to), note=args.note)
    else:
        train(args)


if __name__ == "__main__":
    main()
