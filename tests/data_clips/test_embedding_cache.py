"""Embeddings are computed once for the same frames and weights, and again for any others."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from bgs.data.embedding_cache import EmbeddingCache, weights_sha256
from bgs.errors import DataError

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)


class Counting:
    def __init__(self, matrix):
        self.matrix, self.calls = matrix, 0

    def __call__(self):
        self.calls += 1
        return self.matrix


def test_computed_once(tmp_path):
    cache, compute = EmbeddingCache(tmp_path), Counting(MATRIX)
    for _ in range(3):
        found = cache.get_or_compute({"frames": "f", "weights": "w"}, ["a", "b"], compute)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, MATRIX)
    assert compute.calls == 1
    assert repr(cache) == f"EmbeddingCache('{tmp_path}/embeddings')"


def test_any_other_key_or_order_is_computed(tmp_path):
    cache, compute = EmbeddingCache(tmp_path), Counting(MATRIX)
    cache.get_or_compute({"frames": "f", "weights": "w"}, ["a", "b"], compute)
    cache.get_or_compute({"frames": "f", "weights": "v"}, ["a", "b"], compute)
    cache.get_or_compute({"frames": "g", "weights": "w"}, ["a", "b"], compute)
    cache.get_or_compute({"frames": "f", "weights": "w"}, ["b", "a"], compute)
    assert compute.calls == 4


@pytest.mark.parametrize("where", [0.0, 0.05, 0.5, 0.99])
def test_a_flipped_byte_is_computed_again(tmp_path, caplog, where):
    cache, compute = EmbeddingCache(tmp_path), Counting(MATRIX)
    cache.get_or_compute({}, ["a", "b"], compute)
    (path,) = cache.folder.iterdir()
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 0x10
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        found = cache.get_or_compute({}, ["a", "b"], compute)
    np.testing.assert_array_equal(found, MATRIX)
    assert compute.calls == 2
    assert caplog.messages == [f"cached embeddings {path} are damaged; they are computed again"]


def test_a_matrix_of_the_wrong_shape_is_not_stored(tmp_path):
    cache = EmbeddingCache(tmp_path)
    with pytest.raises(DataError) as caught:
        cache.get_or_compute({}, ["a"], lambda: MATRIX)
    assert (
        str(caught.value) == "embeddings of shape (2, 3) do not fit 1 clips; compute one row a clip"
    )
    assert not cache.folder.exists()


def test_the_hash_of_weights_sees_values_names_shapes_and_types():
    state = {"a": torch.arange(4.0), "b": torch.ones(2, dtype=torch.bfloat16)}
    same = {"b": state["b"].clone(), "a": torch.arange(8.0)[:4]}
    assert weights_sha256(state) == weights_sha256(same)
    others = [
        {"a": torch.arange(4.0) + 1e-7, "b": state["b"]},
        {"a": torch.arange(4.0).reshape(2, 2), "b": state["b"]},
        {"a": torch.arange(4.0), "c": state["b"]},
        {"a": torch.arange(4.0), "b": state["b"].half()},
        {"a": torch.arange(4.0)},
    ]
    assert len({weights_sha256(s) for s in [state, *others]}) == 6
    assert weights_sha256({"scalar": torch.tensor(3)}) != weights_sha256({})
