"""Pre-train `bgs-tiny`, the small video backbone that ships with the package.

What:    a VideoMAE encoder (about 1 M parameters) learns to report the state of simulated scenes: where
         the agents are, how they move, how they stand to each other, and what the picture looks like.
         It never sees a relation's name or a judgment. Plain masked auto-encoding stays at chance at
         this size. Every clip is simulated and rendered once and never shown again.
Command: OMP_NUM_THREADS=1 python experiments/pretrain_tiny.py --minutes 75 --out runs/pretrain
Cost:    one CPU thread for --minutes; about 90 clips a second.
Export:  python experiments/pretrain_tiny.py --export-only --out runs/pretrain --to bgs/backbones/tiny
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from pretrain_targets import Scales, Targets, draw_batch, simulate_bank
from torch import nn
from transformers import VideoMAEConfig, VideoMAEModel

from bgs.animations.latents import SOCIAL_VARIABLES
from bgs.animations.seeds import generator

CONFIG = dict(
    image_size=64,
    patch_size=16,
    num_frames=12,
    tubelet_size=2,
    hidden_size=128,
    num_hidden_layers=5,
    num_attention_heads=4,
    intermediate_size=384,
    use_mean_pooling=False,
)
BANK = 4096
WEIGHTS = {"occupancy": 1.0, "token": 1.0, "place": 0.3, "tubelet": 1.0, "social": 1.5, "look": 0.4}


def initialise(model: VideoMAEModel, *, seed: int) -> None:
    """Weights that let signals through, and positions that can be read.

    VideoMAE's default (standard deviation .02) makes a narrow model almost the identity, so weights
    start at 1 / sqrt(inputs) instead.
    """
    torch.manual_seed(seed)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            scale = module.in_features**-0.5
            if name.endswith("output.dense"):
                scale /= math.sqrt(2 * model.config.num_hidden_layers)
            nn.init.normal_(module.weight, std=scale)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv3d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
    with torch.no_grad():
        write_position_code(model)


def write_position_code(model: VideoMAEModel, *, amplitude: float = 3.0) -> None:
    """Solve the first block's MLP so that it writes (time, row, column) into the residual stream.

    VideoMAE's fixed table counts patches along one dimension and spans fewer than 30 directions, from
    which columns cannot be read linearly. Patches enter in the directions the table leaves free, so
    content does not blur position; random hidden units read the table's directions, and a ridge
    regression finds the output weights. All of it remains trainable.
    """
    config, block = model.config, model.encoder.layer[0]
    table = model.embeddings.position_embeddings[0]
    width, grid = config.hidden_size, config.image_size // config.patch_size
    _, strength, directions = torch.linalg.svd(table - table.mean(0), full_matrices=False)
    used = directions[strength > 0.02 * strength[0]]
    projection = model.embeddings.patch_embeddings.projection
    free = torch.eye(width) - used.T @ used
    projection.weight.copy_((free @ projection.weight.flatten(1)).view_as(projection.weight))
    block.attention.output.dense.weight.mul_(0.1)
    place = torch.arange(len(table))
    codes = (place // grid**2, place // grid % grid, place % grid)
    target = torch.cat([nn.functional.one_hot(code).float() for code in codes], dim=1)
    basis = torch.linalg.qr(torch.randn(width, target.shape[1]))[0].T
    wanted = ((target - target.mean(0)) @ basis * amplitude).repeat(40, 1)
    reader = block.intermediate.dense
    reader.weight.copy_(torch.randn(reader.out_features, len(used)) @ used * 3 / len(used) ** 0.5)
    nn.init.normal_(reader.bias, std=1.0)
    noisy = table.repeat(40, 1)
    noisy = noisy + 0.8 * torch.randn_like(noisy) @ free + 0.05 * torch.randn_like(noisy)
    hidden = nn.functional.gelu(reader(block.layernorm_after(noisy)))
    design = torch.cat([hidden, torch.ones(len(hidden), 1)], dim=1)
    gram = design.T @ design + 1e-3 * len(design) * torch.eye(design.shape[1])
    solved = torch.linalg.solve(gram, design.T @ wanted)
    block.output.dense.weight.copy_(solved[:-1].T)
    block.output.dense.bias.copy_(solved[-1])
    left = float((design @ solved - wanted).var() / wanted.var())
    print(f"position code readable at the start: R2 {1 - left:.2f}", flush=True)


class Pretext(nn.Module):
    """The encoder with linear read-outs at three levels: a patch, a moment, the whole clip."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.encoder = VideoMAEModel(VideoMAEConfig(**CONFIG))
        width = CONFIG["hidden_size"]
        self.token = nn.Linear(width, sizes["token"])
        self.tubelet = nn.Linear(width, sizes["tubelet"])
        self.clip = nn.Linear(width, sizes["social"] + sizes["look"])

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        tokens = self.encoder(pixels).last_hidden_state  # (clips, patches, width)
        moments = CONFIG["num_frames"] // CONFIG["tubelet_size"]
        by_moment = tokens.unflatten(1, (moments, -1)).mean(dim=2)
        return self.token(tokens), self.tubelet(by_moment), self.clip(by_moment.mean(dim=1))


def pretext_loss(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], targets: Targets
) -> tuple[torch.Tensor, dict[str, float]]:
    """Weighted squared errors; what an agent does counts only where an agent is."""
    token, tubelet, clip = outputs
    social = targets.social.shape[1]
    weight = targets.token_weight
    error = (token - targets.token) ** 2 * weight
    per = error.sum(dim=(0, 1)) / (weight.sum(dim=(0, 1)) + 1e-6)
    parts = {
        "occupancy": per[:3].mean() * 4,
        "place": per[3:5].mean(),
        "token": per[5:].mean(),
        "tubelet": nn.functional.mse_loss(tubelet, targets.tubelet),
        "social": nn.functional.mse_loss(clip[:, :social], targets.social),
        "look": nn.functional.mse_loss(clip[:, social:], targets.look),
    }
    total = sum(WEIGHTS[name] * value for name, value in parts.items())
    assert isinstance(total, torch.Tensor)
    return total, {name: round(value.item(), 4) for name, value in parts.items()}


@torch.no_grad()
def decodability(encoder: VideoMAEModel, *, seed: int = 0, train: int = 1000, test: int = 500):
    """R2 of ridge regressions from frozen mean-pooled embeddings to each social variable."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = generator("probe", seed)
    bank = simulate_bank(train + test, rng=rng, roam=0.0)
    encoder.eval()
    features = []
    for start in range(0, train + test, 50):
        pixels, _ = draw_batch(bank, np.arange(start, start + 50), rng=rng, plain=True)
        features.append(encoder(pixels).last_hidden_state.mean(dim=1).numpy())
    encoder.train()
    x, y = np.concatenate(features), bank.social
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 11)))
    ridge.fit(x[:train], y[:train])
    guess = ridge.predict(x[train:])
    rest = ((y[train:] - guess) ** 2).mean(0) / y[train:].var(0)
    return {name: round(float(1 - r), 3) for name, r in zip(SOCIAL_VARIABLES, rest, strict=True)}


def save(path: Path, state: dict) -> None:
    """Write, then rename: a kill leaves the old checkpoint or the new one, never half of one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def learning_rate(progress: float, *, peak: float, step: int, warmup: int = 300) -> float:
    """Cosine over the time budget, so that the schedule ends when the time does."""
    return (
        peak * min(1.0, (step + 1) / warmup) * max(0.5 * (1 + math.cos(math.pi * progress)), 0.002)
    )


def build_optimiser(model: Pretext, *, lr: float) -> torch.optim.AdamW:
    """AdamW; the first MLP, which holds the position code, learns slowly so that it stays readable."""
    first = model.encoder.encoder.layer[0]
    slow = [*first.intermediate.parameters(), *first.output.parameters()]
    chosen = {id(p) for p in slow}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    groups = [{"params": rest, "lr_factor": 1.0}, {"params": slow, "lr_factor": 0.2}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), weight_decay=0.02)


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    bank = simulate_bank(BANK, rng=generator("pretraining", args.seed, 0))
    _, examples = draw_batch(bank, np.arange(1024), rng=generator("pretraining", args.seed, 1))
    scales = Scales.of(examples)
    model = Pretext(scales.apply(examples).sizes())
    initialise(model.encoder, seed=args.seed)
    optimiser = build_optimiser(model, lr=args.lr)
    step, elapsed = 0, 0.0
    if args.resume and (out / "last.pt").exists():
        state = torch.load(out / "last.pt", weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, elapsed = state["step"], state["elapsed"]
    log = (out / "metrics.jsonl").open("a")
    begun, budget = time.monotonic() - elapsed, args.minutes * 60
    next_probe = next_save = elapsed + args.every * 60
    per_bank = BANK // args.batch
    running: dict[str, float] = {}
    while (elapsed := time.monotonic() - begun) < budget:
        turn, place = divmod(step, per_bank)
        rng = generator("pretraining", args.seed, 2, step)
        if place == 0 or running == {}:
            bank = simulate_bank(BANK, rng=generator("pretraining", args.seed, 3, turn))
        pixels, raw = draw_batch(bank, place * args.batch + np.arange(args.batch), rng=rng)
        rate = learning_rate(elapsed / budget, peak=args.lr, step=step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["lr_factor"]
        optimiser.zero_grad(set_to_none=True)
        loss, parts = pretext_loss(model(pixels), scales.apply(raw))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        running = {k: 0.98 * running.get(k, v) + 0.02 * v for k, v in parts.items()}
        if step % 100 == 0:
            line = {"step": step, "clips": step * args.batch, "minutes": round(elapsed / 60, 2)}
            line |= {k: round(v, 4) for k, v in running.items()}
            log.write(json.dumps(line) + "\n")
            log.flush()
        if elapsed > next_save or elapsed > budget - 5:
            next_save = elapsed + args.every * 60
            save(
                out / "last.pt",
                {
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step,
                    "elapsed": elapsed,
                    "batch": args.batch,
                    "seed": args.seed,
                },
            )
        if elapsed > next_probe:
            next_probe = elapsed + args.probe_every * 60
            table = decodability(model.encoder, train=600, test=300)
            print(
                json.dumps({"step": step, "minutes": round(elapsed / 60, 1), **table}), flush=True
            )
            print(json.dumps({k: round(v, 3) for k, v in running.items()}), flush=True)
    export(args)


def export(args: argparse.Namespace) -> None:
    """Write the newest checkpoint as a plain Hugging Face folder, with what is known about it."""
    out, to = Path(args.out), Path(args.to)
    state = torch.load(out / "last.pt", weights_only=True)
    weights = {
        k.removeprefix("encoder."): v for k, v in state["model"].items() if k.startswith("encoder.")
    }
    encoder = VideoMAEModel(VideoMAEConfig(**CONFIG))
    torch.manual_seed(0)
    untrained = decodability(VideoMAEModel(VideoMAEConfig(**CONFIG)), seed=1)
    encoder.load_state_dict(weights)
    encoder.save_pretrained(to)
    facts = {
        "description": "state-pretrained demo backbone: learned to report the state of simulated scenes",
        "labels_used": "none: no relation names, no judgments",
        "clips_seen": state["step"] * state["batch"],
        "steps": state["step"],
        "minutes": round(state["elapsed"] / 60, 1),
        "seed": state["seed"],
        "parameters": sum(p.numel() for p in encoder.parameters()),
        "decodability_r2": {
            "how": "ridge from frozen mean-pooled tokens, 1000 clips to fit, 500 held out",
            "pretrained": decodability(encoder, seed=1),
            "random_initialisation": untrained,
        },
    }
    (to / "pretraining.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts["decodability_r2"], indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--every", type=float, default=2, help="minutes between checkpoints")
    parser.add_argument("--probe-every", type=float, default=6, help="minutes between probes")
    parser.add_argument("--out", default="runs/pretrain")
    parser.add_argument("--to", default="bgs/backbones/tiny")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export-only", action="store_true")
    args = parser.parse_args()
    if args.export_only:
        export(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
