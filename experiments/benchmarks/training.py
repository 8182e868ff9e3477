"""How much compute `batching: clips` saves over the published protocol, on the same data and model.

    OMP_NUM_THREADS=1 python experiments/benchmarks/training.py demo --simulate --judgments 1 --out training-demo.json
    python experiments/benchmarks/training.py social250 --features captions.npz --out training-social250.json

Both protocols start from the same weights, learn from the same judgments and are validated by the same
function after each epoch. "To reach" means: the first epoch whose validation RSA is at least the best that the
published protocol attains; beside it, the best that both attain ("common"). Clip passes are clips sent through
the model (once for each of the three clips of a judgment, twice where large_batch replays a chunk); seconds are
those spent in updates, on the clock and of this process's processor time, which other work does not stretch.

Each protocol gets the learning rate, of as many, that does best in a pilot on the first seed's validation clips.
What is finished is written at once; the same command goes on where it was stopped. (The script is long because a
comparison that takes an hour has to keep its books: settings, pilot, seeds, and what each had spent when.)
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bgs.backbones.model import EmbeddingModel, embed
from bgs.config import FitConfig
from bgs.data.triplets import Triplets
from bgs.evaluation.odd_one_out import odd_one_out
from bgs.evaluation.rsa import correlate
from bgs.objectives import Objective
from bgs.rdm import RDM
from bgs.run.building import build_model, open_inputs
from bgs.run.configs import resolve_config
from bgs.run.simulation import simulate_into
from bgs.run.study import Study, load_study
from bgs.training import train

if TYPE_CHECKING:
    from bgs.run.building import Bank

Record = dict[str, Any]
History = dict[str, list[float]]  # a value an epoch, the first before training

PROTOCOLS = ("published", "clips")
PUBLISHED = {
    "batching": "triplets",
    "large_batch": False,
    "per_device_train_batch_size": 4,
    "lr_scheduler_type": "reduce_lr_on_plateau",
    "warmup_ratio": 0.0,
    "early_stopping_patience": 5,
    "head_learning_rate": None,
}
# `bgs data import social250` first. The head alone is trained, on given features.
SOCIAL250 = (
    "data.triplets=social250",
    "lora.r=0",
    "head.kind=square",
    "training.large_batch=true",
    "training.per_device_train_batch_size=1024",
    "training.num_train_epochs=300",
    "training.lr_scheduler_type=constant",
    "training.early_stopping_patience=40",
)
COSTS = ("clip_passes", "seconds", "processor_seconds")
SCORES = ("spearman_within", "spearman_any_third", "two_way", "three_way")
# What a result file must have in common with the command that goes on with it.
SAME = (
    "study",
    "simulate",
    "judgments",
    "published_epochs",
    "published_learning_rates",
    "clips_learning_rates",
    "pilot_epochs",
    "set",
)


@dataclass(frozen=True, eq=False)
class World:
    """The data of one seed, and the part of its training judgments that both protocols learn from."""

    study: Study
    bank: Bank
    judgments: Triplets
    config: FitConfig


def main() -> None:
    options = _options()
    result = _open_result(options)
    for seed in options.seeds:
        run = result["runs"].setdefault(str(seed), {})
        if "clips" in run:
            continue
        with _world(options, seed=seed) as world:
            for protocol in PROTOCOLS:
                _pilot(protocol, options, result, world)
            for protocol in PROTOCOLS:
                if protocol not in run:
                    rate = _best_rate(protocol, options, result)
                    run[protocol] = _run(_configure(protocol, world, options, rate=rate), world)
                    run[protocol]["learning_rate"] = rate
                    run["judgments"] = len(world.judgments)
                    _save(options, result)
        print(seed, json.dumps(_compare(run)), flush=True)
    _save(options, result)
    print(json.dumps(_summarise(result["runs"].values()), indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", choices=("demo", "social250"))
    parser.add_argument(
        "--simulate",
        action="store_true",
        help="make the data `demo` of each seed in a temporary folder (else: read the homes below)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--judgments",
        type=float,
        default=0.2,
        help="share of the training judgments that both learn from (default 0.2; 1 takes all, and\n"
        "an epoch of the published protocol is four minutes of a core then)",
    )
    parser.add_argument(
        "--published-epochs",
        type=int,
        default=8,
        help="most epochs of the published protocol (default 8; the paper's 50)",
    )
    parser.add_argument(
        "--published-learning-rates",
        type=float,
        nargs="+",
        default=[1e-4, 3e-4, 1e-3, 3e-3],
        help="what the pilot tries (default 1e-4 3e-4 1e-3 3e-3); a single rate needs no pilot",
    )
    parser.add_argument(
        "--clips-learning-rates",
        type=float,
        nargs="+",
        default=[1e-3, 2e-3, 4e-3, 8e-3],
        help="the same for `clips` (default 1e-3 2e-3 4e-3 8e-3; all its epochs at each rate)",
    )
    parser.add_argument(
        "--pilot-epochs",
        type=int,
        default=3,
        help="epochs of the published protocol in the pilot, at each rate (default 3)",
    )
    parser.add_argument(
        "--features", type=Path, help="NPZ file with ids and embeddings (social250)"
    )
    parser.add_argument("--triplets-dir", type=Path, default=Path("triplets"))
    parser.add_argument("--videos-dir", type=Path, default=Path("videos"))
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings for both protocols"
    )
    parser.add_argument("--out", type=Path, default=Path("training-benchmark.json"))
    return parser.parse_args()


def _open_result(options: argparse.Namespace) -> Record:
    """What an earlier command left in `--out`, if it is about the same comparison."""
    asked = {key: getattr(options, key) for key in SAME}
    if not options.out.is_file():
        return {"settings": asked, "pilot": {"published": {}, "clips": {}}, "runs": {}}
    result: Record = json.loads(options.out.read_text(encoding="utf-8"))
    if result["settings"] != asked:
        raise SystemExit(f"{options.out} holds other settings: {result['settings']}")
    return result


def _save(options: argparse.Namespace, result: Record) -> None:
    for run in result["runs"].values():
        run |= _compare(run) if "clips" in run else {}
    result["summary"] = _summarise(result["runs"].values())
    result["machine"] = {
        "torch": torch.__version__.partition("+")[0],
        "threads": torch.get_num_threads(),
        "architecture": platform.machine(),
    }
    text = json.dumps(_rounded(result), indent=1)
    text = re.sub(r"\[([^][{}]+)\]", lambda row: f"[{' '.join(row[1].split())}]", text)
    options.out.write_text(text + "\n", encoding="utf-8")


def _pilot(protocol: str, options: argparse.Namespace, result: Record, world: World) -> None:
    """Validation scores at each rate, on the seed that comes first; `clips` runs to its end, a fixed schedule."""
    rates, scores = _rates(protocol, options), result["pilot"][protocol]
    for rate in rates if len(rates) > 1 else ():
        if str(rate) not in scores:
            config = _configure(
                protocol, world, options, rate=rate, published_epochs=options.pilot_epochs
            )
            scores[str(rate)] = _train(config, world)[1]["validation_rsa"]
            _save(options, result)
            print(protocol, rate, max(scores[str(rate)][1:]), flush=True)


def _rates(protocol: str, options: argparse.Namespace) -> list[float]:
    rates: list[float] = getattr(options, f"{protocol}_learning_rates")
    return rates


def _best_rate(protocol: str, options: argparse.Namespace, result: Record) -> float:
    rates, scores = _rates(protocol, options), result["pilot"][protocol]
    return rates[0] if len(rates) == 1 else max(rates, key=lambda rate: max(scores[str(rate)][1:]))


@contextmanager
def _world(options: argparse.Namespace, *, seed: int) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        homes = options.triplets_dir, options.videos_dir
        words = [f"seed={seed}"]
        if options.simulate:
            homes = Path(folder) / "triplets", Path(folder) / "videos"
            simulate_into(*homes, seed=seed, progress=False)
            words.append(f"data.cache_dir={folder}/cache")
        words += [f"data.triplets_dir={homes[0]}", f"data.videos_dir={homes[1]}"]
        if options.study == "social250":
            words += [*SOCIAL250, f"backbone.name_or_path=features:{options.features}"]
        config = resolve_config("demo", overrides=(*words, *options.set))
        study = load_study(config.data, seed=seed)
        _, bank = open_inputs(config, study.clips, progress=False)
        yield World(study, bank, _share(study, options.judgments, seed=seed), config)


def _share(study: Study, share: float, *, seed: int) -> Triplets:
    """A random part of the training judgments, in their order."""
    judgments = study.train_judgments
    order = np.random.default_rng(seed).permutation(len(judgments))
    return judgments.select(np.sort(order[: round(share * len(judgments))]))


def _configure(
    protocol: str,
    world: World,
    options: argparse.Namespace,
    *,
    rate: float,
    published_epochs: int | None = None,
) -> FitConfig:
    """The world's config at this rate; for the published protocol with its batches and schedule."""
    changed: Record = {"learning_rate": rate}
    if protocol == "published":
        epochs = published_epochs or options.published_epochs
        changed |= {**PUBLISHED, "num_train_epochs": epochs}
    values = world.config.model_dump()
    return FitConfig.model_validate({**values, "training": {**values["training"], **changed}})


def _compare(run: Record) -> Record:
    """What each protocol had spent when it first reached the published one's best, and the lower of both bests."""
    best = {name: run[name]["best_validation_rsa"] for name in PROTOCOLS}
    found: Record = {"targets": {"published": best["published"], "common": min(best.values())}}
    for name, target in found["targets"].items():
        spent = {protocol: _reach(run[protocol], target) for protocol in PROTOCOLS}
        found[f"to_reach_{name}"] = spent
        found[f"{name}_ratios"] = {key: _ratio(spent, key) for key in COSTS}
    return found


def _run(config: FitConfig, world: World) -> Record:
    model, history = _train(config, world)
    scores = history["validation_rsa"][1:]
    return {
        "best_validation_rsa": max(scores),
        "best_epoch": scores.index(max(scores)) + 1,
        "epochs": len(scores),
        "held_out": _held_out(model, world),
        "history": history,
    }


def _train(config: FitConfig, world: World) -> tuple[EmbeddingModel, History]:
    """What `bgs.run.learning.learn` does, with a clock of processor time around the validation."""
    split, judgments = world.study.split, world.judgments
    validation = world.bank.select(split.validation)
    geometry = world.study.validation_geometry
    model = build_model(config, world.bank)
    watch = Stopwatch(
        lambda candidate: correlate(
            RDM.from_embeddings(validation.ids, embed(candidate, validation)), geometry
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            model,
            world.bank.select(split.train),
            judgments,
            judgments.rdm(split.train),
            objective=Objective(config.objective),
            settings=config.training,
            seed=config.seed,
            output_dir=Path(folder),
            validate=watch,
            progress=False,
        )
    keys = ("validation_rsa", "clip_passes", "seconds")
    history = {key: [record.get(key, 0) for record in result.history] for key in keys}
    return model, {**history, "processor_seconds": watch.used}


class Stopwatch:
    """A validation that notes how much processor time this process spent outside it."""

    def __init__(self, validate: Callable[[EmbeddingModel], float]) -> None:
        self.validate = validate
        self.used: list[float] = []  # after each epoch, from 0 before the first
        self.since: float | None = None

    def __call__(self, model: EmbeddingModel) -> float:
        now = time.process_time()
        self.used.append(0.0 if self.since is None else self.used[-1] + now - self.since)
        score = self.validate(model)
        self.since = time.process_time()
        return score


def _held_out(model: EmbeddingModel, world: World) -> Record:
    study = world.study
    test = study.split.test
    rdm = RDM.from_embeddings(test, embed(model, world.bank.select(test)))
    score = odd_one_out(rdm, study.test_judgments)
    return {
        "spearman_within": correlate(rdm, study.test_judgments.rdm(test)),
        "spearman_any_third": correlate(rdm, study.triplets.rdm(test, third="any")),
        "two_way": score.two_way,
        "three_way": score.three_way,
    }


def _reach(run: Record, target: float) -> Record | None:
    """The first epoch that scores the target or more, with what it had cost by then."""
    history: History = run["history"]
    for epoch, score in enumerate(history["validation_rsa"]):
        if epoch and score >= target:
            return {"epoch": epoch, **{key: history[key][epoch] for key in COSTS}}
    return None


def _ratio(at_target: dict[str, Record | None], key: str) -> float | None:
    published, clips = at_target["published"], at_target["clips"]
    return None if published is None or clips is None else published[key] / clips[key]


def _summarise(runs: Iterable[Record]) -> Record:
    """Median, least and greatest over finished seeds; one that never reached the target is counted apart."""
    done = [run for run in runs if "clips" in run]
    summary: Record = {"seeds": len(done)}
    for target in ("published", "common"):
        ratios = [run[f"{target}_ratios"] for run in done]
        reached = [found for found in ratios if found["clip_passes"] is not None]
        summary[f"reached_{target}"] = len(reached)
        for key in COSTS if reached else ():
            summary[f"{target}_{key}_ratio"] = _spread([found[key] for found in reached])
    for key in SCORES if done else ():
        for name in PROTOCOLS:
            summary[f"{name}_{key}"] = _spread([run[name]["held_out"][key] for run in done])
        gains = [run["clips"]["held_out"][key] - run["published"]["held_out"][key] for run in done]
        summary[f"clips_minus_published_{key}"] = _spread(gains)
    return summary


def _spread(values: list[float]) -> list[float]:
    return [statistics.median(values), min(values), max(values)]


def _rounded(value: Any) -> Any:
    """Five significant digits: the rest is noise of the machine."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
