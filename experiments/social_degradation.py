"""Does behavioral geometric supervision mend or worsen what an encoder knows of faces, gaze, hands and relations?

What:    an encoder before and after tuning on odd-one-out judgments, through both lenses of `bgs fusion diagnose`:
         linear probes of five social tasks (decodability) and the agreement of their gradients on a shared
         connector and language model (compatibility). A seed is another draw of everything but the encoders:
         data (of twins), connector, language model, order of training. Changes are means over seeds with
         Student's t intervals.
Command: python experiments/social_degradation.py --smoke [--seeds 0 1 2 3]      simulated twins, bgs-tiny
         python experiments/social_degradation.py --base clip --tuned runs/mine --home videos
Cost:    with --smoke, about 3 minutes of one CPU core a seed, and 2 more to tune where no --tuned is given.
Expect:  nothing: nobody has asked before. What came out stands in experiments/social_degradation.json, whichever way.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from bgs.fusion.diagnosis import BriefTraining
from bgs.fusion.settings import ALL
from bgs.fusion.twins import TwinSize
from bgs.run.demo import demo
from bgs.run.fusion_diagnose import Request, diagnose

RECORD = Path(__file__).with_suffix(".json")
SMOKE_SIZE = TwinSize(train=300, val=100, test=200)
SMOKE_TRAINING = {"steps": 120, "num_batches": 12, "examples_per_batch": 16}
MEASURES = ("cosine", "without_noise", "conflict", "ratio")


def main() -> int:
    """Diagnose the pair on every seed, then write the changes down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="bgs-tiny")
    parser.add_argument(
        "--tuned", help="a run folder; with --smoke one is tuned where none is given"
    )
    parser.add_argument("--home", type=Path, default=Path("videos"))
    parser.add_argument("--tasks", nargs="+", default=list(ALL))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--smoke", action="store_true", help="simulated twins, little training")
    parser.add_argument("--out", type=Path, default=Path("runs/social-degradation"))
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    tuned = arguments.tuned or _tune(arguments.out / "tuned", smoke=arguments.smoke)
    found: dict[int, dict[str, Any]] = {}
    for seed in arguments.seeds:
        found[seed] = _diagnose(arguments, tuned, seed=seed)
        # After every seed, so that an interrupted run has said what it knows.
        record = summarise(found, base=arguments.base)
        arguments.record.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        print(json.dumps({"seeds": list(found), **record["decodability"]}, indent=2), flush=True)
    return 0


def summarise(found: Mapping[int, Mapping[str, Any]], *, base: str) -> dict[str, Any]:
    """Changes from base to tuned in every task and measure, over seeds."""
    first = next(iter(found.values()))
    tasks = [row["task"] for row in first["tasks"]]
    by_task = {task: [_gap(results, task) for results in found.values()] for task in tasks}
    labels = [row["task"] for row in first["tasks"] if row["kind"] == "label"]
    means = [float(np.mean([_gap(r, task) for task in labels])) for r in found.values()]
    return {
        "simulated": first["simulated"],
        "base": base,
        "tuned": "the same after tuning on odd-one-out judgments; one tuning run, the same for all seeds",
        "seeds": list(found),
        "difference": "tuned minus base",
        "intervals": "95 %, Student's t over seeds (data, connector, language model); not over tuning runs",
        "decodability": {
            "score": first["protocol"]["score"],
            **{task: describe(values) for task, values in by_task.items()},
            "mean of label tasks": describe(means),
            "base": _means(found, "first"),
            "tuned": _means(found, "second"),
        },
        "compatibility": {
            measure: {
                "base": _mean([_measured(r, 0, measure) for r in found.values()]),
                "tuned": _mean([_measured(r, 1, measure) for r in found.values()]),
                **describe(_changes(found, measure)),
            }
            for measure in MEASURES
        },
        "protocol": first["protocol"],
        "versions": first["versions"],
    }


def describe(values: Sequence[float]) -> dict[str, Any]:
    """The mean of these changes with its interval; none for a single one."""
    count = len(values)
    if not count:
        return {"change": None, "ci95": None, "by_seed": []}
    mean = float(np.mean(values))
    half = None
    if count > 1:
        half = float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    return {
        "change": round(mean, 4),
        "ci95": None if half is None else [round(mean - half, 4), round(mean + half, 4)],
        "by_seed": [round(value, 4) for value in values],
    }


def _tune(folder: Path, *, smoke: bool) -> str:
    if not smoke:
        raise SystemExit("name the tuned run: --tuned RUN")
    if not (folder / "model.json").is_file():
        demo(folder, quick=True, overwrite=True)
    return str(folder)


def _diagnose(arguments: argparse.Namespace, tuned: str, *, seed: int) -> dict[str, Any]:
    """A finished seed is read, not repeated."""
    folder = arguments.out / f"seed-{seed}"
    finished = folder / "results.json"
    if finished.is_file():
        return dict(json.loads(finished.read_text(encoding="utf-8")))
    training = SMOKE_TRAINING if arguments.smoke else {}
    request = Request(
        tasks=tuple(arguments.tasks),
        home=arguments.home,
        twins=SMOKE_SIZE if arguments.smoke else None,
        training=BriefTraining(seed=seed, **training),
        seed=seed,
    )
    return diagnose([f"base={arguments.base}", f"tuned={tuned}"], out=folder, request=request)


def _gap(results: Mapping[str, Any], task: str) -> float:
    return float(next(row["difference"] for row in results["gaps"] if row["task"] == task))


def _means(found: Mapping[int, Mapping[str, Any]], key: str) -> dict[str, float | None]:
    """Mean scores by task, of the `first` encoder (base) or the `second` (tuned)."""
    rows = [row for results in found.values() for row in results["gaps"]]
    return {
        task: _mean([row[key] for row in rows if row["task"] == task])
        for task in dict.fromkeys(row["task"] for row in rows)
    }


def _measured(results: Mapping[str, Any], encoder: int, measure: str) -> float | None:
    """At the last step, on the whole shared model."""
    last = results["compatibility"][encoder]["moments"][-1]
    value = last["parts"]["overall"][measure]
    return None if value is None else float(value)


def _changes(found: Mapping[int, Mapping[str, Any]], measure: str) -> list[float]:
    pairs = [(_measured(r, 0, measure), _measured(r, 1, measure)) for r in found.values()]
    return [b - a for a, b in pairs if a is not None and b is not None]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


if __name__ == "__main__":
    sys.exit(main())
