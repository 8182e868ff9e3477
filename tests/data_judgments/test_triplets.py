"""The value object: what it counts, what it selects, what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bgs.data.cards import ExclusionRules, JudgmentColumns
from bgs.data.triplets import Triplets
from bgs.errors import DataError

IDS = ("a", "b", "c", "d", "e")


def simulate(*, judgments: int = 200, seed: int = 0) -> Triplets:
    rng = np.random.default_rng(seed)
    clips = np.stack([rng.choice(len(IDS), size=3, replace=False) for _ in range(judgments)])
    return Triplets(
        ids=IDS,
        clips=clips,
        odd=rng.integers(3, size=judgments),
        participants=rng.integers(4, size=judgments),
        participant_ids=("p1", "p2", "p3", "p4"),
        response_time_seconds=rng.uniform(1, 9, size=judgments),
        trial=np.arange(judgments),
        session=np.zeros(judgments, dtype=int),
        session_ids=("s",),
    )


def count_by_loop(
    triplets: Triplets, ids: tuple[str, ...], third: str
) -> dict[tuple[str, str], list[int]]:
    """[together, shown] of every pair, one judgment at a time."""
    counts = {(x, y): [0, 0] for i, x in enumerate(ids) for y in ids[i + 1 :]}
    for clips, odd in zip(triplets.clips, triplets.odd, strict=True):
        names = [triplets.ids[clip] for clip in clips]
        if third == "within" and not set(names) <= set(ids):
            continue
        for x, y in counts:
            if x in names and y in names:
                counts[x, y][1] += 1
                counts[x, y][0] += names[odd] not in (x, y)
    return counts


@pytest.mark.parametrize("third", ["within", "any"])
@pytest.mark.parametrize("ids", [IDS, ("d", "a", "c"), ("e", "b")])
def test_rdm_counts_as_a_loop_does(third: str, ids: tuple[str, ...]) -> None:
    triplets = simulate(judgments=40)
    rdm = triplets.rdm(ids, third=third)  # type: ignore[arg-type]
    expected = count_by_loop(triplets, ids, third)
    assert rdm.ids == ids
    assert rdm.counts.tolist() == [shown for _, shown in expected.values()]
    for value, (together, shown) in zip(rdm.dissimilarities, expected.values(), strict=True):
        assert np.isnan(value) if shown == 0 else value == pytest.approx(1 - together / shown)


def test_a_pair_never_shown_is_missing() -> None:
    one = Triplets(ids=IDS, clips=np.array([[0, 1, 2]]), odd=np.array([2]))
    rdm = one.rdm()
    assert rdm.num_pairs == 3
    assert rdm.square()[0, 1] == 0.0
    assert rdm.square()[0, 2] == 1.0
    assert np.isnan(rdm.square()[0, 3])


def test_the_pair_left_keeps_the_order_presented() -> None:
    triplets = Triplets(
        ids=IDS, clips=np.array([[4, 1, 2], [4, 1, 2], [4, 1, 2]]), odd=np.array([0, 1, 2])
    )
    assert triplets.pair.tolist() == [[1, 2], [4, 2], [4, 1]]
    assert triplets.odd_clip.tolist() == [4, 1, 2]


def test_restrict_reindexes_and_without_drops() -> None:
    triplets = simulate()
    inside = triplets.restrict(("d", "b", "a"))
    assert inside.ids == ("d", "b", "a")
    names = triplets.to_frame()
    kept = names[names[["clip_1", "clip_2", "clip_3"]].isin(["d", "b", "a"]).all(axis=1)]
    pd.testing.assert_frame_equal(inside.to_frame(), kept.reset_index(drop=True))
    others = triplets.without(("a",))
    assert others.ids == IDS
    assert len(others) == int(
        (~names[["clip_1", "clip_2", "clip_3"]].isin(["a"]).any(axis=1)).sum()
    )
    with pytest.raises(DataError, match="clip 'z' is not among the 5 clips of 'judgments'"):
        triplets.restrict(("a", "z"))
    with pytest.raises(DataError, match="clip 'a' is listed twice; name each clip once"):
        triplets.restrict(("a", "b", "a"))


def test_a_geometry_a_model_may_see_is_refused_as_held_out() -> None:
    triplets = simulate()
    training = triplets.restrict(("a", "b", "c"))
    held_out = triplets.rdm(("d", "e"), third="any", training=training)
    assert held_out.num_pairs == 1
    with pytest.raises(DataError) as caught:
        triplets.rdm(("c", "d"), third="any", training=training)
    assert str(caught.value) == (
        f"{len(training)} training judgments of 'judgments' show a held-out clip (such as 'c'); "
        "train on `restrict(split.train)`"
    )
    # Whatever the third clip, a judgment that shows two held-out clips is not among the training ones.
    both = triplets.without(("a", "b", "c"))
    assert len(both) == 0
    with pytest.raises(DataError, match="third is 'some'; choose 'within' or 'any'"):
        triplets.rdm(third="some")  # type: ignore[arg-type]


def test_select_takes_every_column_along() -> None:
    triplets = simulate()
    some = triplets.select(np.array([5, 3]))
    pd.testing.assert_frame_equal(
        some.to_frame(), triplets.to_frame().iloc[[5, 3]].reset_index(drop=True)
    )


def test_round_trip_through_a_frame() -> None:
    triplets = simulate()
    again = Triplets.from_frame(triplets.to_frame(), ids=IDS)
    assert again == triplets
    assert again != triplets.select(np.arange(3))
    assert triplets != "judgments"


def test_a_frame_with_names_of_its_own() -> None:
    frame = pd.DataFrame(
        {"x": [1, 1], "y": [2, 1], "z": [10, 3], "pick": [10, 3], "who": ["p", "p"]}
    )
    columns = JudgmentColumns(clip_1="x", clip_2="y", clip_3="z", odd="pick", participant="who")
    triplets = Triplets.from_frame(frame, columns=columns, name="mine", simulated=True)
    assert triplets.ids == ("1", "2", "3", "10")  # by number, not by text
    assert repr(triplets) == (
        "Triplets('mine', 1 judgments, 4 clips, 1 participants, simulated participants)"
    )
    assert triplets.exclusions is not None
    assert triplets.exclusions.dropped == {"repeats_a_clip": 1}


def test_arrays_cannot_be_changed() -> None:
    triplets = simulate()
    with pytest.raises(ValueError, match="read-only"):
        triplets.clips[0, 0] = 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"clips": np.zeros((1, 2))},
            r"clips have shape \(1, 2\); pass three positions a judgment",
        ),
        ({"ids": ("a", "a", "b")}, "an id of the catalogue is listed twice"),
        ({"odd": np.array([0, 1])}, r"odd has shape \(2,\) for 1 judgments"),
        ({"odd": np.array([3])}, "odd holds 3, outside 0 to 2"),
        ({"clips": np.array([[0, 1, 9]])}, "clips holds 9, outside 0 to 2"),
        ({"clips": np.array([[0, 1, -1]])}, "clips holds -1, outside 0 to 2"),
        (
            {"clips": np.array([[0, 1, 1]])},
            "judgment 0 shows a clip twice; exclude attention checks first",
        ),
        (
            {"participants": np.array([1]), "participant_ids": ("p",)},
            "participants holds 1, outside 0 to 0",
        ),
    ],
)
def test_impossible_values_are_refused(change: dict[str, object], message: str) -> None:
    good: dict[str, object] = {
        "ids": ("a", "b", "c"),
        "clips": np.array([[0, 1, 2]]),
        "odd": np.array([0]),
    }
    with pytest.raises(DataError, match=message):
        Triplets(**{**good, **change})  # type: ignore[arg-type]


def test_exclusions_need_their_columns() -> None:
    frame = simulate().to_frame()[["clip_1", "clip_2", "clip_3", "odd"]]
    with pytest.raises(
        DataError, match="the exclusions need a participant column, which is not read"
    ):
        Triplets.from_frame(frame, exclusions=ExclusionRules(min_judgments=3))
    with pytest.raises(DataError, match="the exclusions need a response_time column"):
        Triplets.from_frame(frame, exclusions=ExclusionRules(max_response_time=3))
