"""How fast judgments are read and counted; prints JSON, ratios measured in one run.

python experiments/benchmarks/judgments.py [--triplets-dir DIR] [--videos-dir DIR]

What to expect on one core: an RDM from 24,096 judgments over 100 times faster than a row-by-row pandas
loop; 5 million judgments over 2,000 clips under 3 seconds and 1 GB; 49,484 rows read with every check
under 0.5 seconds. Without social250 in the homes, simulated judgments of the same size take its place.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bgs.data.triplets import Triplets, load_triplets
from bgs.errors import DataError

GIGABYTE = 1024**3


def best_of(run: Callable[[], object], *, times: int) -> float:
    """The shortest of several runs in seconds: the one least disturbed by others."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        durations.append(time.perf_counter() - start)
    return min(durations)


def simulate(*, judgments: int, clips: int, seed: int = 0) -> Triplets:
    rng = np.random.default_rng(seed)
    first = rng.integers(clips, size=judgments)
    second = (first + rng.integers(1, clips, size=judgments)) % clips
    third = rng.integers(clips - 2, size=judgments)  # skip over the two that are taken
    third += third >= np.minimum(first, second)
    third += third >= np.maximum(first, second)
    return Triplets(
        ids=tuple(f"clip{index:04d}" for index in range(clips)),
        clips=np.stack([first, second, third], axis=1),
        odd=rng.integers(3, size=judgments),
    )


def count_row_by_row(triplets: Triplets) -> np.ndarray:
    """What most analysis scripts do: walk over the rows of a data frame."""
    position = {clip: index for index, clip in enumerate(triplets.ids)}
    size = len(triplets.ids)
    together, shown = np.zeros((size, size)), np.zeros((size, size))
    for _, row in triplets.to_frame().iterrows():
        names = [row["clip_1"], row["clip_2"], row["clip_3"]]
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                x, y = sorted((position[first], position[second]))
                shown[x, y] += 1
                together[x, y] += row["odd"] not in (first, second)
    upper = np.triu_indices(size, k=1)
    with np.errstate(invalid="ignore"):
        return 1 - together[upper] / shown[upper]


def benchmark_loop(training: Triplets) -> dict[str, object]:
    start = time.perf_counter()
    slow = count_row_by_row(training)
    loop = time.perf_counter() - start
    fast = best_of(training.rdm, times=20)
    same = np.allclose(slow, training.rdm().dissimilarities, equal_nan=True)
    return {
        "judgments": len(training),
        "loop_seconds": loop,
        "rdm_seconds": fast,
        "times_faster": loop / fast,
        "same_numbers": bool(same),
    }


def benchmark_large() -> dict[str, object]:
    """In a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--large"]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def run_large() -> dict[str, object]:
    triplets = simulate(judgments=5_000_000, clips=2_000)
    seconds = best_of(triplets.rdm, times=5)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIGABYTE
    return {"judgments": 5_000_000, "clips": 2_000, "seconds": seconds, "peak_gigabytes": peak}


def benchmark_loading(name_or_file: str, *, triplets_dir: Path) -> dict[str, object]:
    def load() -> Triplets:
        return load_triplets(name_or_file, triplets_dir=triplets_dir)

    triplets = load()
    assert triplets.exclusions is not None
    return {"rows": triplets.exclusions.rows_in, "seconds": best_of(load, times=5)}


def find_judgments(triplets_dir: Path, videos_dir: Path) -> tuple[Triplets, bool]:
    """The 24,096 training judgments of social250, or as many simulated ones."""
    from bgs.data.splits import find_split

    try:
        split = find_split("social250", triplets_dir=triplets_dir, videos_dir=videos_dir)
        return load_triplets("social250", triplets_dir=triplets_dir).restrict(split.train), True
    except DataError:
        return simulate(judgments=24_096, clips=200), False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        print(json.dumps(run_large()))
        return
    training, real = find_judgments(options.triplets_dir, options.videos_dir)
    with tempfile.TemporaryDirectory() as folder:
        name = "social250"
        if not real:
            name = str(Path(folder) / "judgments.csv")
            simulate(judgments=49_484, clips=250).to_frame().to_csv(name, index=False)
        loading = benchmark_loading(name, triplets_dir=options.triplets_dir)
    print(
        json.dumps(
            {
                "data": "social250" if real else "simulated",
                "rdm_against_a_loop": benchmark_loop(training),
                "large": benchmark_large(),
                "loading": loading,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
