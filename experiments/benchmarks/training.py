"""How much compute `batching: clips` saves over the published protocol, on the same data and model.

    python experiments/benchmarks/training.py demo --seeds 5 --out training-demo.json
    python experiments/benchmarks/training.py social250 --features captions.npz --out training-social250.json

Both protocols start from the same weights, learn from the same judgments and are validated by the same
function after each epoch. "To reach" means: the first epoch whose validation RSA is at least the best that the
published protocol attains. Clip passes are clips sent through the model (once for each of the three clips of a
judgment, twice where large_batch replays a chunk); seconds are those spent in updates.

The published protocol is slow: on `demo` count on an hour a seed and core, or lower --published-epochs.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bgs.backbones.model import EmbeddingModel, embed
from bgs.config import FitConfig
from bgs.evaluation.odd_one_out import odd_one_out
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM
from bgs.run.building import build_model, open_inputs
from bgs.run.configs import resolve_config
from bgs.run.learning import learn
from bgs.run.study import Study, load_study

if TYPE_CHECKING:
    from bgs.run.building import Bank

Record = dict[str, Any]

PUBLISHED = (
    "training.batching=triplets",
    "training.large_batch=false",
    "training.per_device_train_batch_size=4",
    "training.lr_scheduler_type=reduce_lr_on_plateau",
    "training.warmup_ratio=0",
    "training.early_stopping_patience=5",
)
# `bgs data import social250` first. The head alone is trained, on given features.
SOCIAL250 = (
    "data.triplets=social250",
    "lora.r=0",
    "head.kind=square",
    "training.large_batch=true",
    "training.per_device_train_batch_size=1024",
    "training.learning_rate=0.001",
    "training.num_train_epochs=300",
    "training.lr_scheduler_type=constant",
    "training.early_stopping_patience=40",
)


def main() -> None:
    options = _options()
    runs = []
    for seed in range(options.seeds):
        config = _config(options, seed=seed)
        study = load_study(config.data, seed=seed)
        _, bank = open_inputs(config, study.clips)
        runs.append(_compare(config, study, bank, options=options))
        print(
            json.dumps(
                {key: runs[-1][key] for key in ("seed", "clip_passes_ratio", "seconds_ratio")}
            )
        )
    result = {
        "study": options.study,
        "runs": runs,
        "median": {
            key: statistics.median(run[key] for run in runs)
            for key in ("clip_passes_ratio", "seconds_ratio")
            if all(run[key] is not None for run in runs)
        },
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["median"]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", choices=("demo", "social250"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--features", type=Path, help="NPZ file with ids and embeddings (social250)"
    )
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument("--published-epochs", type=int, default=50)
    parser.add_argument("--published-learning-rate", type=float, help="default: that of `clips`")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="for both protocols"
    )
    parser.add_argument("--out", type=Path, default=Path("training-benchmark.json"))
    return parser.parse_args()


def _config(options: argparse.Namespace, *, seed: int, extra: Sequence[str] = ()) -> FitConfig:
    words = [
        f"seed={seed}",
        f"data.triplets_dir={options.triplets_dir}",
        f"data.videos_dir={options.videos_dir}",
    ]
    if options.study == "social250":
        words += [*SOCIAL250, f"backbone.name_or_path=features:{options.features}"]
    return resolve_config("demo", overrides=(*words, *options.set, *extra))


def _compare(config: FitConfig, study: Study, bank: Bank, *, options: argparse.Namespace) -> Record:
    words = [*PUBLISHED, f"training.num_train_epochs={options.published_epochs}"]
    if options.published_learning_rate:
        words.append(f"training.learning_rate={options.published_learning_rate}")
    slow = _config(options, seed=config.seed, extra=words)
    published = _train(slow, study, bank)
    clips = _train(config, study, bank)
    target = published["best_validation_rsa"]
    at_target = {"published": _reach(published, target), "clips": _reach(clips, target)}
    return {
        "seed": config.seed,
        "target_validation_rsa": target,
        "published": published,
        "clips": clips,
        "to_reach_target": at_target,
        "clip_passes_ratio": _ratio(at_target, "clip_passes"),
        "seconds_ratio": _ratio(at_target, "seconds"),
    }


def _train(config: FitConfig, study: Study, bank: Bank) -> Record:
    model = build_model(config, bank)
    with tempfile.TemporaryDirectory() as folder:
        result = learn(model, bank, study, config=config, output_dir=Path(folder))
    return {
        "best_validation_rsa": result.best_score,
        "best_epoch": result.best_epoch,
        "history": list(result.history),
        **_held_out(model, study, bank),
    }


def _held_out(model: EmbeddingModel, study: Study, bank: Bank) -> Record:
    test = study.split.test
    rdm = RDM.from_embeddings(test, embed(model, bank.select(test)))
    any_third = study.triplets.rdm(test, third="any")
    score = odd_one_out(rdm, study.test_judgments)
    return {
        "spearman_within": correlate(rdm, study.test_judgments.rdm(test)),
        "spearman_any_third": correlate(rdm, any_third),
        "two_way": score.two_way,
        "three_way": score.three_way,
    }


def _reach(run: Record, target: float) -> Record | None:
    for record in run["history"][1:]:
        if record["validation_rsa"] >= target:
            return {key: record[key] for key in ("epoch", "step", "clip_passes", "seconds")}
    return None


def _ratio(at_target: dict[str, Record | None], key: str) -> float | None:
    published, clips = at_target["published"], at_target["clips"]
    return None if published is None or clips is None else published[key] / clips[key]


if __name__ == "__main__":
    main()
