"""Reading ahead changes when clips are read, not which."""

from __future__ import annotations

import numpy as np
import pytest

from bgs.training.loading import ReadAhead


def test_loads_come_in_order_and_then_end(world) -> None:
    loads = [np.array([3, 1]), np.array([7]), np.array([0, 2, 4])]
    with ReadAhead(world.bank, loads, pin_memory=False) as inputs:
        read = list(inputs)
    assert [len(clips) for clips in read] == [2, 1, 3]
    for clips, rows in zip(read, loads, strict=True):
        assert np.array_equal(clips.numpy(), world.bank.matrix[rows])
    assert inputs.seconds_waited > 0


def test_only_a_few_loads_are_read_before_they_are_needed(world) -> None:
    ordered = []

    def loads():
        for row in range(10):
            ordered.append(row)
            yield np.array([row])

    with ReadAhead(world.bank, loads(), pin_memory=False, depth=2) as inputs:
        next(inputs)
        assert ordered == [0, 1, 2]


def test_an_error_while_reading_reaches_the_one_who_asks() -> None:
    class Broken:
        ids = ("a",)

        def batch(self, indices: list[int]) -> None:
            raise OSError("the cache is gone")

    with (
        ReadAhead(Broken(), [np.array([0])], pin_memory=False) as inputs,  # type: ignore[arg-type]
        pytest.raises(OSError, match=r"^the cache is gone$"),
    ):
        next(inputs)
