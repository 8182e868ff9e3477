"""Ceilings of whole data sets, as `bgs ceiling` reports them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bgs.data.releases import import_release
from bgs.run.ceiling import measure_ceiling
from bgs.run.simulation import simulate_into


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("homes")
    homes = {"triplets_dir": root / "triplets", "videos_dir": root / "videos"}
    simulate_into(*homes.values(), seed=6, quick=True, progress=False)
    return homes


def test_split_halves_bound_a_simulated_set(simulated):
    ceiling = measure_ceiling("demo", num_splits=50, **simulated)
    assert ceiling["simulated"] is True
    assert 0 < ceiling["paper"]["r2"] < ceiling["max_model"]["r2"] < 1
    assert ceiling["paper"]["r2"] == pytest.approx(ceiling["max_model"]["r2"] ** 2)


def test_choice_model_is_asked_about_what_it_was_not_fitted_to(simulated):
    """Better than chance on left-out judgments, though never better than it expects of itself by much."""
    ceiling = measure_ceiling("demo", num_splits=10, choice_model=True, split="all", **simulated)
    asked = ceiling["choice_model"]
    assert asked["num_judgments"] > 1000
    assert 1 / 3 + 0.05 < asked["accuracy"] < 0.9
    assert abs(asked["accuracy"] - asked["best_guess"]) < 0.1


def test_triads_nobody_repeated_say_so():
    from bgs.data.triplets import Triplets
    from bgs.run.ceiling import _agreement

    once = Triplets(ids=tuple("abcd"), clips=np.array([[0, 1, 2], [1, 2, 3]]), odd=np.array([0, 2]))
    assert _agreement(once, seed=0) == {
        "unknown": "no triad was judged twice, so people cannot be compared with people"
    }


def test_social250_has_68_repeated_held_out_triads(shared_data, tmp_path):
    homes = {"triplets_dir": tmp_path / "triplets", "videos_dir": tmp_path / "videos"}
    import_release("social250", shared_data / "social250", **homes)
    ceiling = measure_ceiling("social250", **homes)
    assert (ceiling["triplets"]["num_triads"], ceiling["triplets"]["num_judgments"]) == (68, 155)
    assert ceiling["paper"]["r2"] == pytest.approx(0.198, abs=0.005)  # published: .213
    low, high = ceiling["paper"]["ci95"]
    assert low < 0.213 < high
