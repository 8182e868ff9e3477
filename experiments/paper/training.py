"""Tuned models of a reproduction, each trained once however many recipes ask for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bgs.config import FitConfig
from bgs.run.configs import resolve_config
from bgs.run.demo import QUICK_SETTINGS
from bgs.run.embed import FEATURES, embed_clips, write_embeddings
from bgs.run.fit import fit
from bgs.run.folder import RESULTS
from experiments.paper.given import Given

VARIANTS = ("hybrid", "triplet-only", "rsa-only", "budget-matched")
CAPTIONS = "caption:"


def tuned(
    given: Given,
    name: str,
    model: str,
    *,
    variant: str = "hybrid",
    seed: int | None = None,
    controls: tuple[str, ...] = (),
) -> tuple[Path, dict[str, Any]]:
    """The run folder of a model (its name in tables, what opens it) tuned by a variant, and its results."""
    seed = given.seed if seed is None else seed
    # A run that other recipes made without these controls would lack their rows.
    beside = "-controls" if len(controls) > 1 or "shuffled_judgments" in controls else ""
    folder = given.out / "runs" / f"{name}-{variant}-{seed}{beside}"
    if (folder / RESULTS).is_file():
        return folder, dict(json.loads((folder / RESULTS).read_text(encoding="utf-8")))
    config = describe(
        given, _read_once(given, name, model), variant=variant, seed=seed, folder=folder
    )
    config = config.model_copy(update={"controls": controls})
    started = any(folder.glob("checkpoints/*"))
    return folder, fit(config, resume=started, overwrite=not started, progress=False)


def describe(given: Given, model: str, *, variant: str, seed: int, folder: Path) -> FitConfig:
    """The config for this kind of model with the variant's objective in it."""
    words = [
        f"data.triplets={given.data}",
        f"data.triplets_dir={given.triplets_dir}",
        f"data.videos_dir={given.videos_dir}",
        f"backbone.name_or_path={model}",
        f"output_dir={folder}",
        f"seed={seed}",
        f"evaluation.caption_model={given.caption[1].removeprefix(CAPTIONS)}",
        f"evaluation.num_bootstrap={given.num_bootstrap}",
        *(QUICK_SETTINGS if given.quick else ()),
    ]
    config = resolve_config(_recipe_of(model), overrides=words)
    if variant == "hybrid":
        return config
    return config.model_copy(update={"objective": resolve_config(f"paper-{variant}").objective})


def _read_once(given: Given, name: str, model: str) -> str:
    """Captions through a sentence encoder take longer than the training; their vectors serve every run."""
    if not model.startswith(CAPTIONS):
        return model
    file = given.out / "embeddings" / f"{name}.npz"
    if not file.is_file():
        write_embeddings(embed_clips(model, videos=given.data, videos_dir=given.videos_dir), file)
    return f"{FEATURES}{file}"


def _recipe_of(model: str) -> str:
    """Published settings for published backbones; the shipped one and caption models have their own."""
    if model.startswith(FEATURES):
        return "social250-captions"
    return "demo" if model == "bgs-tiny" else "paper-hybrid"
