"""The guards of conftest.py do what every other test relies on."""

from __future__ import annotations

import random
import socket

import numpy as np
import pytest
import torch

_drawn: list[tuple[float, float]] = []
_drawn_by_torch: list[float] = []


@pytest.mark.parametrize("turn", [0, 1])
def test_random_state_is_restored_after_a_test(turn: int) -> None:
    # Seeding in the first turn must not decide what the second one draws.
    first = (random.random(), float(np.random.random()))  # noqa: NPY002
    _drawn.append(first)
    random.seed(turn)
    np.random.seed(turn)  # noqa: NPY002
    assert _drawn[0] == first


@pytest.mark.parametrize("turn", [0, 1])
def test_torch_state_is_restored_after_a_test(turn: int) -> None:
    first = float(torch.rand(()))
    _drawn_by_torch.append(first)
    torch.manual_seed(turn)
    assert _drawn_by_torch[0] == first


def test_the_network_is_out_of_reach() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as outside,
        pytest.raises(
            RuntimeError,
            match=r"^a test tried to connect to '192\.0\.2\.1'; tests run without a network$",
        ),
    ):
        outside.connect(("192.0.2.1", 80))


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
        assert client.getpeername() == server.getsockname()
