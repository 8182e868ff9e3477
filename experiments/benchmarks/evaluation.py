"""How fast is scoring? Prints JSON; ratios are taken within one run.

Command:   python experiments/benchmarks/evaluation.py [--models 20] [--num-bootstrap 1000]
Cost:      about a minute on 2 cores
Expected:  `score_seconds` and `command_seconds` below 30 for 20 models x 250 clips x 47,126 judgments x 1,000
           samples; `times_by_definition` 2 or more; `times_rsatoolbox` 20 or more; `split_halves_seconds` below 10.

`command_seconds` is all of `bgs score` on files: 250 held-out clips, 40 others that nobody was tuned on, a file of
features a model. `times_by_definition` is how much longer the intervals and chance levels of a few models take one
by one with ranks made as they are defined, and whether these are the same numbers to the bit.

Seconds are of processor time (one thread), so that a busy machine does not change them much.
Judgments are simulated at the size of social250, so nothing has to be downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bgs.data.triplets import Triplets
from bgs.evaluation.bootstrap import bootstrap_correlations, draw_clips
from bgs.evaluation.ceilings import split_half_ceiling
from bgs.evaluation.correlation import observed_pairs
from bgs.evaluation.intervals import SPEARMAN, interval_over_clips
from bgs.evaluation.leaderboard import rank_models
from bgs.evaluation.permutation import permutation_p
from bgs.evaluation.relabelling import chance_levels
from bgs.evaluation.resampled import resample_models
from bgs.rdm import RDM
from bgs.run.score import score


def simulate(*, num_clips: int, num_judgments: int, seed: int) -> tuple[Triplets, np.ndarray]:
    """Random triads judged from a latent geometry with noise."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(num_clips, 8))
    ids = tuple(f"clip{index:03d}" for index in range(num_clips))
    square = RDM.from_embeddings(ids, latent).square()
    clips = rng.random((num_judgments, num_clips)).argpartition(3, axis=1)[:, :3]
    first, second, third = clips.T
    across = np.stack([square[second, third], square[first, third], square[first, second]], axis=1)
    odd = (across + rng.gumbel(scale=0.4, size=across.shape)).argmin(axis=1)
    people = rng.integers(215, size=num_judgments)
    names = tuple(f"p{index}" for index in range(215))
    return Triplets(
        ids=ids, clips=clips, odd=odd, participants=people, participant_ids=names
    ), latent


def seconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def loop_over_rsatoolbox(model: RDM, human: RDM, draws: np.ndarray) -> np.ndarray:
    """Draw clips, take their rows and columns, compare: once a sample.

    `RDMs.subsample_pattern` takes seconds for a sample of this size, so the samples are drawn here and only the
    comparison is rsatoolbox's.
    """
    from rsatoolbox.rdm import compare
    from rsatoolbox.rdm.rdms import RDMs

    # rsatoolbox wants the same pairs missing on both sides, a clip's pair with itself among them.
    squares = [model.square(), human.square()]
    squares[0][np.isnan(squares[1])] = np.nan
    scores = []
    for draw in draws.T.astype(int):
        drawn = np.repeat(np.arange(len(draw)), draw)
        rows, columns = np.triu_indices(len(drawn), k=1)
        pairs = [square[drawn[rows], drawn[columns]] for square in squares]
        for values in pairs:
            values[drawn[rows] == drawn[columns]] = np.nan
        scores.append(compare(RDMs(pairs[0][None]), RDMs(pairs[1][None]), "spearman")[0, 0])
    return np.array(scores)


def compare_bootstraps(model: RDM, human: RDM, *, num_loop: int) -> dict[str, float]:
    """Seconds a sample of ours and of the loop, and how far the two disagree."""
    draws = draw_clips(len(human.ids), num_bootstrap=1000, seed=0)
    pairs = observed_pairs(model, human)
    ours: list[np.ndarray] = []
    mine = seconds(
        lambda: ours.append(
            bootstrap_correlations([pairs.model], pairs.human, members=pairs.members, draws=draws)[
                0
            ]
        )
    )
    theirs: list[np.ndarray] = []
    loop = seconds(lambda: theirs.append(loop_over_rsatoolbox(model, human, draws[:, :num_loop])))
    return {
        "ours_seconds_a_sample": mine / 1000,
        "rsatoolbox_seconds_a_sample": loop / num_loop,
        "times_rsatoolbox": (loop / num_loop) / (mine / 1000),
        "largest_disagreement": float(np.abs(ours[0][:num_loop] - theirs[0]).max()),
    }


def score_files(
    held_out: Triplets, latent: np.ndarray, *, num_models: int, num_bootstrap: int
) -> float:
    """Seconds of `bgs score` where these clips are held out and all models are files of features."""
    others, known = simulate(num_clips=40, num_judgments=2000, seed=5)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ids = [*held_out.ids, *(f"other-{clip}" for clip in others.ids)]
        write_cards(home, {"test": held_out, "train": others})
        names = []
        for index in range(num_models):
            matrix = np.concatenate([latent, known])
            matrix = matrix + 0.2 * index * rng.normal(size=matrix.shape)
            np.savez(home / f"{index}.npz", ids=np.array(ids), embeddings=matrix.astype(np.float32))
            names.append(f"model{index:02d}=features:{home / f'{index}.npz'}")
        return seconds(
            lambda: score(
                names,
                data="mine",
                triplets_dir=home / "triplets",
                videos_dir=home / "videos",
                num_bootstrap=num_bootstrap,
                progress=False,
            )
        )


def write_cards(home: Path, parts: dict[str, Triplets]) -> None:
    """Judgments and clips as somebody would bring them; clips of all parts but `test` are called other-."""
    judgments, clips = ["clip_1,clip_2,clip_3,odd,participant"], ["clip,split"]
    for split, part in parts.items():
        ids = [clip if split == "test" else f"other-{clip}" for clip in part.ids]
        clips += [f"{clip},{split}" for clip in ids]
        people = np.zeros(len(part), dtype=int) if part.participants is None else part.participants
        for shown, odd, person in zip(part.clips, part.odd, people, strict=True):
            names = [ids[clip] for clip in shown]
            judgments.append(",".join([*names, names[odd], f"p{person}"]))
    about = "name: mine\ntitle: simulated\nlicence: none\nobtain: simulated\n"
    for room, rest, table in (
        ("triplets", "clips: mine\njudgments: {path: mine/table.csv}\n", judgments),
        (
            "videos",
            "clip_path: mine/{clip}.mp4\ntable: {path: mine/table.csv, split: split}\n",
            clips,
        ),
    ):
        (home / room / "mine").mkdir(parents=True)
        (home / room / "mine.yaml").write_text(about + rest, encoding="utf-8")
        (home / room / "mine" / "table.csv").write_text("\n".join(table) + "\n", encoding="utf-8")


def compare_with_definition(
    models: list[RDM], human: RDM, *, num_bootstrap: int
) -> dict[str, object]:
    """Intervals and chance levels together, and one by one by the definition."""
    options = {"num_bootstrap": num_bootstrap, "seed": 0}
    found: list[object] = []

    def together() -> None:
        resampled = resample_models(models, human, **options)
        found.append([resampled.interval(place) for place in range(len(models))])
        found.append(chance_levels(models, human, num_permutations=num_bootstrap))

    def by_definition() -> None:
        found.append(
            [interval_over_clips(SPEARMAN, observed_pairs(m, human), **options) for m in models]
        )
        found.append([permutation_p(m, human, num_permutations=num_bootstrap) for m in models])

    fast, slow = seconds(together), seconds(by_definition)
    return {
        "together_seconds_a_model": fast / len(models),
        "by_definition_seconds_a_model": slow / len(models),
        "times_by_definition": slow / fast,
        "same_to_the_bit": found[:2] == found[2:],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--clips", type=int, default=250)
    parser.add_argument("--judgments", type=int, default=47_126)
    parser.add_argument("--num-bootstrap", type=int, default=1000)
    parser.add_argument("--num-loop", type=int, default=20, help="samples of the rsatoolbox loop")
    options = parser.parse_args()
    triplets, latent = simulate(num_clips=options.clips, num_judgments=options.judgments, seed=0)
    rng = np.random.default_rng(1)
    models = {
        f"model{index:02d}": RDM.from_embeddings(
            triplets.ids, latent + 0.2 * index * rng.normal(size=latent.shape)
        )
        for index in range(options.models)
    }
    report: dict[str, object] = {
        "models": options.models,
        "clips": options.clips,
        "judgments": options.judgments,
        "num_bootstrap": options.num_bootstrap,
        "cores": os.cpu_count(),
    }
    report["split_halves_seconds"] = seconds(lambda: split_half_ceiling(triplets, num_splits=1000))
    report["score_seconds"] = seconds(
        lambda: rank_models(
            models,
            triplets.rdm(),
            judgments=triplets,
            num_bootstrap=options.num_bootstrap,
            test_chance=False,
        )
    )
    report["command_seconds"] = score_files(
        triplets, latent, num_models=options.models, num_bootstrap=options.num_bootstrap
    )
    report.update(
        compare_with_definition(
            list(models.values())[:5], triplets.rdm(), num_bootstrap=options.num_bootstrap
        )
    )
    report.update(compare_bootstraps(models["model01"], triplets.rdm(), num_loop=options.num_loop))
    print(
        json.dumps(
            {k: round(v, 6) if isinstance(v, float) else v for k, v in report.items()}, indent=2
        )
    )


if __name__ == "__main__":
    main()
