"""The same numbers as rsatoolbox, and tables that others can read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bgs.errors import DataError
from bgs.evaluation.geometry import model_rdm
from bgs.evaluation.interop import from_rsatoolbox, to_long_frame, to_rsatoolbox, write_records
from bgs.evaluation.rsa import correlate
from bgs.rdm import RDM

rsatoolbox = pytest.importorskip("rsatoolbox", reason="needs rsatoolbox to compare with")


def test_rsatoolbox_gives_the_same_spearman(world, judgments):
    """On the pairs both know, to rounding: rsatoolbox's evaluation of a fixed model against our correlation."""
    human = judgments.rdm()
    assert human.num_pairs == len(human.dissimilarities)
    model = rsatoolbox.model.ModelFixed("m", to_rsatoolbox({"m": world.rdm}))
    theirs = rsatoolbox.inference.eval_fixed(
        model, to_rsatoolbox({"people": human}), method="spearman"
    )
    assert float(theirs.evaluations.ravel()[0]) == pytest.approx(
        correlate(world.rdm, human), abs=1e-12
    )


def test_rsatoolbox_on_missing_pairs(world, judgments):
    human = judgments.select(np.arange(60)).rdm()
    assert human.num_pairs < len(human.dissimilarities)
    holed = RDM.from_condensed(
        world.ids, np.where(human.observed, world.rdm.dissimilarities, np.nan)
    )
    theirs = rsatoolbox.rdm.compare(
        *(to_rsatoolbox({"x": r}) for r in (holed, human)), method="spearman"
    )
    assert float(theirs[0, 0]) == pytest.approx(correlate(world.rdm, human), abs=1e-12)


def test_there_and_back_by_id(world, judgments):
    human = judgments.rdm()
    shuffled = world.rdm.restrict(world.ids[::-1])
    exported = to_rsatoolbox({"people": human, "model": shuffled})
    back = from_rsatoolbox(exported)
    assert back["model"].ids == human.ids
    np.testing.assert_array_equal(back["model"].dissimilarities, world.rdm.dissimilarities)
    np.testing.assert_array_equal(back["people"].dissimilarities, human.dissimilarities)
    with pytest.raises(
        DataError,
        match=r"^these RDMs have no pattern descriptor 'film'; name the clips by one of: clip",
    ):
        from_rsatoolbox(exported, descriptor="film")
    with pytest.raises(DataError, match=r"^no RDM to export; pass one RDM or more$"):
        to_rsatoolbox({})


def test_long_frame_has_a_row_a_judged_pair_and_model(world, judgments):
    human = judgments.select(np.arange(60)).rdm()
    frame = to_long_frame({"truth": world.rdm, "same": world.rdm}, human)
    assert len(frame) == 2 * human.num_pairs
    row = frame.iloc[3]
    square = [r.restrict([row.clip_1, row.clip_2]).dissimilarities[0] for r in (world.rdm, human)]
    assert (row.distance, row.human) == tuple(square)
    truth = frame[frame["model"] == "truth"]
    assert truth["human"].corr(truth["distance"], method="spearman") == pytest.approx(
        correlate(world.rdm, human)
    )


def test_tables_are_written_and_read_back(tmp_path):
    records = [{"model": "a", "r2": 0.1}, {"model": "b", "r2": 0.2}]
    for name, read in (("t.csv", pd.read_csv), ("t.parquet", pd.read_parquet)):
        assert read(write_records(records, tmp_path / name)).to_dict("records") == records
    with pytest.raises(
        DataError, match=r"^cannot write a table as 't\.txt'; end the name in \.csv or \.parquet$"
    ):
        write_records(records, tmp_path / "t.txt")


def test_three_distances_by_definition(world):
    rows = world.latent + 2.0
    first, second = rows[0], rows[1]
    got = {
        m: model_rdm(world.ids, rows, metric=m).dissimilarities[0]
        for m in ("cosine", "correlation", "euclidean")
    }
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert got["cosine"] == pytest.approx(1 - cosine)
    assert got["correlation"] == pytest.approx(1 - np.corrcoef(first, second)[0, 1])
    assert got["euclidean"] == pytest.approx(np.linalg.norm(first - second))
    with pytest.raises(
        DataError, match=r"^unknown metric 'city'; choose one of cosine, correlation, euclidean$"
    ):
        model_rdm(world.ids, rows, metric="city")
    with pytest.raises(
        DataError,
        match=r"^the embedding of clip 'clip000' holds NaN or infinity \(24 of 24 clips\)",
    ):
        model_rdm(world.ids, rows * np.nan)
