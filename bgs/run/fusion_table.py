"""Who helps whom: the runs of a transfer table, trained for the same steps a task, and what they gained.

OUT/together, OUT/alone-TASK, OUT/without-TASK   runs of their own
OUT/table.json                                   gains with paired intervals
OUT/who-helps-whom.svg, .pdf, .csv               the matrix
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bgs.errors import TrainingError
from bgs.fusion.learn import answer
from bgs.fusion.sampling import task_shares
from bgs.fusion.saving import load_social
from bgs.fusion.scoring import Answers, Change
from bgs.fusion.settings import FusionConfig
from bgs.fusion.transfer_table import TOGETHER, TransferTable, build_table, plan_runs
from bgs.reports.fusion_matrix import Gain, draw_gains
from bgs.run.folder import CONFIG, RESULTS, prepare_folder, write_text
from bgs.run.fusion import train_fusion
from bgs.run.fusion_config import resolve_fusion
from bgs.run.fusion_inputs import Inputs, open_inputs, twin_home
from bgs.run.results import used_versions
from bgs.training.processes import Processes

logger = logging.getLogger(__name__)
TABLE = "table.json"
ALL_OTHERS = "all others"
PLACES = ("name", "output_dir", "home", "cache_dir", "num_bootstrap")
INTERVALS = (
    "95 %, paired, over groups of test examples; one training seed, so another start is not in them"
)
BUDGET = (
    "every run trains a task for as many steps as the joint run does, over as many epochs of one schedule; "
    "each keeps the epoch that is best on validation for the tasks it was trained on"
)


def make_table(
    config: FusionConfig, *, leave_one_out: bool = True, resume: bool = False, progress: bool = True
) -> dict[str, Any]:
    """Train what the table needs, score every run on the test part of its tasks, write table and figure.

    Runs of this table that are finished are kept, and an interrupted one goes on from its newest checkpoint. A
    table that is there is made again from its runs with `resume` alone.
    """
    out = config.output_dir
    plan = plan_runs(config.train_on, leave_one_out=leave_one_out)
    if not resume and (out / TABLE).exists():
        raise TrainingError(
            f"table {str(out / TABLE)!r} exists already",
            remedy="choose another folder, or keep its runs with --resume",
        )
    prepare_folder(out)
    inputs = open_inputs(config, config.train_on, progress=progress)
    sizes = {task: len(inputs.material.questions(task, "train")) for task in config.train_on}
    answers: dict[str, dict[str, Answers]] = {}
    for name, tasks in plan.items():
        part = part_config(config, name, tasks, sizes=sizes)
        begun = _has_begun(part)
        if begun and (part.output_dir / RESULTS).is_file():
            logger.info("table: run %r is finished", name)
        else:
            logger.info("table: run %r on %s", name, ", ".join(tasks))
            train_fusion(part, inputs=inputs, resume=begun, progress=progress)
        answers[name] = _answers(part, inputs)
    table = build_table(answers, num_bootstrap=config.num_bootstrap, seed=config.seed)
    simulated = any(data.simulated for data in inputs.material.data.values())
    return _write(config, table, plan, simulated=simulated)


def _has_begun(config: FusionConfig) -> bool:
    """Whether a run of the table is in its folder already; one of other settings is refused."""
    file = config.output_dir / CONFIG
    if not file.is_file():
        return False
    before, now = (_deciding(found) for found in (resolve_fusion(file), config))
    changed = next((key for key in now if before[key] != now[key]), None)
    if changed is not None:
        raise TrainingError(
            f"run {str(config.output_dir)!r} was made with another {changed!r}",
            remedy="choose another folder, or give the settings that its config.yaml has",
        )
    return True


def _deciding(config: FusionConfig) -> dict[str, Any]:
    """The settings that decide what a run learns: not where it is kept."""
    found = config.model_dump(mode="json", exclude=set(PLACES))
    if found["twins"] is not None:
        del found["twins"]["home"]
    return found


def part_config(
    config: FusionConfig, name: str, tasks: tuple[str, ...], *, sizes: Mapping[str, int]
) -> FusionConfig:
    """The config of one run: its tasks, and the joint run's steps for them."""
    shares = task_shares(sizes, config.sampling)
    batch = config.training.per_device_train_batch_size
    whole = -(-sum(sizes.values()) // batch)
    steps = config.sampling.steps_per_epoch or whole
    if config.mend_conflicts:  # every step asks every task
        steps_here = config.sampling.steps_per_epoch or -(-whole // len(sizes))
    else:
        steps_here = max(round(steps * sum(shares[task] for task in tasks)), 1)
    twins = config.twins
    if twins is not None:
        twins = twins.model_copy(update={"home": twin_home(config, twins)})
    return config.model_copy(
        update={
            "name": name,
            "train_on": tasks,
            "val_on": (),
            "twins": twins,
            "output_dir": config.output_dir / _folder(name),
            "sampling": config.sampling.model_copy(update={"steps_per_epoch": steps_here}),
        }
    )


def _answers(config: FusionConfig, inputs: Inputs) -> dict[str, Answers]:
    """Of the run as it was saved, so that a table that is resumed is the same table."""
    model = load_social(config.output_dir, config=config, backbone=inputs.backbone)
    model = model.to(Processes().device)
    return {task: answer(model, inputs.material, task, split="test") for task in config.train_on}


def _write(
    config: FusionConfig,
    table: TransferTable,
    plan: Mapping[str, tuple[str, ...]],
    *,
    simulated: bool,
) -> dict[str, Any]:
    out, tasks = config.output_dir, config.train_on
    gains = {(ALL_OTHERS, task): _gain(change) for task, change in table.from_all.items()}
    gains |= {pair: _gain(change) for pair, change in table.from_each.items()}
    rows = (ALL_OTHERS, *tasks) if table.from_each else (ALL_OTHERS,)
    figure = draw_gains(gains, rows=rows, columns=tasks, simulated=simulated)
    results = {
        "kind": "fusion-table",
        "simulated": simulated,
        "backbone": config.backbone.name_or_path,
        "language": config.language.name_or_path,
        "budget": BUDGET,
        "intervals": INTERVALS,
        "runs": {name: {"tasks": list(on), "folder": _folder(name)} for name, on in plan.items()},
        "together": TOGETHER,
        "from_all": [_row(change) for change in table.from_all.values()],
        "from_each": [
            {"helper": helper, **_row(change)} for (helper, _), change in table.from_each.items()
        ],
        "figure": str(figure.write(out)[0]),
        "versions": used_versions(),
    }
    text = json.dumps(results, indent=2, allow_nan=False, ensure_ascii=False)
    write_text(out / TABLE, text + "\n")
    return results


def _row(change: Change) -> dict[str, Any]:
    found = asdict(change)
    return found | {"ci95": None if change.ci95 is None else list(change.ci95)}


def _gain(change: Change) -> Gain:
    return Gain(change.gain, change.ci95)


def _folder(name: str) -> str:
    """`affectnet alone` -> `alone-affectnet`."""
    words = name.split()
    return "-".join(reversed(words)) if words[-1] == "alone" else "-".join(words)
