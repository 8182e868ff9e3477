"""What a SocialFusion run stands on: data sets or their simulated twins, an encoder, and what it sees."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bgs.backbones.contract import Backbone
from bgs.backbones.registry import load_backbone
from bgs.data.clip_store import default_cache_dir
from bgs.errors import BackboneError
from bgs.fusion.example import Split, TaskData
from bgs.fusion.material import Material, check_parts, gather_material, limit_examples
from bgs.fusion.record import Shape
from bgs.fusion.seeing import check_layer
from bgs.fusion.settings import FusionConfig, TwinSettings
from bgs.fusion.tasks import SOURCES, load_task
from bgs.fusion.twins import TwinSize
from bgs.run.embed import open_model
from bgs.run.folder import CONFIG
from bgs.run.fusion_data import draw_twin
from bgs.training.processes import Processes

logger = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Inputs:
    """The encoder, and the material it has made of the tasks."""

    backbone: Backbone
    material: Material

    @property
    def shape(self) -> Shape:
        """The tokens that a connector reads."""
        return Shape(*self.material.shape)


def open_inputs(
    config: FusionConfig,
    tasks: Sequence[str],
    *,
    splits: Sequence[Split] = ("train", "val", "test"),
    progress: bool = True,
) -> Inputs:
    """Data and encoder, checked; then every example looked at once.

    What is slow comes last, so that a mistake is told before it.
    """
    check_homes(config, tasks)
    processes = Processes()
    backbone = open_encoder(config)
    data = main_first(processes, lambda: load_data(config, tasks, splits=splits))

    def look() -> Material:
        return gather_material(
            backbone,
            data,
            layer=config.layer,
            cache=token_cache(config),
            device=processes.device,
            progress=progress and processes.is_main,
        )

    return Inputs(backbone, main_first(processes, look))


def check_homes(config: FusionConfig, tasks: Sequence[str]) -> None:
    """Refuse a data set that is not there, before a model is opened for it."""
    for task in tasks:
        if config.twins is None and not (config.home / SOURCES[task].folder).is_dir():
            load_task(task, home=config.home)  # says what is missing, and where it belongs


def open_encoder(config: FusionConfig) -> Backbone:
    """The frozen encoder: a published backbone, or the tuned one of a run folder with its adapter."""
    chosen = config.backbone
    folder = Path(chosen.name_or_path)
    if any((folder / name).is_file() for name in ("model.json", CONFIG)):
        backbone = open_model(chosen.name_or_path).backbone
    else:
        options = chosen.model_dump(exclude={"name_or_path"})
        backbone = load_backbone(chosen.name_or_path, seed=config.seed, **options)
    if backbone.spec.frames is None:
        raise BackboneError(
            f"{chosen.name_or_path!r} is a model of given features and cannot look at a picture",
            remedy="name an encoder of pictures or clips",
        )
    check_layer(backbone, config.layer)
    return backbone.requires_grad_(False).eval()


def load_data(
    config: FusionConfig, tasks: Sequence[str], *, splits: Sequence[Split]
) -> dict[str, TaskData]:
    """The tasks' examples from the config's home, or from twins where that is asked for."""
    found = {}
    for task in tasks:
        data = load_task(task, home=find_home(config, task))
        check_parts(data, splits)
        found[task] = limit_examples(data, config.max_examples, seed=config.seed)
        logger.info("%r", found[task])
    drawn = [task for task, data in found.items() if data.simulated]
    if drawn:
        logger.warning("simulated data: %s show drawings, not people", ", ".join(drawn))
    return found


def find_home(config: FusionConfig, task: str) -> Path:
    """Where the data set of a task is; a twin is drawn where it is absent and twins are asked for."""
    folder, twins = SOURCES[task].folder, config.twins
    if twins is None or (config.home / folder).is_dir():
        return config.home
    home = twin_home(config, twins)
    if not (home / folder).is_dir():
        logger.warning("data set %s is not in %s: drawing a simulated twin", folder, config.home)
        size = TwinSize(train=twins.train, val=twins.val, test=twins.test)
        draw_twin(folder, videos_dir=home, seed=twins.seed, size=size)
    return home


def twin_home(config: FusionConfig, twins: TwinSettings) -> Path:
    """Where twins are drawn; its name says what they are, so that others are never taken for them."""
    name = f"twins-{twins.train}-{twins.val}-{twins.test}-seed{twins.seed}"
    return twins.home or config.output_dir / "data" / name


def token_cache(config: FusionConfig) -> Path:
    """The folder in which visual tokens are kept between runs."""
    return (config.cache_dir or default_cache_dir()) / "tokens"


def main_first(processes: Processes, work: Callable[[], Found]) -> Found:
    """What writes files is done by one process; the others then find them."""
    found = work() if processes.is_main else None
    processes.wait()
    return work() if found is None else found
