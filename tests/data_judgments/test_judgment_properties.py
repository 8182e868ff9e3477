"""What must hold for any table of judgments."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bgs.data.delimited import _read_with_care, _split_plain
from bgs.data.triplets import Triplets, load_triplets

# Any text an id may be: printable, in normal form, no space around it, and not a word for "missing".
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8
).filter(
    lambda text: (
        text.isprintable()
        and unicodedata.is_normalized("NFC", text)
        and text.lower() not in {"nan", "na", "n/a", "null", "none", "<na>"}
    )
)


@st.composite
def judgments(draw: st.DrawFn) -> Triplets:
    ids = tuple(draw(st.lists(NAMES, min_size=3, max_size=8, unique=True)))
    size = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
    return Triplets(
        ids=ids,
        clips=np.stack([rng.choice(len(ids), size=3, replace=False) for _ in range(size)]),
        odd=rng.integers(3, size=size),
        participants=rng.integers(len(people), size=size),
        participant_ids=people,
        trial=rng.integers(100, size=size),
        response_time_seconds=np.round(rng.uniform(0, 60, size=size), 3),
    )


@settings(max_examples=40, deadline=None)
@given(triplets=judgments(), suffix=st.sampled_from(["csv", "tsv", "jsonl", "parquet"]))
def test_any_valid_table_round_trips(tmp_path_factory, triplets: Triplets, suffix: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path_factory.mktemp("table") / f"judgments.{suffix}"
    frame = triplets.to_frame()
    if suffix == "parquet":
        frame.to_parquet(file)
    elif suffix == "jsonl":
        frame.to_json(file, orient="records", lines=True, double_precision=15)
    else:
        frame.to_csv(file, index=False, sep="\t" if suffix == "tsv" else ",")
    again = load_triplets(file)
    assert again.to_frame().equals(Triplets.from_frame(frame).to_frame())
    assert np.array_equal(again.odd, triplets.odd)
    assert again.to_frame()["odd"].tolist() == frame["odd"].tolist()


@settings(max_examples=60, deadline=None)
@given(
    triplets=judgments(), seed=st.integers(0, 2**32 - 1), third=st.sampled_from(["within", "any"])
)
def test_an_rdm_does_not_depend_on_how_judgments_are_written_down(
    triplets: Triplets, seed: int, third: str
) -> None:
    rng = np.random.default_rng(seed)
    ids = tuple(rng.permutation(triplets.ids)[: rng.integers(2, len(triplets.ids) + 1)])
    expected = triplets.rdm(ids, third=third)  # type: ignore[arg-type]
    rows = rng.permutation(len(triplets))  # the order of rows
    places = rng.permuted(
        np.tile(np.arange(3), (len(triplets), 1)), axis=1
    )  # the order within a triad
    order = rng.permutation(len(triplets.ids))  # the order of the catalogue
    moved = Triplets(
        ids=tuple(triplets.ids[index] for index in order),
        clips=np.argsort(order)[np.take_along_axis(triplets.clips, places, axis=1)][rows],
        odd=np.argmax(places == triplets.odd[:, None], axis=1)[rows],
    )
    assert moved.rdm(ids, third=third) == expected  # type: ignore[arg-type]
    # A new name for every clip is a new name in the RDM and nothing else.
    renamed = Triplets(
        ids=tuple(f"new {clip}" for clip in triplets.ids), clips=triplets.clips, odd=triplets.odd
    )
    again = renamed.rdm([f"new {clip}" for clip in ids], third=third)  # type: ignore[arg-type]
    assert np.array_equal(again.dissimilarities, expected.dissimilarities, equal_nan=True)


@settings(max_examples=300, deadline=None)
@given(
    body=st.lists(
        st.sampled_from(
            ["a", "1", "é", ",", "\n", "\r\n", "\r", " ", "\t", "#", "'", "\0", "\u2028"]
        ),
        min_size=1,
        max_size=14,
    )
)
def test_both_ways_to_split_a_file_agree(body: list[str]) -> None:
    """Whatever Arrow vouches for, the csv module reads the same, on the same lines."""
    text = "x,y\n" + "".join(body)
    fast = _split_plain(text.encode(), separator=",")
    if fast is None:
        return
    slow, rows = _read_with_care(text, separator=",", path=Path("x.csv"))
    assert fast.astype(object).to_numpy().tolist() == slow.astype(object).to_numpy().tolist()
    assert rows.tolist() == list(range(2, len(fast) + 2))


@settings(max_examples=40, deadline=None)
@given(triplets=judgments())
def test_counts_add_up(triplets: Triplets) -> None:
    together, shown = triplets.count_pairs(triplets.ids)
    assert shown.sum() == 3 * len(triplets)
    assert together.sum() == len(triplets)
    assert (together <= shown).all()
