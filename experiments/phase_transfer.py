"""Does tuning on simulated judgments carry over to the 60 real PHASE scenes and what people said about them?

What:    design `demo`: the embedded default as it is: `bgs-tiny` tuned on the data set `demo`, five seeds, asked about
         the 60 scenes in PHASE's own look, beside random weights, the untuned weights and trajectory features.
         `choose`: designs on simulated scenes laid out like PHASE are compared on scenes with simulated ratings
         of other seeds; the best is written to phase_choice.json with its hash.
         `frozen`: that design, tuned from five new seeds, asked about the real scenes once.
         Every look at real ratings is written to phase_looks.json before it is taken, and no design gets a second.
Command: python -m experiments.phase_transfer demo|choose|frozen --phase-dir DIR [--runs runs/phase-transfer]
Cost:    about 75 seconds a tuning seed with LoRA, 25 without, and 1 minute a look, on one CPU core.
Expect:  whatever comes out; phase_transfer.json has what did.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bgs.evaluation.transfer import Protocol, TransferScore
from bgs.evaluation.transfer_seeds import changes_over_seeds
from bgs.run.demo import demo
from bgs.run.transfer import Scored, score_entries
from bgs.run.transfer_models import open_entries
from bgs.run.transfer_sets import PHASE, open_rated
from experiments.phase_looks import announce_look, complete_look, hash_of, refuse_second_look

HERE = Path(__file__).parent
SUMMARY, CHOICE = HERE / "phase_transfer.json", HERE / "phase_choice.json"
DEMO_SEEDS = (1, 2, 3, 4, 5)
SIZE = 128  # pixels a side, as the demo's clips
PROTOCOL = Protocol()
DECIDED_FOR_DEMO = (
    "The demo recipe as shipped, seeds 1 to 5, fixed before any score: look phase, 128 pixels, 3 seconds, "
    "the protocol's defaults. Nothing was chosen by these ratings."
)


def main() -> int:
    """Run one step; figures go to phase_transfer.json, looks to phase_looks.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["demo", "choose", "frozen"])
    parser.add_argument("--phase-dir", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/phase-transfer"))
    arguments = parser.parse_args()
    if arguments.step == "choose":
        from experiments.phase_designs import choose

        choose(arguments.runs, CHOICE)
        return 0
    if arguments.phase_dir is None:
        parser.error("a look at the real scenes needs --phase-dir")
    if arguments.step == "demo":
        look_at_demo(arguments.runs, arguments.phase_dir)
    else:
        look_at_choice(arguments.runs, arguments.phase_dir)
    return 0


def look_at_demo(runs: Path, phase_dir: Path) -> None:
    """Design 0: nothing was made for PHASE."""
    refuse_second_look("demo")
    folders = [runs / "demo" / f"seed-{seed}" for seed in DEMO_SEEDS]
    for folder, seed in zip(folders, DEMO_SEEDS, strict=True):
        if not (folder / "results.json").is_file():
            demo(folder, seed=seed, overwrite=True, overrides=("controls=[head_only]",))
    take_look(
        "demo",
        folders,
        phase_dir,
        look="phase",
        seeds=DEMO_SEEDS,
        decided_before=DECIDED_FOR_DEMO,
        frozen=None,
    )


def look_at_choice(runs: Path, phase_dir: Path) -> None:
    """The design that simulated scenes chose, on new tuning seeds."""
    from experiments.phase_designs import FROZEN_SEEDS, tune_design

    choice = json.loads(CHOICE.read_text(encoding="utf-8"))
    frozen = choice["frozen"]
    if hash_of(frozen["design"]) != frozen["sha256"]:
        raise SystemExit(f"{CHOICE.name} was changed after it was frozen")
    name = frozen["design"]["name"]
    refuse_second_look(name)
    folders = [tune_design(frozen["design"], seed=seed, runs=runs) for seed in FROZEN_SEEDS]
    take_look(
        name,
        folders,
        phase_dir,
        look=frozen["design"]["test_look"],
        seeds=FROZEN_SEEDS,
        decided_before=f"chosen on simulated scenes, frozen {frozen['date']}: {frozen['why']}",
        frozen=frozen["sha256"],
    )


def take_look(
    design: str,
    folders: Sequence[Path],
    phase_dir: Path,
    *,
    look: str,
    seeds: Sequence[int],
    decided_before: str,
    frozen: str | None,
) -> None:
    """Score the runs on the real scenes, once, and write down that and what was seen."""
    number = announce_look(
        design, look=look, seeds=list(seeds), decided_before=decided_before, frozen=frozen
    )
    with TemporaryDirectory(prefix="phase-look-") as scratch:
        scored = score_runs(folders, PHASE, look=look, phase_dir=phase_dir, scratch=Path(scratch))
    figures = summarise(scored, [str(folder) for folder in folders])
    complete_look(number, {key: figures[key] for key in ("mean_over_seeds", "changes")})
    summary = json.loads(SUMMARY.read_text(encoding="utf-8")) if SUMMARY.is_file() else {}
    summary[design] = {
        "look_number": number,
        "drawn_as": look,
        "seeds": list(seeds),
        "frozen_sha256": frozen,
        **figures,
    }
    SUMMARY.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print_figures(design, figures)


def score_runs(
    folders: Sequence[Path], data: str, *, look: str, phase_dir: Path | None, scratch: Path
) -> Scored:
    """Every run, its controls and the baselines on one set of rated scenes, in one look."""
    videos = Path("videos")
    found = open_rated(
        data, phase_dir=phase_dir, videos_dir=videos, look=look, size=SIZE, scratch=scratch
    )
    names = [str(folder) for folder in folders]
    entries = open_entries(names, {data: found}, decoder="auto", videos_dir=videos, progress=False)
    return score_entries(entries, {data: found}, data=data, protocol=PROTOCOL)


def summarise(scored: Scored, tuned: Sequence[str]) -> dict[str, Any]:
    """The table, the means over seeds, and every change with its intervals."""
    report = scored.to_dict()
    rows = [row for row in report["models"] if row["model"] not in tuned]
    afters = [scored.scores[name] for name in tuned]
    starts = [entry for entry in scored.entries if entry.model not in tuned]
    changes = {}
    for entry in starts:
        befores = [scored.scores[entry.model]] * len(afters)
        found = changes_over_seeds(scored.task, befores, afters)
        changes[f"{entry.role}: {entry.model}"] = {
            question: change.to_dict() for question, change in found.items()
        }
    keep = ("model", "role", "rsa", "odd_one_out", "knn", "probe")
    return {
        "others": [{key: row[key] for key in keep} for row in rows],
        "mean_over_seeds": {q: _mean(afters, q) for q in ("rsa", "odd_one_out", "knn", "probe")},
        "changes": changes,
        "ceiling": report["ceiling"],
        "chance": report["chance"],
        "protocol": report["protocol"],
        "n_clips": report["n_clips"],
        "n_triads": report["n_triads"],
        "versions": report["versions"],
    }


def _mean(scores: Sequence[TransferScore], question: str) -> dict[str, Any]:
    values = [score.to_dict()[question]["value"] for score in scores]
    return {"value": sum(values) / len(values), "by_seed": values}


def print_figures(design: str, figures: dict[str, Any]) -> None:
    """A table for the terminal."""
    questions = ("rsa", "odd_one_out", "knn", "probe")
    print(f"design {design!r}: {figures['n_clips']} scenes")
    print(f"{'model':44}" + "".join(f"{question:>24}" for question in questions))
    for row in figures["others"]:
        cells = [
            f"{row[q]['value']:.3f} [{row[q]['ci95'][0]:.2f}, {row[q]['ci95'][1]:.2f}]"
            for q in questions
        ]
        print(f"{row['model']:44}" + "".join(f"{cell:>24}" for cell in cells))
    cells = [f"{figures['mean_over_seeds'][q]['value']:.3f}" for q in questions]
    print(f"{'tuned, mean over seeds':44}" + "".join(f"{cell:>24}" for cell in cells))
    for name, change in figures["changes"].items():
        cells = [
            f"{change[q]['value']:+.3f} [{change[q]['ci95'][0]:+.2f}, {change[q]['ci95'][1]:+.2f}]"
            for q in questions
        ]
        print(f"{'tuned minus ' + name:44}" + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
