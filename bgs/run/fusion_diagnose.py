"""Two lenses on visual encoders: what a line reads off them, and whether tasks pull shared weights the same way.

OUT/results.json
    encoders        name, layers, width
    tasks           name, title, kind, examples by split, simulated
    probes          encoder and task: validation and test score of every layer, and the layer chosen on validation with
                    its test score, ci95 over groups of test examples, and the score of who does not look (chance)
    gaps            task and encoder: score minus that of the first encoder, ci95 (over test groups and over the choice
                    of layers on validation groups), kept_layers, p and p_holm over all of them
    compatibility   encoder: at each recorded step the loss of every task, all pairs of tasks on the whole shared
                    model, and their means on each part of it
OUT/report.html     the same as a page
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.errors import BackboneError, BgsError, DataError
from bgs.fusion.decodability import LayerProbes, probe_layers
from bgs.fusion.diagnosis import BriefTraining, Moment, make_shared, watch_compatibility
from bgs.fusion.example import TaskData
from bgs.fusion.layers import read_layers
from bgs.fusion.material import check_parts, gather_material, limit_examples
from bgs.fusion.settings import ALL, LanguageSettings
from bgs.fusion.tasks import TASKS, find_task, load_task
from bgs.fusion.twins import TwinSize
from bgs.reports.document import read_document
from bgs.reports.fusion_diagnosis import write_page
from bgs.run.embed import open_model, reads_no_frames
from bgs.run.folder import REPORT, RESULTS, prepare_folder, write_results
from bgs.run.fusion_data import ensure_twins
from bgs.run.fusion_diagnose_rows import (
    PARTS,
    compare_encoders,
    correct,
    describe_encoder,
    describe_protocol,
    describe_task,
    moment_row,
    probe_row,
)
from bgs.run.results import used_versions
from bgs.run.sources import check_names, split_name

if TYPE_CHECKING:
    from bgs.backbones.contract import Backbone

KIND = "fusion diagnosis"
TWINS_FOLDER = "data"  # in OUT, where twins are drawn
Lens = Literal["both", "decodability", "compatibility"]


@dataclass(frozen=True)
class Request:
    """What to look at and how."""

    tasks: tuple[str, ...] = ALL
    lens: Lens = "both"
    home: Path = Path("videos")
    twins: TwinSize | None = None
    max_examples: int | None = 2000  # of training and of validation, a task
    max_test: int | None = 5000
    language: str = "tiny"
    training: BriefTraining = field(default_factory=BriefTraining)
    run: Path | None = None  # of `bgs fusion train`: gradients of its model, on its encoder
    num_bootstrap: int = 1000
    seed: int = 0


def diagnose(
    encoders: Sequence[str],
    *,
    out: Path,
    request: Request | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Both lenses on every encoder; the first is what the others are compared with."""
    request = request or Request()
    named = _named(encoders, request)
    _check_place(out)
    for name in named.values():  # a mistyped one is told before the work on those before it
        open_encoder(name)
    data = _load_data(request, out)
    first: dict[str, LayerProbes] = {}
    described, probes, gaps, compatibility = [], [], [], []
    for label, name in named.items():
        backbone = open_encoder(name)
        described.append(describe_encoder(label, backbone))
        if request.lens != "compatibility":
            found = probe_encoder(backbone, data, progress=progress)
            probes += [probe_row(label, probe, request) for probe in found.values()]
            if not first:
                first = found
            else:
                gaps += compare_encoders(label, first, found, request)
        if request.lens != "decodability":
            moments = watch_encoder(backbone, data, request, progress=progress)
            rows = [moment_row(moment) for moment in moments]
            compatibility.append({"encoder": label, "moments": rows})
        del backbone
    if request.run is not None:
        rows = [moment_row(m) for m in watch_run(request.run, data, request, progress=progress)]
        compatibility.append({"encoder": f"{request.run.name} (trained)", "moments": rows})
    results = {
        "kind": KIND,
        "encoders": described,
        "simulated": any(found.simulated for found in data.values()),
        "tasks": [describe_task(found) for found in data.values()],
        "probes": probes,
        "gaps": correct(gaps),
        "compatibility": compatibility,
        "protocol": describe_protocol(request),
        "versions": used_versions(),
        "seed": request.seed,
    }
    write_results(out, results)
    write_page(results, out / REPORT)
    return results


def open_encoder(name: str) -> Backbone:
    """The frozen encoder of that name; of a run, the tuned one."""
    if reads_no_frames(name):
        raise BackboneError(
            f"{name!r} looks at no picture", remedy="name a backbone, random:BACKBONE or a run"
        )
    backbone = open_model(name).backbone
    if backbone.spec.frames is None:
        raise BackboneError(
            f"the backbone of {name!r} looks at no picture",
            remedy="name a backbone, random:BACKBONE or a run that reads clips",
        )
    return backbone.eval()


def probe_encoder(
    backbone: Backbone, data: Mapping[str, TaskData], *, progress: bool = True
) -> dict[str, LayerProbes]:
    """Probes of every layer, task by task."""
    found = {}
    for name, task_data in data.items():
        features: dict[str, NDArray[np.float32]] = {
            split: read_layers(backbone, task_data[split], device=_device(), progress=progress)
            for split in PARTS
        }
        found[name] = probe_layers(
            task_data.task, features, {part: task_data[part] for part in PARTS}
        )
    return found


def watch_encoder(
    backbone: Backbone, data: Mapping[str, TaskData], request: Request, *, progress: bool = True
) -> list[Moment]:
    """How tasks agree on what is trained behind this encoder."""
    training_only = {
        name: _only_train(found) for name, found in data.items()
    }  # gradients are of training examples, so nothing else is looked at
    material = gather_material(backbone, training_only, device=_device(), progress=progress)
    language = LanguageSettings(name_or_path=request.language)
    model = make_shared(material, language=language, seed=request.training.seed)
    return watch_compatibility(
        model, material, request.training, device=_device(), progress=progress
    )


def watch_run(
    run: Path, data: Mapping[str, TaskData], request: Request, *, progress: bool = True
) -> list[Moment]:
    """How tasks agree on what a run has trained, and as it learns on for the steps of the request."""
    from bgs.fusion.saving import load_social
    from bgs.run.fusion import open_run
    from bgs.run.fusion_inputs import open_encoder as open_run_encoder

    config = open_run(run)
    backbone = open_run_encoder(config)
    parts = {name: _only_train(found) for name, found in data.items()}
    material = gather_material(
        backbone, parts, layer=config.layer, device=_device(), progress=progress
    )
    model = load_social(run, config=config, backbone=backbone)
    return watch_compatibility(
        model, material, request.training, device=_device(), progress=progress
    )


def _named(encoders: Sequence[str], request: Request) -> dict[str, str]:
    """Labels and names; SHORT=NAME gives a label. A run is looked at here too, before any work."""
    if request.run is not None:
        from bgs.run.fusion import open_run

        if request.lens == "decodability":
            raise BgsError(
                f"run {str(request.run)!r} is about gradients, which this lens leaves out",
                remedy="leave out --run, or --lens decodability",
            )
        open_run(request.run)
    elif not encoders:
        raise BgsError("no encoder is named", remedy="name one or more (`bgs backbones`)")
    check_names(encoders)
    return dict(split_name(encoder) for encoder in encoders)


def _check_place(out: Path) -> None:
    """An earlier diagnosis is replaced, any other result is not."""
    prepare_folder(out)
    file = out / RESULTS
    if not file.is_file():
        return
    try:
        kind = read_document(file).data.get("kind")
    except DataError:  # whatever it is, it is not ours
        kind = None
    if kind != KIND:
        raise BgsError(
            f"{str(out)!r} holds results of something else", remedy="choose another folder: --out"
        )


def _load_data(request: Request, out: Path) -> dict[str, TaskData]:
    tasks = [find_task(name).name for name in request.tasks]
    if not tasks:
        raise DataError("no task is named", remedy=f"name one or more of {', '.join(TASKS)}")
    if len(set(tasks)) < len(tasks):
        raise DataError("a task is named twice", remedy="name each once")
    if request.lens != "decodability" and len(tasks) < 2:
        raise DataError(
            "one task has nobody to agree with",
            remedy="name two tasks or more, or add --lens decodability",
        )
    home = request.home
    if (size := request.twins) is not None:
        # The name says what they are, so that others are never taken for them.
        drawn = f"twins-{size.train}-{size.val}-{size.test}-seed{request.seed}"
        home = out / TWINS_FOLDER / drawn
        ensure_twins(tasks, home, seed=request.seed, size=size)
    data = {}
    for name in tasks:
        found = limit_examples(load_task(name, home=home), request.max_examples, seed=request.seed)
        found = _limit_test(found, request.max_test, seed=request.seed)
        check_parts(found, PARTS)
        data[name] = found
    return data


def _limit_test(data: TaskData, limit: int | None, *, seed: int) -> TaskData:
    """At most so many test examples, drawn from the seed, the same for every encoder."""
    test = data["test"]
    if limit is None or len(test) <= limit:
        return data
    chosen = np.sort(np.random.default_rng([seed, 4]).choice(len(test), limit, replace=False))
    kept = tuple(test[place] for place in chosen.tolist())
    return replace(data, splits={**data.splits, "test": kept})


def _only_train(data: TaskData) -> TaskData:
    return TaskData(data.task, {"train": data["train"]}, simulated=data.simulated)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
