"""Does tuning on simulated judgments help on held-out clips? The demo on seeds never looked at before.

What:    five simulated data sets, each with its own clips, participants and split; before and after on the
         held-out clips of each, with a paired bootstrap over clips, beside every control.
Command: python experiments/demo_seeds.py [--seeds 101 102 103 104 105] [--out runs/demo-seeds]
Cost:    about 3 minutes a seed on 2 CPU cores.
Expect:  median difference in R2 of at least +.10, and an interval above 0 in at least 4 of 5.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from bgs.run.demo import demo

HELD_BACK_SEEDS = (101, 102, 103, 104, 105)
MIN_MEDIAN, MIN_CLEAR = 0.10, 4


def main() -> int:
    """Run the demo on every seed; exit 1 where the expectation of the header is not met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=HELD_BACK_SEEDS)
    parser.add_argument("--out", type=Path, default=Path("runs/demo-seeds"))
    arguments = parser.parse_args()
    runs = {seed: _run(arguments.out / f"seed-{seed}", seed=seed) for seed in arguments.seeds}
    print_table(runs)
    summary = summarise(runs)
    (arguments.out / "summary.json").write_text(
        json.dumps(summary, indent=2) + "\n", encoding="utf-8"
    )
    print(json.dumps({key: value for key, value in summary.items() if key != "seeds"}, indent=2))
    return 0 if summary["met"] else 1


def _run(folder: Path, *, seed: int) -> dict[str, Any]:
    """A finished run is read, not repeated: the figures of a seed are made once."""
    finished = folder / "results.json"
    if finished.is_file():
        return dict(json.loads(finished.read_text(encoding="utf-8")))
    return demo(folder, seed=seed, overwrite=True)


def summarise(runs: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """The paired differences, their median, and in how many seeds the interval lies above 0."""
    differences = {seed: results["difference"] for seed, results in runs.items()}
    clear = sum(difference["ci95"][0] > 0 for difference in differences.values())
    median = statistics.median(difference["r2"] for difference in differences.values())
    needed = min(MIN_CLEAR, len(runs))
    return {
        "simulated": True,
        "seeds": {str(seed): difference for seed, difference in differences.items()},
        "median_difference_r2": median,
        "intervals_above_zero": clear,
        "num_seeds": len(runs),
        "met": median >= MIN_MEDIAN and clear >= needed,
    }


def print_table(runs: dict[int, dict[str, Any]]) -> None:
    """R2 and three-way odd-one-out of every model, a column a seed (simulated participants)."""
    names = [block["model"] for block in next(iter(runs.values()))["models"]]
    print("R2 / three-way odd-one-out on held-out clips; simulated participants")
    print(f"{'model':32}" + "".join(f"seed {seed:<10}" for seed in runs))
    for name in names:
        cells = []
        for results in runs.values():
            block = next(block for block in results["models"] if block["model"] == name)
            cells.append(f"{block['rsa']['r2']:.3f} / {block['odd_one_out']['three_way']:.3f}")
        print(f"{name:32}" + "".join(f"{cell:15}" for cell in cells))
    ceilings = [f"{results['ceiling']['max_model']['r2']:.3f}" for results in runs.values()]
    print(f"{'noise ceiling (max_model)':32}" + "".join(f"{cell:15}" for cell in ceilings))
    for results_name, key in (("after - before", "r2"), ("95 % interval", "ci95")):
        values = [results["difference"][key] for results in runs.values()]
        texts = [f"{v:+.3f}" if key == "r2" else f"[{v[0]:+.2f}, {v[1]:+.2f}]" for v in values]
        print(f"{results_name:32}" + "".join(f"{text:15}" for text in texts))


if __name__ == "__main__":
    sys.exit(main())
