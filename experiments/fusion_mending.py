"""Does projecting conflicting gradients (PCGrad) help five social tasks that are learnt together?

What:    `mend_conflicts: true` against `false`, everything else alike: as many questions of each task in a step, the
         same steps, schedule, seeds and data. A seed is another connector, language model and order of questions.
Command: python experiments/fusion_mending.py [--seeds 0 1 2] [--steps 300] [--home FOLDER]   simulated twins, bgs-tiny
         A run that is finished is kept when the same command is given again.
Cost:    a minute of one CPU core for each run with 300 steps, two runs a seed; drawing comes on top.
Expect:  whatever comes out, in experiments/fusion_mending.json. About drawings and a tiny model, not about people.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from bgs.run.fusion import train_fusion
from bgs.run.fusion_config import resolve_fusion

RECORD = Path(__file__).with_suffix(".json")
QUESTIONS = 8  # of each task in a step


def main() -> int:
    """Train both ways for every seed, then write down what differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--home", type=Path, help="where the twins are or will be drawn")
    parser.add_argument("--out", type=Path, default=Path("runs/fusion-mending"))
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    found: dict[int, dict[str, Any]] = {}
    for seed in arguments.seeds:
        found[seed] = {
            name: _train(arguments, seed=seed, mend=mend)
            for name, mend in (("plain", False), ("mended", True))
        }
        record = summarise(found, steps=arguments.steps)
        arguments.record.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record["difference"], indent=2))
    return 0


def summarise(found: Mapping[int, Mapping[str, Any]], *, steps: int) -> dict[str, Any]:
    """Mended minus plain in the score of every task on the test part, over seeds."""
    first = next(iter(found.values()))["plain"]
    headline = {task: next(iter(block["metrics"])) for task, block in first["tasks"].items()}
    values = {
        way: {
            task: [_value(runs[way], task, metric) for runs in found.values()]
            for task, metric in headline.items()
        }
        for way in ("plain", "mended")
    }
    changes = {
        task: np.subtract(values["mended"][task], values["plain"][task]) for task in headline
    }
    scores = {
        way: [runs[way]["training"]["validation_score"] for runs in found.values()]
        for way in values
    }
    return {
        "simulated": bool(first["simulated"]),
        "backbone": first["backbone"],
        "seeds": list(found),
        "steps": steps,
        "questions of each task in a step": QUESTIONS,
        "metrics": headline,
        "test": values,
        "validation_score": scores,
        "difference": {
            **{task: describe(change) for task, change in changes.items()},
            "validation_score": describe(np.subtract(scores["mended"], scores["plain"])),
        },
        "intervals": "95 %, Student's t over seeds; the data are the same for all",
        "versions": first["versions"],
    }


def describe(changes: Sequence[float] | Any) -> dict[str, Any]:
    """The mean of these changes with its interval, None where there is one change alone."""
    values = np.asarray(changes, dtype=float)
    found: dict[str, Any] = {"change": round(float(values.mean()), 4), "ci95": None}
    if len(values) > 1:
        half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
        found["ci95"] = [round(float(values.mean()) + side * half, 4) for side in (-1, 1)]
    return found


def _train(arguments: argparse.Namespace, *, seed: int, mend: bool) -> dict[str, Any]:
    folder = arguments.out / f"{'mended' if mend else 'plain'}-seed{seed}"
    done = folder / "results.json"
    if done.is_file():
        return dict(json.loads(done.read_text(encoding="utf-8")))
    home = arguments.home or arguments.out / "twins"
    config = resolve_fusion(
        "fusion-twins",
        overrides=[
            f"seed={seed}", f"output_dir={folder}", f"mend_conflicts={str(mend).lower()}",
            f"twins.home={home}", "sampling.weights={}", f"sampling.steps_per_epoch={arguments.steps}",
            "training.num_train_epochs=1", "num_bootstrap=0",
            # With mending a step asks so many of every task; without, it divides a batch among the five.
            f"training.per_device_train_batch_size={QUESTIONS if mend else 5 * QUESTIONS}",
        ],
    )  # fmt: skip
    results = train_fusion(config, overwrite=folder.exists(), progress=False)
    return dict(json.loads(json.dumps(results)))


def _value(results: Mapping[str, Any], task: str, metric: str) -> float:
    return float(results["tasks"][task]["metrics"][metric]["value"])


if __name__ == "__main__":
    raise SystemExit(main())
