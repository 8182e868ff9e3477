"""What every test can rely on: no network, no leaking random state, one thread, and the shared data if it is there."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before torch or a BLAS is loaded: one thread makes sums the same everywhere and small tensors fast,
# and a hub client that believes in a network would only wait for it.
for _name, _value in {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(_name, _value)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[1]
LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository, for tests about its files."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that cannot be in the repository; tests that ask for it skip where it is absent."""
    named = os.environ.get("BGS_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        origin = "$BGS_SHARED_DATA" if named else "../shared/data beside the repository"
        pytest.skip(
            f"needs the shared data, and {origin} is not a folder; set BGS_SHARED_DATA to it"
        )
    return folder


@pytest.fixture(autouse=True)
def _keep_random_state() -> Iterator[None]:
    """A test that seeds or draws leaves every other test's random numbers alone."""
    torch = sys.modules.get("torch")  # what does not need torch should not pay for its import
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002 - the legacy state is the one that leaks
    torch_state = None if torch is None else torch.get_rng_state()
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)  # noqa: NPY002
    if torch is not None:
        torch.set_rng_state(torch_state)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded clips and features are cached for this session alone, never in the user's home."""
    patch = pytest.MonkeyPatch()
    patch.setenv("BGS_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A test that reaches for the network fails at once, and says where it wanted to go."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _loopback_only(getattr(socket.socket, name)))
    yield
    patch.undo()


def _loopback_only(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else None  # a path for AF_UNIX
        if host is not None and not str(host).startswith(LOOPBACK):
            raise RuntimeError(f"a test tried to connect to {host!r}; tests run without a network")
        return connect(self, address)

    return guarded
