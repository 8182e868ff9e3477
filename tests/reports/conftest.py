"""A run that never happened, with everything a run can leave behind and a few hostile texts in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bgs.rdm import RDM
from bgs.reports.analyses import load_analyses
from bgs.reports.record import RunRecord
from bgs.reports.thumbnails import make_thumbnail
from tests.reports.examples import file_examples

HOSTILE = '<script>document.title = "owned"</script>'
RELATIONS = ("chases", "flees from", "follows", "helps", "hinders", "fights", "comforts", "avoids")


def draw_clip(rng: np.random.Generator) -> np.ndarray:
    """A frame of a background and two discs: (3, height, width)."""
    frame = np.empty((3, 96, 96), dtype=np.uint8)
    frame[:] = rng.integers(40, 220, 3)[:, None, None]
    rows, columns = np.mgrid[:96, :96]
    for _ in range(2):
        y, x, radius = [*rng.integers(15, 80, 2).tolist(), rng.integers(7, 14)]
        frame[:, (rows - y) ** 2 + (columns - x) ** 2 < radius**2] = rng.integers(0, 255, 3)[
            :, None
        ]
    return frame


def block(model: str, role: str, r2: float, *, three_way: float, **more: Any) -> dict[str, Any]:
    """A results block as a scorecard writes it."""
    return {
        "model": model,
        "role": role,
        "data": "demo",
        "split": "test",
        "n_clips": 60,
        "n_pairs": 1650,
        "n_triplets": 1032,
        "rsa": {"spearman": r2**0.5, "r2": r2, "ci95": [max(0.0, r2 - 0.06), r2 + 0.06]},
        "odd_one_out": {
            "two_way": three_way + 0.17,
            "three_way": three_way,
            "ci95": [three_way - 0.03, three_way + 0.03],
        },
        "protocol": {"third": "within", "interval": "bootstrap over clips", "num_bootstrap": 1000},
        "seed": 0,
        **more,
    }


def make_results(*, simulated: bool = True, gain: float = 0.19) -> dict[str, Any]:
    """results.json with every part of it."""
    before = block("bgs-tiny (untuned)", "before", 0.058, three_way=0.441)
    after = block(
        "bgs-tiny (tuned)", "after", 0.058 + gain, three_way=0.548, note="LoRA r 8 and a head"
    )
    ceiling = {
        "paper": {"r2": 0.48, "ci95": [0.43, 0.53]},
        "max_model": {"r2": 0.62, "ci95": [0.57, 0.66]},
        "split_half": {"r": 0.53, "ci95": [0.5, 0.56]},
        "num_splits": 200,
        "over": "participants",
    }
    models = [
        before,
        after,
        block("random initialisation", "control", 0.004, three_way=0.352),
        block("head only", "control", 0.221, three_way=0.536),
        block("shuffled judgments", "control", 0.011, three_way=0.361),
        block("caption:tfidf", "baseline", 0.203, three_way=0.497),
        block("trajectory features", "control", 0.352, three_way=0.612),
        block("latent geometry", "ceiling", 0.521, three_way=0.718),
    ]
    differences = [
        {"from": row["model"], "to": after["model"], "r2": after["rsa"]["r2"] - row["rsa"]["r2"]}
        for row in models
        if row is not after
    ]
    for item in differences:
        item["ci95"] = [item["r2"] - 0.05, item["r2"] + 0.055]
    return {
        **after,
        "simulated": simulated,
        "before": before,
        "after": after,
        "difference": differences[0],
        "comparisons": differences,
        "models": models,
        "ceiling": ceiling,
        "data_counts": {
            "name": "demo",
            "simulated": simulated,
            "n_clips": {"train": 192, "validation": 48, "test": 60},
            "n_judgments": {"all": 9200, "train": 6400, "test": 1032},
            "n_participants": 40,
            "exclusions": {
                "rows_in": 9432,
                "dropped": {"attention check": 200, "repeats_a_clip": 32, "duplicate_trial": 0},
                "rows_out": 9200,
            },
            "third": "within",
        },
        "training": {"best_epoch": 9, "validation_spearman": 0.52},
        "versions": {"bgs": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "commit": "0123abc",
    }


def make_run(*, seed: int = 0, clips: int = 60, name: str = "demo", **results: Any) -> RunRecord:
    """A record whose tuned distances are nearer to the human ones than the untuned, as far as noise allows."""
    rng = np.random.default_rng(seed)
    ids = tuple(f"scene_{index:03d}" for index in range(clips))
    centres = rng.normal(0, 1.0, (4, 6))
    latent = centres[rng.integers(0, 4, clips)] + rng.normal(0, 0.45, (clips, 6))
    truth = RDM.from_embeddings(ids, latent)
    scale = truth.dissimilarities.std()
    human = np.clip(truth.dissimilarities + rng.normal(0, 0.7 * scale, truth.num_pairs), 0, 2) / 2
    human[rng.random(truth.num_pairs) < 0.07] = np.nan
    triads = np.array([rng.permutation(clips)[:3] for _ in range(400)])
    square = truth.square()
    for row, (a, b, c) in enumerate(triads):
        left = np.array([square[b, c], square[a, c], square[a, b]]) + rng.normal(0, 0.5 * scale, 3)
        odd = int(left.argmin())
        triads[row] = [*np.delete([a, b, c], odd), (a, b, c)[odd]]
    captions = {clip: f"A {rng.choice(RELATIONS)} B near a wall" for clip in ids}
    captions[ids[0]] = HOSTILE
    return RunRecord(
        name=name,
        results=make_results(**results),
        history=tuple(
            {
                "epoch": epoch,
                "loss": 0.4 * 0.9**epoch + 0.05 * rng.random(),
                "triplet": 0.2 * 0.9**epoch,
                "rsa": -0.4 * (1 - 0.85**epoch),
                "validation_rsa": 0.52 * (1 - 0.75 ** (epoch + 1)) + 0.02 * rng.random(),
            }
            for epoch in range(14)
        ),
        human=RDM.from_condensed(ids, human),
        before=RDM.from_embeddings(ids, latent + rng.normal(0, 2.5, latent.shape)),
        after=RDM.from_embeddings(ids, latent + rng.normal(0, 0.7, latent.shape)),
        triads=triads,
        thumbnails={clip: make_thumbnail(draw_clip(rng)) for clip in ids},
        captions=captions,
        config=f"name: demo\nseed: 0\noutput_dir: /{'long/' * 20}run\nlora:\n  r: 8\n",
    )


@pytest.fixture(scope="session")
def record() -> RunRecord:
    """A whole run."""
    return make_run()


@pytest.fixture(scope="session")
def analysed(record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """The same run after every later analysis."""
    folder = file_examples(tmp_path_factory.mktemp("analysed"))
    return replace(record, analyses=load_analyses(folder))


@pytest.fixture
def make_record() -> Callable[..., RunRecord]:
    """A run made to measure."""
    return make_run
