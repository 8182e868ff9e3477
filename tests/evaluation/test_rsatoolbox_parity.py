"""The same numbers as rsatoolbox.inference gives on the same pairs and the same bootstrap samples."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.data.triplets import Triplets
from bgs.evaluation.bootstrap import bootstrap_correlations
from bgs.evaluation.correlation import Method, correlate, observed_pairs
from bgs.evaluation.interop import to_rsatoolbox
from bgs.rdm import RDM

inference = pytest.importorskip("rsatoolbox.inference")
model = pytest.importorskip("rsatoolbox.model")
rdm = pytest.importorskip("rsatoolbox.rdm")


@pytest.fixture(scope="module")
def people(judgments) -> dict[str, RDM]:
    """Three groups of people who between them saw every pair, each with a geometry full of ties."""
    groups = np.asarray(judgments.participants) % 3
    found = {f"group{g}": judgments.select(groups == g).rdm() for g in range(3)}
    assert all(np.isfinite(each.dissimilarities).all() for each in found.values())
    return found


@pytest.fixture(scope="module")
def judgments(world) -> Triplets:
    return world.judge(6000, seed=2)


@pytest.fixture(scope="module")
def candidates(world) -> dict[str, RDM]:
    rng = np.random.default_rng(11)
    noise = rng.normal(size=world.latent.shape)
    return {
        "latent": world.rdm,
        "blurred": RDM.from_embeddings(world.ids, world.latent + noise),
        "backwards": RDM.from_embeddings(world.ids[::-1], noise[::-1]),  # another order of clips
    }


@pytest.mark.filterwarnings("ignore:Noise ceiling for tau")
@pytest.mark.parametrize(
    ("theirs", "ours"), [("spearman", "spearman"), ("corr", "pearson"), ("tau-a", "kendall")]
)
def test_eval_fixed(world, people, candidates, theirs: str, ours: Method):
    models = [
        model.ModelFixed(name, to_rsatoolbox({name: each.restrict(world.ids)}))
        for name, each in candidates.items()
    ]
    result = inference.eval_fixed(models, to_rsatoolbox(people), method=theirs)
    mine = [
        [correlate(each, human, method=ours) for human in people.values()]
        for each in candidates.values()
    ]
    np.testing.assert_allclose(result.evaluations[0], mine, atol=1e-12, rtol=0)


def test_rho_a_is_spearman_where_nothing_is_tied(world, candidates):
    truth = world.expected_rdm()
    assert len(np.unique(truth.dissimilarities)) == len(truth.dissimilarities)
    data = to_rsatoolbox({"people": truth, "again": truth})
    models = [model.ModelFixed("m", to_rsatoolbox({"m": candidates["blurred"]}))]
    result = inference.eval_fixed(models, data, method="rho-a")
    mine = correlate(candidates["blurred"], truth)
    np.testing.assert_allclose(result.evaluations[0, 0], mine, atol=1e-12, rtol=0)


def test_every_bootstrap_sample_of_clips(people, candidates):
    """Their samples, drawn by them: pairs of a clip with itself are left out on both sides."""
    human, mine = people["group0"], candidates["blurred"]
    data, predicted = to_rsatoolbox({"people": human}), to_rsatoolbox({"model": mine})
    pairs = observed_pairs(mine, human)
    theirs, draws = [], np.zeros((len(human.ids), 20))
    for sample in range(20):
        drawn, index = inference.bootstrap_sample_pattern(data)
        theirs.append(rdm.compare(predicted.subsample_pattern("index", index), drawn, "spearman")[0, 0])  # fmt: skip
        np.add.at(draws[:, sample], np.asarray(index), 1)
    ours = bootstrap_correlations([pairs.model], pairs.human, members=pairs.members, draws=draws)
    np.testing.assert_allclose(ours[0], theirs, atol=1e-12, rtol=0)
