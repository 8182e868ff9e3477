"""The demonstration: simulate a data set, fine-tune the shipped backbone on it, score it beside its controls.

Because the data are simulated, the truth is known: the variables the simulated participants judge by stand
in the table next to what the model learnt from judgments alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from bgs.config import FitConfig, dump_config
from bgs.evaluation.variance import partial_r2
from bgs.rdm import RDM
from bgs.run.configs import resolve_config
from bgs.run.fit import fit
from bgs.run.folder import check_place, replace_run
from bgs.run.results import Candidate
from bgs.run.simulation import simulate_into
from bgs.run.study import Study, load_study

DATA = "data"  # the simulated data set, in the run's own folder

# A rehearsal: every part runs, no number means anything.
QUICK_SETTINGS = (
    "training.num_train_epochs=2",
    "evaluation.num_bootstrap=100",
    "evaluation.num_split_halves=20",
)


def demo(
    out: Path = Path("runs/demo"),
    *,
    seed: int = 0,
    quick: bool = False,
    overwrite: bool = False,
    overrides: Sequence[str] = (),
    progress: bool = True,
) -> dict[str, Any]:
    """Run the whole demonstration in `out`; returns what is written to its results.json."""
    check_place(out, resume=False, overwrite=overwrite, also=(DATA,))
    config = demo_config(out, seed=seed, overrides=(*(QUICK_SETTINGS if quick else ()), *overrides))
    replace_run(out, dump_config(config), also=(DATA,))
    homes = out / DATA / "triplets", out / DATA / "videos"
    simulate_into(*homes, seed=seed, quick=quick, progress=progress)
    study = load_study(config.data, seed=config.seed)
    extra = known_truth(study, homes[1] / "demo")
    return fit(config, overwrite=True, progress=progress, extra=extra, rehearsal=quick)


def demo_config(out: Path, *, seed: int, overrides: Sequence[str] = ()) -> FitConfig:
    """The shipped `demo` config, aimed at the data in `out`."""
    return resolve_config(
        "demo",
        overrides=(
            f"output_dir={out}",
            f"seed={seed}",
            f"data.triplets_dir={out / DATA / 'triplets'}",
            f"data.videos_dir={out / DATA / 'videos'}",
            *overrides,
        ),
    )


def known_truth(study: Study, folder: Path) -> list[Candidate]:
    """What only a simulation can offer: the latent geometry, each of its variables, and features of the motion."""
    test = study.split.test
    latents = pd.read_csv(folder / "latents.csv").set_index("clip").loc[list(test)]
    latents = latents.filter(like="latent_")
    return [
        Candidate("latent geometry", "ceiling", _distances(test, latents.to_numpy())),
        *_single_variables(study, latents),
        Candidate("trajectory features", "control", _distances(test, _trajectories(folder, test))),
    ]


def _single_variables(study: Study, latents: pd.DataFrame) -> list[Candidate]:
    """Each latent variable as if it were the whole geometry; its note says what it adds to the others."""
    rdms = {
        column: _distances(study.split.test, latents[[column]].to_numpy())
        for column in latents.columns
    }
    candidates = []
    for column, rdm in rdms.items():
        others = tuple(other for name, other in rdms.items() if name != column)
        partial = partial_r2(rdm, study.test_geometry, given=others)
        name = column.removeprefix("latent_").replace("_", " ")
        note = f"partial R2 given the other variables {partial:.3f}"
        candidates.append(Candidate(f"{name} alone", "latent", rdm, note=note))
    return candidates


def _trajectories(folder: Path, clips: Sequence[str]) -> NDArray[np.float64]:
    """Standardised features of the agents' motion, (clips, features); no pixel and no judgment."""
    with np.load(folder / "features.npz", allow_pickle=False) as arrays:
        position = {str(clip): row for row, clip in enumerate(arrays["ids"])}
        matrix = arrays["embeddings"].astype(np.float64)
    standard = (matrix - matrix.mean(axis=0)) / (matrix.std(axis=0) + 1e-9)
    return np.asarray(standard[[position[clip] for clip in clips]])


def _distances(ids: Sequence[str], points: NDArray[np.float64]) -> RDM:
    return RDM.from_condensed(ids, pdist(points))
