"""Which layer of a model is most like people? Chosen on validation clips, reported on held-out clips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from bgs.errors import BackboneError
from bgs.evaluation.layers import LayerSweep, sweep_layers
from bgs.evaluation.probes import probe_attributes
from bgs.rdm import RDM
from bgs.run.embed import open_bank, open_model, reads_no_frames
from bgs.run.judging import Where, data_settings, validation_seed
from bgs.run.results import used_versions
from bgs.run.sources import check_names, split_name
from bgs.run.study import Study, load_study

if TYPE_CHECKING:
    from bgs.backbones.model import EmbeddingModel
    from bgs.data.clip_cache import FrameBank

Layers = dict[str, NDArray[np.float64]]  # name -> (clips, width), in order of depth
BATCH = 8


def sweep(
    model: str,
    *,
    probes: bool = False,
    num_bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = True,
    **where: Unpack[Where],
) -> dict[str, Any]:
    """Spearman of every layer; of a tuned model the head stands last. `probes` adds how well ratings are read off.

    Probes are of validation clips, so that they may be looked at before a layer is chosen.
    """
    check_names([model])
    settings = data_settings([model], **where)  # no judgments: said before weights are read
    label, name = split_name(model)
    opened = None if reads_no_frames(name) else open_model(name)
    if opened is None or opened.backbone.spec.frames is None:
        raise BackboneError(f"model {name!r} has no layers", remedy="name a backbone, or a run")
    study = load_study(settings, seed=validation_seed([model], seed=seed))
    ids = (*study.split.validation, *study.split.test)
    bank = open_bank(opened.backbone, study.clips.restrict(ids), settings, progress=progress)
    layers = embed_layers(opened, bank)  # type: ignore[arg-type]  # it takes frames, so they are frames
    found = sweep_layers(
        {layer: RDM.from_embeddings(ids, matrix) for layer, matrix in layers.items()},
        validation=study.validation_geometry,
        test=study.test_geometry,
        num_bootstrap=num_bootstrap,
        seed=seed,
    )
    return {
        "model": label,
        "data": study.name,
        "simulated": study.simulated,
        "n_clips": {"validation": len(study.split.validation), "test": len(study.split.test)},
        **describe_sweep(found),
        "probes": _probe_layers(layers, study, seed=seed) if probes else [],
        "protocol": {
            "third": study.third,
            "chosen_on": "Spearman of validation clips; judgments with any third clip but no test clip",
            "num_bootstrap": num_bootstrap,
        },
        "source": {"frames": getattr(bank, "key", "")},
        "versions": used_versions(),
        "seed": seed,
    }


def describe_sweep(found: LayerSweep) -> dict[str, Any]:
    """Every layer in order of depth, and the chosen one's score on held-out clips, as plain values."""
    score = found.score
    return {
        "layers": [
            {
                "layer": name,
                "validation_spearman": found.validation[name],
                "test_spearman": found.test[name],
                "chosen": name == found.chosen,
            }
            for name in found.validation
        ],
        "chosen": {
            "layer": found.chosen,
            "spearman": score.spearman,
            "r2": score.r2,
            "ci95": score.ci95,
            "n_pairs": score.num_pairs,
        },
    }


def embed_layers(model: EmbeddingModel, bank: FrameBank) -> Layers:
    """Every layer pooled as the backbone pools its last one; `head` after a tuned model's head."""
    import torch

    parts: dict[str, list[NDArray[np.float32]]] = {}
    backbone = model.backbone
    with torch.inference_mode():
        for start in range(0, len(bank), BATCH):
            frames = bank.batch(range(start, min(start + BATCH, len(bank))))
            pooled = [backbone.pool(tokens).float() for tokens in backbone.tokens(frames)]
            named = {f"layer {place}": layer for place, layer in enumerate(pooled, start=1)}
            if model.head_settings.kind != "none":
                named["head"] = model.head(pooled[-1]).float()
            for name, layer in named.items():
                parts.setdefault(name, []).append(layer.numpy())
    return {name: np.concatenate(layers).astype(np.float64) for name, layers in parts.items()}


def _probe_layers(layers: Layers, study: Study, *, seed: int) -> list[dict[str, Any]]:
    """R2 of every rating from every layer, on validation clips."""
    ratings = study.clips.ratings
    if ratings is None:
        return []
    table = ratings.loc[list(study.split.validation)].astype(float).dropna(axis=1)
    columns = {
        str(name): table[name].to_numpy() for name in table if np.ptp(table[name].to_numpy()) > 0
    }
    rows = []
    for layer, matrix in layers.items():
        scores = probe_attributes(
            matrix[: len(table)], columns, num_bootstrap=0, num_permutations=0, seed=seed
        )
        rows.append({"layer": layer, **{name: score.r2 for name, score in scores.items()}})
    return rows
