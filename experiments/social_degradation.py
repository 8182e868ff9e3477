"""Does behavioral geometric supervision mend or worsen what an encoder knows of faces, gaze, hands and relations?

What:    an encoder before and after tuning on odd-one-out judgments, through both lenses of `bgs fusion diagnose`:
         linear probes of five social tasks (decodability) and the agreement of their gradients on a shared
         connector and language model (compatibility). A seed is another draw of everything but the encoders: data (of
         twins), connector, language model, order of training. A tuning is another run of the tuning itself; with
         --smoke each has its own simulated clips and judgments. Every tuning is looked at under every seed, and
         intervals are over both: they are for other tunings and other seeds like these.
Command: python experiments/social_degradation.py --smoke [--tunings 4] [--seeds 0 1 2 3]   simulated twins, bgs-tiny
         python experiments/social_degradation.py --base clip --tuned runs/a runs/b runs/c --home videos
Cost:    with --smoke, a minute of one CPU core to make each tuning; then, for every encoder and seed, a minute and a
         half, or 20 seconds with --lens decodability.
Expect:  nothing: nobody has asked before. What came out stands, whichever way, in experiments/social_degradation.json
         (both lenses, one tuning, six seeds, intervals over seeds alone, on an earlier drawing of the twins) and in
         social_degradation_tunings.json (--lens decodability --tunings 3 --seeds 0 1 2 3 4 5, intervals over both).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from bgs.fusion.diagnosis import BriefTraining
from bgs.fusion.settings import ALL
from bgs.fusion.twins import TwinSize
from bgs.run.demo import demo
from bgs.run.fusion_diagnose import Request, diagnose

FloatArray = NDArray[np.float64]
BASE = "base"
TUNING_SEED = 11  # of the first tuning; each further one is one more
# Tuned as the demo is, without what only its own report needs.
TUNING = ("controls=[]", "evaluation.num_bootstrap=100", "evaluation.num_split_halves=20")
RECORD = Path(__file__).with_suffix(".json")
SMOKE_SIZE = TwinSize(train=300, val=100, test=200)
SMOKE_TRAINING = {"steps": 120, "num_batches": 12, "examples_per_batch": 16}
MEASURES = ("cosine", "without_noise", "conflict", "ratio")


def main() -> int:
    """Diagnose the encoders on every seed, then write the changes down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="bgs-tiny")
    parser.add_argument("--tuned", nargs="+", help="run folders: the same base, tuned again")
    parser.add_argument("--tunings", type=int, default=4, help="made by --smoke without --tuned")
    parser.add_argument("--home", type=Path, default=Path("videos"))
    parser.add_argument("--tasks", nargs="+", default=list(ALL))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--lens", choices=("both", "decodability"), default="both")
    parser.add_argument("--smoke", action="store_true", help="simulated twins, little training")
    parser.add_argument("--out", type=Path, default=Path("runs/social-degradation"))
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    names = name_encoders(arguments.base, arguments.tuned or _tune(arguments))
    check_encoders(arguments.out, names)
    found: dict[int, dict[str, Any]] = {}
    for seed in arguments.seeds:
        found[seed] = _diagnose(arguments, names, seed=seed)
        # After every seed, so that an interrupted run has said what it knows.
        record = summarise(found, base=arguments.base)
        arguments.record.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        print(json.dumps({"seeds": list(found), **record["decodability"]}, indent=2), flush=True)
    return 0


def name_encoders(base: str, tuned: Sequence[str]) -> dict[str, str]:
    """Label and name of the base, then of each tuned run."""
    return {BASE: base, **{f"tuned-{place}": run for place, run in enumerate(tuned, start=1)}}


def check_encoders(out: Path, names: Mapping[str, str]) -> None:
    """Finished seeds in a folder are read again: only where they are about the same encoders."""
    file = out / "encoders.json"
    if file.is_file():
        if json.loads(file.read_text(encoding="utf-8")) != dict(names):
            raise SystemExit(f"{out} is about other encoders: choose another folder with --out")
        return
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(dict(names), indent=2) + "\n", encoding="utf-8")


def summarise(found: Mapping[int, Mapping[str, Any]], *, base: str) -> dict[str, Any]:
    """Changes from base to tuned in every task and measure, over tunings and seeds."""
    first = next(iter(found.values()))
    tuned = [row["name"] for row in first["encoders"] if row["name"] != BASE]
    tasks = [row["task"] for row in first["tasks"]]
    by_task = {
        task: _table(found, tuned, lambda r, t, task=task: _gap(r, t, task)) for task in tasks
    }
    labels = [row["task"] for row in first["tasks"] if row["kind"] == "label"]
    mean = np.mean([by_task[task] for task in labels], axis=0) if labels else np.zeros((0, 0))
    return {
        "simulated": first["simulated"],
        "base": base,
        "tuned": f"the same after tuning on odd-one-out judgments; {len(tuned)} tuning runs, each with all seeds",
        "tunings": len(tuned),
        "seeds": list(found),
        "difference": "tuned minus base",
        "intervals": describe_intervals(tunings=len(tuned), seeds=len(found)),
        "decodability": {
            "score": first["protocol"]["score"],
            **{task: describe(table) for task, table in by_task.items()},
            "mean of label tasks": describe(mean),
            "base": _means(found, "first"),
            "tuned": _means(found, "second"),
        },
        "compatibility": {
            measure: {
                "base": _mean([_measured(r, BASE, measure) for r in found.values()]),
                "tuned": _mean([_measured(r, t, measure) for r in found.values() for t in tuned]),
                **describe(_table(found, tuned, lambda r, t, m=measure: _change(r, t, m))),
            }
            for measure in (MEASURES if first["compatibility"] else ())
        },
        "protocol": first["protocol"],
        "versions": first["versions"],
    }


def describe_intervals(*, tunings: int, seeds: int) -> str:
    """What an interval of `crossed_interval` is over."""
    if tunings > 1 and seeds > 1:
        return (
            "95 %, over tuning runs and seeds (data, connector, language model), both random and crossed: "
            "Student's t with Satterthwaite's degrees of freedom"
        )
    if seeds > 1:
        return (
            "95 %, Student's t over seeds (data, connector, language model); not over tuning runs"
        )
    return "95 %, Student's t over tuning runs; not over seeds" if tunings > 1 else "none"


def describe(changes: FloatArray) -> dict[str, Any]:
    """The mean of these changes (tunings, seeds) with its interval; seeds without a value are left out."""
    kept = changes[:, np.isfinite(changes).all(axis=0)] if changes.size else changes
    if not kept.size:
        return {"change": None, "ci95": None, "by_tuning": []}
    interval = crossed_interval(kept)
    return {
        "change": round(float(kept.mean()), 4),
        "ci95": None if interval is None else [round(end, 4) for end in interval],
        "by_tuning": [[round(float(value), 4) for value in row] for row in kept],
    }


def crossed_interval(table: FloatArray) -> tuple[float, float] | None:
    """95 % of the mean of (tunings, seeds) for other tunings and other seeds; None for a single value.

    Two random factors, crossed: the variance of the mean is what rows, columns and the rest vary by, each estimated
    by its mean square and none below 0. With one row or one column it is Student's t over the other.
    """
    rows, columns = table.shape
    mean = float(table.mean())
    if min(rows, columns) == 1:
        count = max(rows, columns)
        if count == 1:
            return None
        half = float(t.ppf(0.975, count - 1) * table.std(ddof=1) / np.sqrt(count))
        return mean - half, mean + half
    by_row, by_column = table.mean(axis=1), table.mean(axis=0)
    rest = table - by_row[:, None] - by_column + mean
    freedom = {"row": rows - 1, "column": columns - 1, "rest": (rows - 1) * (columns - 1)}
    square = {
        "row": columns * float(by_row.var(ddof=1)),
        "column": rows * float(by_column.var(ddof=1)),
        "rest": float((rest**2).sum()) / freedom["rest"],
    }
    # What rows vary by beyond the rest, the same of columns, and the rest itself, all times the number of values.
    beyond = [part for part in ("row", "column") if square[part] > square["rest"]]
    share = {part: 1.0 for part in beyond} | {"rest": 1.0 - len(beyond)}
    variance = sum(share[part] * square[part] for part in share)
    if variance <= 0:
        return mean, mean
    noise = sum((share[part] * square[part]) ** 2 / freedom[part] for part in share)
    # Few values of a factor do not tell that it has no part: never more freedom than the smaller one gives.
    degrees = min(variance**2 / noise, max(freedom["row"], freedom["column"]))
    half = float(t.ppf(0.975, degrees) * np.sqrt(variance / table.size))
    return mean - half, mean + half


def _tune(arguments: argparse.Namespace) -> list[str]:
    """Tuning runs of the demo, each with its own clips and judgments; those that are finished stay."""
    if not arguments.smoke:
        raise SystemExit("name the tuned runs: --tuned RUN RUN ...")
    folders = [arguments.out / f"tuned-{place}" for place in range(1, arguments.tunings + 1)]
    for place, folder in enumerate(folders):
        if not (folder / "results.json").is_file():
            demo(folder, seed=TUNING_SEED + place, overwrite=True, overrides=TUNING)
    return [str(folder) for folder in folders]


def _diagnose(
    arguments: argparse.Namespace, names: Mapping[str, str], *, seed: int
) -> dict[str, Any]:
    """All encoders on one seed, so that the base is looked at once; a finished seed is read, not repeated."""
    folder = arguments.out / f"seed-{seed}"
    finished = folder / "results.json"
    if finished.is_file():
        return dict(json.loads(finished.read_text(encoding="utf-8")))
    training = SMOKE_TRAINING if arguments.smoke else {}
    request = Request(
        tasks=tuple(arguments.tasks),
        lens=arguments.lens,
        home=arguments.home,
        twins=SMOKE_SIZE if arguments.smoke else None,
        training=BriefTraining(seed=seed, **training),
        seed=seed,
    )
    encoders = [f"{label}={name}" for label, name in names.items()]
    return diagnose(encoders, out=folder, request=request)


def _table(
    found: Mapping[int, Mapping[str, Any]],
    tuned: Sequence[str],
    change: Callable[[Mapping[str, Any], str], float | None],
) -> FloatArray:
    """The change of every tuning under every seed, (tunings, seeds); NaN where there is none."""
    rows = [[change(results, run) for results in found.values()] for run in tuned]
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=np.float64)


def _gap(results: Mapping[str, Any], encoder: str, task: str) -> float:
    rows = results["gaps"]
    return float(
        next(r["difference"] for r in rows if (r["encoder"], r["task"]) == (encoder, task))
    )


def _means(found: Mapping[int, Mapping[str, Any]], key: str) -> dict[str, float | None]:
    """Mean scores by task, of the `first` encoder (base) or the `second` ones (tuned)."""
    rows = [row for results in found.values() for row in results["gaps"]]
    return {
        task: _mean([row[key] for row in rows if row["task"] == task])
        for task in dict.fromkeys(row["task"] for row in rows)
    }


def _measured(results: Mapping[str, Any], encoder: str, measure: str) -> float | None:
    """At the last step, on the whole shared model."""
    moments = next(row["moments"] for row in results["compatibility"] if row["encoder"] == encoder)
    value = moments[-1]["parts"]["overall"][measure]
    return None if value is None else float(value)


def _change(results: Mapping[str, Any], encoder: str, measure: str) -> float | None:
    before, after = (_measured(results, name, measure) for name in (BASE, encoder))
    return None if before is None or after is None else after - before


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


if __name__ == "__main__":
    sys.exit(main())
