"""Does a result depend on the seed of its training?

What:    one recipe trained under several seeds (other validation clips, initial weights and order of batches), all
         runs scored on the same held-out clips: mean, spread and range of R2 and odd-one-out over seeds.
Command: python experiments/seeds.py demo lora.r=0 'controls=[]'              (needs demo data: `bgs demo`)
         python experiments/seeds.py social250-captions [--seeds 0 1 2 3 4]
Cost:    about 10 s of one CPU core a seed for social250 captions, 25 s for a head on the demo.
Expect:  social250-captions, five seeds, pairs within the test clips: R2 .199, sd .005, range .190 to .203;
         three-way .610, sd .005.
         demo, head only, three seeds (simulated participants): R2 .402, sd .018, from .387 to .422.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bgs.cli.output import print_rows
from bgs.run.configs import resolve_config
from bgs.run.fit import fit
from bgs.run.recipes import recipe_rows
from bgs.run.score import score


def main() -> int:
    """Train what is not trained yet, score all runs together, print and write the spread."""
    arguments = parse()
    runs = [train(arguments, seed) for seed in arguments.seeds]
    results = score(
        runs,
        third=arguments.third,
        num_bootstrap=arguments.num_bootstrap,
        out=arguments.out / "scores",
        progress=False,
    )
    who = "simulated participants" if results["simulated"] else "people"
    print(f"{results['data']}: agreement with {who} of {len(runs)} runs of one recipe")
    print_rows([_row(block) for block in results["models"]])
    print_rows(recipe_rows(results["recipes"]))
    record = {"simulated": results["simulated"], "third": arguments.third, **results["recipes"][0]}
    (arguments.out / "seeds.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def train(arguments: argparse.Namespace, seed: int) -> str:
    """The run of this seed; a finished one is kept."""
    folder = arguments.out / f"seed-{seed}"
    if not (folder / "results.json").is_file():
        words = [f"seed={seed}", f"output_dir={folder}", f"name=seed-{seed}"]
        fit(resolve_config(arguments.config, overrides=[*arguments.words, *words]), progress=False)
    return str(folder)


def _row(block: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": block["model"],
        "R2": block["rsa"]["r2"],
        "95 % CI": block["rsa"]["ci95"],
        "3-way": block["odd_one_out"]["three_way"],
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a shipped config or a file, as for `bgs fit`")
    parser.add_argument("words", nargs="*", help="settings, key=value")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2, 3, 4))
    parser.add_argument("--third", choices=("within", "any"), default="within")
    parser.add_argument("--num-bootstrap", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
