"""The authors' release: every published count comes out of the check, and the two protocols hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgs.data.check import check_triplets
from bgs.data.choice_model import fit_choice_model, folds
from bgs.data.geometry import load_geometry
from bgs.data.releases import import_social250
from bgs.data.splits import carve_validation, find_split
from bgs.data.triplets import LEFT, Triplets, load_triplets
from bgs.errors import DataError


@pytest.fixture(scope="module")
def homes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("homes")
    homes = {"triplets_dir": folder / "triplets", "videos_dir": folder / "videos"}
    import_social250(shared_data / "social250", **homes)
    return homes


@pytest.fixture(scope="module")
def report(homes: dict[str, Path]) -> dict[str, Any]:
    return json.loads(json.dumps(check_triplets("social250", **homes).to_dict(), allow_nan=False))


@pytest.fixture(scope="module")
def triplets(homes: dict[str, Path]) -> Triplets:
    return load_triplets("social250", **homes)


def test_rows_and_attention_checks(report: dict[str, Any]) -> None:
    assert report["rows"] == {
        "rows_in": 49_484,
        "dropped": {"repeats_a_clip": 2_358},
        "rows_out": 47_126,
        "participants_in": 215,
        "participants_out": 215,
    }
    assert report["attention_checks"] == {
        "rows_that_repeat_a_clip": 2_358,
        "one_clip_three_times": 2,
        "passed": 2_356,
        "failed": 0,
        "flagged_in_file": 0,
        "flag_disagrees": 2_358,
    }
    assert report["triads_all_rows"] == {"unique": 36_875, "judged_at_least_twice": 8_629}
    assert report["response_time_seconds"]["max"] == pytest.approx(59_599.98)


def test_split_counts(report: dict[str, Any]) -> None:
    train, test = report["split"]["train"], report["split"]["test"]
    assert (train["judgments"], train["pairs_within"], train["pairs"]) == (24_096, 19_266, 19_900)
    assert (test["judgments"], test["pairs_within"], test["pairs"]) == (368, 637, 1_225)
    assert test["pairs_any_third"] == 1_225
    assert round(test["mean_observations_any_third"], 2) == 4.47


def test_the_published_files_and_their_contradictions(report: dict[str, Any]) -> None:
    assert report["geometry"]["train"]["pairs_that_differ"] == 0
    assert report["geometry"]["train"]["pairs_published"] == 19_266
    assert report["geometry"]["test"] == {
        "direction": "similarity",
        "pairs_published": 670,
        "pairs_from_judgments": 637,
        "pairs_that_differ": 12,
    }
    assert report["trials"] == {"recorded_twice": 154}
    assert any("12 published similarities differ" in note for note in report["notes"])
    assert report["flags"] == [
        "the file flags 0 rows as catch trials, 2,358 repeat a clip; the rows decide",
        "154 judgments recorded twice; set `duplicate_trials: true` to keep the first",
        "the longest response took 59,599.98 seconds (499 over a minute); "
        "set `max_response_time` if that matters",
        "only 637 of 1,225 test pairs are seen with a third test clip; 1,225 with any third",
        "the published test matrix differs from the judgments in 12 of 637 pairs, "
        "and has 670 pairs as observed",
        "no more agreement with the rest than chance allows: 3 participants (least: 'fierce-caiman', 0.378)",
    ]


def test_the_released_train_and_test_files_are_the_restricted_judgments(
    triplets: Triplets, homes: dict[str, Path]
) -> None:
    import pandas as pd

    split = find_split("social250", **{key: homes[key] for key in homes})
    for part in ("train", "test"):
        released = pd.read_csv(homes["triplets_dir"] / f"social250/{part}_triplets.csv")
        ours = triplets.restrict(getattr(split, part))
        index = np.array([triplets.ids.index(clip) for clip in ours.ids])
        expected = released[["stim1_name", "stim2_name", "stim3_name"]].to_numpy()
        assert np.array_equal(index[ours.clips], expected)
        assert np.array_equal(index[ours.odd_clip], released["choice"].to_numpy())


def test_no_held_out_judgment_is_ever_trained_on(
    triplets: Triplets, homes: dict[str, Path]
) -> None:
    split = carve_validation(find_split("social250", **homes), fraction=0.2, seed=0)
    training = triplets.restrict(split.train)
    training.refuse_clips(split.test + split.validation)
    for third, pairs, observations in (("within", 637, 1_104), ("any", 1_225, 5_478)):
        rdm = triplets.rdm(split.test, third=third, training=training)  # type: ignore[arg-type]
        assert (rdm.num_pairs, rdm.counts.sum()) == (pairs, observations)
    seen = set(map(tuple, training.to_frame()[["clip_1", "clip_2", "clip_3"]].to_numpy()))
    showing = triplets.select(
        np.isin(triplets.clips, [triplets.ids.index(c) for c in split.test]).sum(1) >= 2
    )
    assert not seen & set(map(tuple, showing.to_frame()[["clip_1", "clip_2", "clip_3"]].to_numpy()))
    with pytest.raises(DataError, match="training judgments of 'social250' show a held-out clip"):
        triplets.rdm(split.test, third="any", training=triplets)


def test_the_published_train_matrix_is_what_the_judgments_give(
    triplets: Triplets, homes: dict[str, Path]
) -> None:
    published = load_geometry("social250", "train", triplets_dir=homes["triplets_dir"])
    ours = triplets.rdm(published.ids)
    assert np.array_equal(published.counts, ours.counts)
    assert np.allclose(published.dissimilarities, ours.dissimilarities, equal_nan=True)


def test_the_fitted_geometry_predicts_left_out_judgments_better_than_proportions(
    triplets: Triplets,
) -> None:
    fitted_on, left_out = next(folds(triplets, num_folds=5, seed=0))
    geometry = fit_choice_model(fitted_on, num_refits=0)
    fitted = (geometry.probabilities(left_out).argmax(axis=1) == left_out.odd).mean()
    square = np.nan_to_num(fitted_on.rdm().square(), nan=2 / 3)
    apart = np.stack([square[left_out.clips[:, a], left_out.clips[:, b]] for a, b in LEFT], axis=1)
    best = apart == apart.min(axis=1, keepdims=True)
    raw = (best[np.arange(len(left_out)), left_out.odd] / best.sum(axis=1)).mean()
    assert fitted > raw + 0.08  # measured: .64 against .52, chance .33
    assert geometry.surprise(left_out) < 0.85 < np.log(3)
