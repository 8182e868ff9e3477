"""RDMs know their clips: built, restricted, aligned and handed to rsatoolbox by id."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from bgs.errors import DataError
from bgs.rdm import RDM, align, condensed_index

IDS = ("a", "b", "c", "d")
VALUES = np.array([0.1, 0.2, np.nan, 0.4, 0.5, 0.6])


def make() -> RDM:
    return RDM.from_condensed(IDS, VALUES, counts=[1, 2, 0, 4, 5, 6])


def test_condensed_and_square_agree_with_scipy() -> None:
    rdm = make()
    square = rdm.square()
    assert square[0, 1] == 0.1
    assert square[3, 1] == 0.5
    assert np.isnan(square[0, 3])
    assert np.array_equal(np.diag(square), np.zeros(4))
    assert RDM.from_square(IDS, square, counts=squareform(rdm.counts)) == rdm
    rows, columns = np.triu_indices(4, k=1)
    assert condensed_index(columns, rows, num_clips=4).tolist() == list(range(6))


def test_without_counts_every_observed_pair_counts_once() -> None:
    assert RDM.from_condensed(IDS, VALUES).counts.tolist() == [1, 1, 0, 1, 1, 1]
    assert RDM.from_square(IDS, squareform(VALUES)).num_pairs == 5


def test_embeddings_give_cosine_distances() -> None:
    points = np.random.default_rng(0).normal(size=(4, 7))
    assert np.allclose(RDM.from_embeddings(IDS, points).dissimilarities, pdist(points, "cosine"))


def test_restrict_and_align_go_by_id() -> None:
    rdm = make()
    part = rdm.restrict(("d", "b", "a"))
    assert np.array_equal(part.dissimilarities, [0.5, np.nan, 0.1], equal_nan=True)
    assert part.counts.tolist() == [5, 0, 1]
    turned = rdm.restrict(("d", "c", "b", "a"))
    first, second = align(rdm, turned)
    assert first == second == rdm
    with pytest.raises(DataError) as caught:
        align(rdm, part)
    assert str(caught.value) == (
        "the two RDMs are not about the same clips: 1 only in the first, 0 only in the second (such as 'c'); "
        "restrict both to the clips they share"
    )


def test_repr_and_equality() -> None:
    rdm = make()
    assert repr(rdm) == "RDM(4 clips, 5/6 pairs observed, 18 observations)"
    assert len(rdm) == 4
    assert rdm != "an RDM"
    assert rdm != make().restrict(("b", "a", "c", "d"))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: RDM.from_condensed(IDS, VALUES[:3]),
            r"dissimilarities have shape \(3,\) but 4 clips make 6 pairs",
        ),
        (
            lambda: RDM.from_condensed(("a",), []),
            "1 clips make no pair; an RDM needs 2 clips or more",
        ),
        (lambda: RDM.from_condensed("aa", [1.0]), "clip 'a' is listed twice; name each clip once"),
        (lambda: RDM.from_condensed("ab", [np.inf]), "an RDM holds an infinite dissimilarity"),
        (
            lambda: RDM.from_condensed("ab", [1.0], counts=[-1]),
            "an RDM holds a negative or missing count",
        ),
        (
            lambda: RDM.from_square("ab", np.eye(2)),
            "the diagonal holds 1 where a dissimilarity is 0",
        ),
        (
            lambda: RDM.from_square("ab", np.zeros((3, 3))),
            r"a matrix of shape \(3, 3\) for 2 clips",
        ),
        (lambda: RDM.from_square("ab", [[0, 1], [2, 0]]), "the matrix is not symmetric"),
        (
            lambda: RDM.from_square("ab", np.zeros((2, 2)), counts=[1]),
            r"counts have shape \(1,\), the matrix \(2, 2\)",
        ),
        (
            lambda: RDM.from_embeddings("ab", np.zeros((3, 2))),
            r"embeddings have shape \(3, 2\) for 2 clips",
        ),
        (
            lambda: RDM.from_embeddings("ab", [[1, np.nan], [1, 1]]),
            "the embedding of clip 'a' holds NaN",
        ),
        (
            lambda: RDM.from_embeddings("ab", [[1, 1], [0, 0]]),
            "the embedding of clip 'b' is all zeros",
        ),
        (
            lambda: make().restrict(("a", "y", "z")),
            r"clip 'y' is not in this RDM of 4 clips \(nor are 1 others\)",
        ),
    ],
)
def test_what_cannot_be_is_refused(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        build()


def test_rsatoolbox_round_trip_survives_subsetting_and_reordering() -> None:
    rdm = make()
    rdms = rdm.to_rsatoolbox()
    assert RDM.from_rsatoolbox(rdms) == rdm
    assert RDM.from_rsatoolbox(rdms.subset_pattern("clip", ["b", "d"])) == rdm.restrict(("b", "d"))
    rdms.reorder(np.array([2, 0, 3, 1]))
    assert RDM.from_rsatoolbox(rdms) == rdm.restrict(("c", "a", "d", "b"))


def test_rsatoolbox_rdms_from_elsewhere() -> None:
    from rsatoolbox.rdm import RDMs

    both = RDMs(np.array([VALUES, VALUES + 1]), pattern_descriptors={"image": list(IDS)})
    second = RDM.from_rsatoolbox(both, clip="image", index=1)
    assert second == RDM.from_condensed(IDS, VALUES + 1)
    with pytest.raises(DataError, match="2 RDMs where one is wanted; choose one by `index`"):
        RDM.from_rsatoolbox(both, clip="image")
    with pytest.raises(
        DataError, match=r"no pattern descriptor 'clip' \(there are: image, index\)"
    ):
        RDM.from_rsatoolbox(both, index=0)
