"""Which models stand in a transfer table, in which roles, and their embeddings of every set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bgs.animations.geometry import VALENCE
from bgs.config import DataSettings, FitConfig
from bgs.data.clips import Clips
from bgs.run.embed import bare, open_bank, open_model, reads_no_frames
from bgs.run.low_level import FEATURES, LOW_LEVEL
from bgs.run.results import Role
from bgs.run.sources import (
    RATINGS,
    Source,
    before_and_after,
    check_names,
    open_source,
    run_config,
    split_name,
)
from bgs.run.transfer_sets import LATENT, RatedSet

if TYPE_CHECKING:
    import pandas as pd

    from bgs.backbones.model import EmbeddingModel

TRAJECTORIES, MOTION = "trajectory features", f"{LOW_LEVEL}motion"
TRUTH = "latent"  # the kind of a source whose columns are weighted already
TRUE_GEOMETRY, TRUE_VALENCE = "latent geometry", "latent valence"


@dataclass(frozen=True)
class Entry:
    """A row of the table: a model's vectors of the clips of each set, by the set's name.

    `run` says which model it belongs to as a control; None: to all of them.
    """

    model: str
    role: Role
    sources: Mapping[str, Source]
    run: str | None = None


def check_models(models: Sequence[str], sets: Mapping[str, RatedSet], *, videos_dir: Path) -> None:
    """Refuse a model that cannot be opened, or does not know these clips, before any clip is rendered.

    Opening a large model takes seconds; rendering and embedding, hours.
    """
    check_names(models)
    settings = DataSettings.model_validate({"triplets": "", "videos_dir": videos_dir})
    for name in models:
        _, model = split_name(name)
        if _needs_no_frames(model):
            for found in sets.values():
                open_source(name, found.clips, settings, progress=False).rows(found.clips.ids)
        elif not model.startswith(LOW_LEVEL):
            open_model(model)


def _needs_no_frames(model: str) -> bool:
    """Whether it can be opened on clips that are not there yet; one that is refused by its name can."""
    if model.startswith(LOW_LEVEL):
        return model.removeprefix(LOW_LEVEL) not in FEATURES
    return reads_no_frames(model) or model.startswith(RATINGS)


def open_entries(
    models: Sequence[str],
    sets: Mapping[str, RatedSet],
    *,
    decoder: str,
    videos_dir: Path,
    progress: bool = True,
) -> list[Entry]:
    """Every model beside what it is to be compared with; what two runs share stands there once."""
    settings = DataSettings.model_validate(
        {"triplets": "", "decoder": decoder, "videos_dir": videos_dir}
    )
    entries: list[Entry] = []
    for name in models:
        entries += _entries_of(name, sets, settings, progress=progress)
    if MOTION not in models:
        sources = _on_every(MOTION, sets, settings, progress=progress)
        entries.append(Entry(MOTION, "baseline", sources))
    measured = {
        name: Source(TRAJECTORIES, found.clips.ids, found.features, "euclidean")
        for name, found in sets.items()
        if found.features is not None
    }
    if len(measured) == len(sets):
        entries.append(Entry(TRAJECTORIES, "baseline", measured))
    entries += known_truth(sets)
    kept: dict[str, Entry] = {}
    for entry in entries:
        first = kept.setdefault(entry.model, entry)
        if first is not entry and first.run != entry.run:
            kept[entry.model] = replace(first, run=None)  # shared by several runs
    return list(kept.values())


def known_truth(sets: Mapping[str, RatedSet]) -> list[Entry]:
    """What only a simulation can offer: a control that should succeed, so that a model's failure means something.

    `latent valence` is what simulated viewers rate by, so that it is the truth behind these ratings. `latent geometry`
    is what simulated participants judge odd-one-outs by: what a model tuned to perfection on their judgments would
    have to carry over.
    """
    tables = {name: found.latents for name, found in sets.items() if found.latents is not None}
    if len(tables) < len(sets):
        return []
    found = [Entry(TRUE_GEOMETRY, "latent", _sources(TRUE_GEOMETRY, tables))]
    rated_by = f"{LATENT}{VALENCE}"
    if all(rated_by in table.columns for table in tables.values()):
        valences = {name: table[[rated_by]] for name, table in tables.items()}
        found.insert(0, Entry(TRUE_VALENCE, "latent", _sources(TRUE_VALENCE, valences)))
    return found


def _sources(label: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Source]:
    """Points of a latent space. They are moved off its origin: a clip there has no direction, and is refused."""
    return {
        name: Source(
            label,
            tuple(map(str, table.index)),
            (table - table.min() + 1.0).to_numpy(np.float64),
            "euclidean",
            kind=TRUTH,
        )
        for name, table in tables.items()
    }


def _entries_of(
    name: str, sets: Mapping[str, RatedSet], settings: DataSettings, *, progress: bool
) -> list[Entry]:
    label, model = split_name(name)
    config = run_config(name)
    if config is not None:
        return _entries_of_run(label, model, config, sets, settings, progress=progress)
    sources = _on_every(name, sets, settings, progress=progress)
    baseline = next(iter(sources.values())).is_baseline
    found = [Entry(label, "baseline" if baseline else "model", sources)]
    if not reads_no_frames(model) and not model.startswith((LOW_LEVEL, RATINGS, "random:")):
        control = f"{label} (random initialisation)"
        plain = FitConfig.model_validate(
            {"data": {"triplets": ""}, "backbone": {"name_or_path": model}}
        )
        drawn = _random_on_every(control, plain, sets, settings, progress=progress)
        found.append(Entry(control, "control", drawn, run=label))
    return found


def _entries_of_run(
    label: str,
    folder: str,
    config: FitConfig,
    sets: Mapping[str, RatedSet],
    settings: DataSettings,
    *,
    progress: bool,
) -> list[Entry]:
    """Before, after, and the architecture with random weights."""
    befores: dict[str, Source] = {}
    afters: dict[str, Source] = {}
    for name, found in sets.items():
        before, after = before_and_after(folder, found.clips, settings, progress=progress)
        if before is not None:
            befores[name] = before
        afters[name] = replace(after, model=label)
    backbone = config.backbone.name_or_path
    entries = [
        Entry(f"{backbone} (untuned)", "before", befores, run=label),
        Entry(label, "after", afters, run=label),
    ]
    if not reads_no_frames(backbone):
        control = f"{backbone} (random initialisation)"
        sources = _random_on_every(control, config, sets, settings, progress=progress)
        entries.append(Entry(control, "control", sources, run=label))
    return entries


def _on_every(
    name: str, sets: Mapping[str, RatedSet], settings: DataSettings, *, progress: bool
) -> dict[str, Source]:
    return {
        key: open_source(name, found.clips, settings, progress=progress)
        for key, found in sets.items()
    }


def _random_on_every(
    label: str,
    config: FitConfig,
    sets: Mapping[str, RatedSet],
    settings: DataSettings,
    *,
    progress: bool,
) -> dict[str, Source]:
    """The architecture of a config with weights drawn from its seed."""
    from bgs.run.building import open_backbone

    untrained = config.backbone.model_copy(update={"random_init": True})
    opened = bare(open_backbone(config.model_copy(update={"backbone": untrained})))
    return {
        key: _embed_frames(label, opened, found.clips, settings, progress=progress)
        for key, found in sets.items()
    }


def _embed_frames(
    label: str, opened: EmbeddingModel, clips: Clips, settings: DataSettings, *, progress: bool
) -> Source:
    from bgs.backbones.model import embed

    bank = open_bank(opened.backbone, clips, settings, progress=progress)
    matrix = np.asarray(embed(opened, bank, progress=progress), dtype=np.float64)
    return Source(label, bank.ids, matrix)
