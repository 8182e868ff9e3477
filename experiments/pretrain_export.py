"""What a pre-trained encoder can see, and the folder that ships with the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import VideoMAEModel

from bgs.animations.behaviours import FloatArray
from bgs.animations.latents import SOCIAL_VARIABLES
from bgs.animations.seeds import generator
from experiments.pretrain_model import new_encoder
from experiments.pretrain_targets import MEAN, SIZE, STD, Bank, draw_batch, simulate_bank

README = """# bgs-tiny: a state-pretrained demo backbone

A VideoMAE encoder ({parameters:,} parameters; 12 frames of 64 x 64 pixels) that learned to report the state
of simulated abstract scenes: where two agents are, how they move, how they stand to each other, and what
the picture looks like. It was trained from scratch on {clips:,} clips, each simulated and rendered once, with
`experiments/pretrain_tiny.py` (seed {seed}, {minutes} minutes on one CPU thread). No names of relations, no
judgments and no real videos were used, and the random streams differ from the demo's by construction.
{note}

The variables in the table below were themselves among the targets of pre-training (with positions, velocities,
sizes and appearance). That they can be read is what it was trained for; it did not emerge from pixels alone.

It exists so that the demo runs anywhere in minutes. It knows nothing about real videos: use one of the large
backbones for those.

How well social variables can be read from frozen, mean-pooled tokens (R2 of a ridge regression on held-out
simulated clips; 1000 to fit, 500 to test):

| variable | bgs-tiny | same architecture, random weights |
|---|---|---|
{rows}
"""


@torch.no_grad()
def _embed(encoder: VideoMAEModel, bank: Bank, *, rng: np.random.Generator) -> FloatArray:
    """Mean tokens of every clip of a bank, in fresh looks."""
    encoder.eval()
    features = []
    for start in range(0, len(bank.social), 50):
        rows = np.arange(start, min(start + 50, len(bank.social)))
        pixels, _ = draw_batch(bank, rows, rng=rng, plain=True)
        features.append(encoder(pixels).last_hidden_state.mean(dim=1).numpy())
    encoder.train()
    return np.concatenate(features)


@torch.no_grad()
def standardise(encoder: VideoMAEModel, *, seed: int, count: int = 1000) -> None:
    """Rescale the last LayerNorm so that every pooled dimension has mean 0 and variance 1.

    Pooling is linear, so this only moves and stretches the axes; heads and cosine distances then start
    from a centred space, whatever the scale on which pre-training left it.
    """
    rng = generator("pretraining", seed, 4)
    bank = simulate_bank(count, rng=rng, roam=0.0)
    features = torch.from_numpy(_embed(encoder, bank, rng=rng))
    mean, std = features.mean(dim=0), features.std(dim=0)
    encoder.layernorm.weight.div_(std)
    encoder.layernorm.bias.sub_(mean).div_(std)


@torch.no_grad()
def decodability(
    encoder: VideoMAEModel, *, seed: int = 0, train: int = 1000, test: int = 500
) -> dict[str, float]:
    """R2 of ridge regressions from frozen mean-pooled embeddings to each social variable."""
    rng = generator("probe", seed)
    bank = simulate_bank(train + test, rng=rng, roam=0.0)
    x, y = _embed(encoder, bank, rng=rng), bank.social
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 11)))
    guess = ridge.fit(x[:train], y[:train]).predict(x[train:])
    rest = ((y[train:] - guess) ** 2).mean(0) / y[train:].var(0)
    return {name: round(float(1 - r), 3) for name, r in zip(SOCIAL_VARIABLES, rest, strict=True)}


def export(checkpoint: Path, folder: Path, *, note: str = "") -> None:
    """Write the encoder of a checkpoint as a plain Hugging Face folder, with what is known about it.

    `note` records what a reader of the recipe could not know, such as an interruption.
    """
    state = torch.load(checkpoint, weights_only=True)
    torch.manual_seed(0)
    encoder = new_encoder()
    untrained = decodability(encoder, seed=1)
    prefix = "encoder."
    weights = {k.removeprefix(prefix): v for k, v in state["model"].items() if k.startswith(prefix)}
    encoder.load_state_dict(weights)
    standardise(encoder, seed=state["seed"])
    trained = decodability(encoder, seed=1)
    encoder.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    parameters = sum(p.numel() for p in encoder.parameters())
    facts = {
        "description": "state-pretrained demo backbone: reports the state of simulated scenes",
        "targets": "simulated state, including the social variables listed below, and appearance",
        "labels_used": "none: no names of relations, no judgments, no real videos",
        "clips_seen": state["step"] * state["batch"],
        "steps": state["step"],
        "minutes": round(state["elapsed"] / 60, 1),
        "seed": state["seed"],
        "parameters": parameters,
        "note": note,
        "decodability_r2": {
            "how": "ridge from frozen mean-pooled tokens; 1000 simulated clips to fit, 500 held out",
            "pretrained": trained,
            "random_initialisation": untrained,
        },
    }
    processor = {
        "image_processor_type": "VideoMAEImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": SIZE},
        "resample": 2,
        "do_center_crop": True,
        "crop_size": {"height": SIZE, "width": SIZE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [round(float(v), 3) for v in MEAN],
        "image_std": [round(float(v), 3) for v in STD],
    }
    _write_json(folder / "pretraining.json", facts)
    _write_json(folder / "preprocessor_config.json", processor)
    rows = [f"| {k} | {trained[k]:.2f} | {untrained[k]:.2f} |" for k in trained]
    text = README.format(
        parameters=parameters,
        clips=facts["clips_seen"],
        seed=facts["seed"],
        minutes=facts["minutes"],
        rows="\n".join(rows),
        note=note,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(text)


def _write_json(path: Path, values: dict[str, object]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
