"""Results of every later analysis, small and made up, in the shape that the commands write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bgs.reports.thumbnails import make_thumbnail

HOSTILE = '"><img src=x onerror=alert(1)>'


def score(model: str, r2: float, **more: Any) -> dict[str, Any]:
    """A block of a leaderboard."""
    return {
        "model": model,
        "role": "model",
        "n_clips": 60,
        "rsa": {"spearman": r2**0.5, "r2": r2, "ci95": [r2 - 0.05, r2 + 0.05], "p": 0.001},
        "odd_one_out": {"two_way": 0.7, "three_way": 0.5, "ci95": [0.45, 0.55]},
        "ceiling": {"paper": {"r2": 0.3, "ci95": None}, "max_model": {"r2": 0.55, "ci95": None}},
        "protocol": {"interval": "bootstrap over clips", "num_bootstrap": 1000},
        **more,
    }


def make_leaderboard(letters: tuple[str, str, str] = ("a", "ab", "b")) -> dict[str, Any]:
    names = ("tuned", "captions", "motion")
    blocks = [score(name, r2) for name, r2 in zip(names, (0.4, 0.36, 0.1), strict=True)]
    blocks[0]["rsa"]["also"] = {"kendall_tau_a": 0.41, "pearson": 0.6}
    blocks[0]["rsa"]["also_ci95"] = {"kendall_tau_a": [0.3, 0.5]}
    blocks[0]["odd_one_out"]["log_likelihood"] = {"mean": -0.8, "expected_calibration_error": 0.02}
    blocks[0]["odd_one_out"]["by_agreement"] = [
        {"low": 0.5, "high": 0.75, "three_way": 0.48, "num_judgments": 90}
    ]
    return {
        "data": "demo",
        "simulated": True,
        "models": blocks[::-1],  # files keep the order of the command line
        "leaderboard": [
            {"model": name, "letters": letter} for name, letter in zip(names, letters, strict=True)
        ],
        "comparisons": [
            {"from": "captions", "to": "tuned", "r2": 0.04, "ci95": [-0.02, 0.1], "p_holm": 0.2},
            {"from": "motion", "to": "tuned", "r2": 0.3, "ci95": [0.2, 0.4], "p_holm": 0.0001},
        ],
        "odd_one_out_ceiling": {
            "agreement": 0.6,
            "agreement_two_way": 0.7,
            "agreement_ci95": [0.5, 0.7],
        },
        "seed": 0,
    }


def make_variance(cross_validated: float = 0.2) -> dict[str, Any]:
    def part(kind: str, predictors: list[str], r2: float, cv: float) -> dict[str, Any]:
        ends = [r2 - 0.01, r2 + 0.02]
        return {
            "kind": kind,
            "predictors": predictors,
            "r2": r2,
            "ci95": ends,
            "cross_validated": cv,
        }

    return {
        "data": "demo",
        "simulated": True,
        "predictors": ["video", "captions"],
        "components": [
            part("unique", ["video"], 0.21, cross_validated),
            part("unique", ["captions"], 0.01, -0.002),
            part("shared", ["video", "captions"], 0.05, 0.05),
        ],
        "total": {"r2": 0.27, "ci95": [0.2, 0.34], "cross_validated": 0.25},
        "protocol": {"on": "ranks"},
        "seed": 0,
    }


def make_probes(part: str = "all") -> dict[str, Any]:
    changes = {"valence": (0.1, 0.3), "arousal": (-0.2, -0.1), "dominance": (-0.1, 0.1)}
    probes = [
        {
            "model": model,
            "attribute": name,
            "r2": r2,
            "ci95": [r2 - 0.1, r2 + 0.1],
            "pearson": 0.5,
            "p": 0.01,
        }
        for model, shift in (("untuned", 0.0), ("tuned", 1.0))
        for name, (low, high) in changes.items()
        for r2 in [0.3 + shift * (low + high) / 2]
    ]
    comparisons = [
        {
            "attribute": name,
            "from": "untuned",
            "to": "tuned",
            "r2": (low + high) / 2,
            "ci95": [low, high],
        }
        for name, (low, high) in changes.items()
    ]
    return {
        "clips": "demo",
        "simulated": True,
        "part": part,
        "n_clips": 300,
        "probes": probes,
        "comparisons": comparisons,
        "protocol": {"probe": "ridge"},
        "seed": 0,
    }


def make_layers() -> dict[str, Any]:
    names = [*(f"layer {place}" for place in range(1, 13)), "head"]
    return {
        "model": "tuned",
        "data": "demo",
        "simulated": True,
        "layers": [
            {
                "layer": name,
                "validation_spearman": 0.05 * place,
                "test_spearman": 0.06 * place - 0.1,
                "chosen": name == "head",
            }
            for place, name in enumerate(names)
        ],
        "chosen": {"layer": "head", "spearman": 0.62, "r2": 0.384, "ci95": [0.3, 0.45]},
        "probes": [
            {"layer": name, "valence": 0.02 * place, "arousal": 0.5, "size": None}
            for place, name in enumerate(names)
        ],
        "protocol": {"chosen_on": "validation clips"},
        "seed": 0,
    }


def make_retention(change: float = 0.021, spread: float | None = 0.004) -> dict[str, Any]:
    return {
        "model": "tuned",
        "clips": "/somewhere/ucf101",
        "n_clips": 400,
        "n_labels": 10,
        "n_test": 120,
        "chance": 0.12,
        "probes": [
            {
                "probe": "linear",
                "before": 0.78,
                "after": 0.78 + change,
                "difference": change,
                "spread_over_seeds": spread,
            },
            {"probe": "knn", "before": None, "after": 0.61, "difference": None},
        ],
        "seeds": [0, 1, 2],
        "protocol": {"split": "three random ones"},
    }


def make_attention(divergence: bool = True, regions: bool = True) -> dict[str, Any]:
    share = {"area": 0.05, "base": 0.06, "base_elsewhere": 0.05, "p_difference": 0.002}
    shares = [
        {"region": "agent_1", **share, "tuned": 0.09, "difference": 0.03, "ci95": [0.02, 0.04]},
        {"region": "wall", **share, "tuned": 0.04, "difference": -0.02, "ci95": [-0.03, -0.01]},
        {"region": "object_1", **share, "tuned": 0.06, "difference": 0.0, "ci95": [-0.01, 0.01]},
    ]
    moved = {
        "mean": 0.12,
        "ci95": [0.1, 0.14],
        "least": 0.02,
        "most": 0.4,
        "between_clips": 0.6,
    }
    clips = [
        {"clip": f"scene_{k:03d}", "divergence": d if divergence else None}
        for k, d in enumerate((0.4, 0.2, 0.13, 0.12, 0.1, 0.02))
    ]
    return {
        "model": "tuned",
        "data": "demo",
        "simulated": True,
        "method": "rollout",
        "n_clips": len(clips),
        "divergence": moved if divergence else None,
        "regions": {"file": "regions.csv", "shares": shares} if regions else None,
        "clips": clips,
        "shown": [
            {**row, "png": f"attention/{row['clip']}.png", "caption": HOSTILE} for row in clips
        ],
        "protocol": {"map": "attention rollout", "num_bootstrap": 1000},
        "seed": 0,
    }


def make_transfer(
    change: tuple[float, float] = (0.05, 0.2), *, elsewhere: bool = True
) -> dict[str, Any]:
    def model(name: str, role: str, value: float) -> dict[str, Any]:
        answer = {"value": value, "ci95": [value - 0.08, value + 0.08], "p": 0.01}
        kept = {key: answer for key in ("rsa", "odd_one_out", "knn", "probe")}
        return {
            "model": name,
            "role": role,
            **kept,
            "probe_on": {"demo-phase": answer} if elsewhere else {},
        }

    difference = {"value": sum(change) / 2, "ci95": list(change)}
    level = {"value": 0.0, "ci95": [-0.1, 0.1]}
    return {
        "data": "phase",
        "simulated": False,
        "n_clips": 60,
        "n_triads": 700,
        "models": [
            model("untuned", "before", 0.3),
            model("tuned", "after", 0.45),
            model("random", "control", 0.1),
        ],
        "differences": [
            {
                "from": "untuned",
                "from_role": "before",
                "to": "tuned",
                "rsa": difference,
                "odd_one_out": level,
                "knn": level,
                "probe": difference,
                "probe_on": {"demo-phase": level} if elsewhere else {},
            }
        ],
        "ceiling": {"accuracy": 0.8, "odd_one_out": None, "max_model_spearman": 0.7},
        "chance": {"rsa": 0.0, "odd_one_out": 1 / 3, "majority_label": 0.4},
        "protocol": {"rsa": "Spearman", "probe": "logistic regression"},
        "seed": 0,
    }


EXAMPLES = {
    "leaderboard": make_leaderboard(),
    "variance": make_variance(),
    "probes": make_probes(),
    "layers": make_layers(),
    "retention": make_retention(),
    "attention": make_attention(),
    "transfer": make_transfer(),
}


def file_examples(run_dir: Path) -> Path:
    """All of them in a run's folder, with a picture for every clip shown."""
    folder = run_dir / "analyses"
    (folder / "attention").mkdir(parents=True)
    for kind, result in EXAMPLES.items():
        (folder / f"{kind}.json").write_text(json.dumps(result), encoding="utf-8")
    rng = np.random.default_rng(0)
    for row in EXAMPLES["attention"]["shown"]:
        frame = rng.integers(0, 255, (3, 100, 300), dtype=np.uint8)
        (folder / row["png"]).write_bytes(make_thumbnail(frame, size=300))
    return run_dir
