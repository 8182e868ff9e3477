"""A mistyped folder is refused at once with what was probably meant; a hub is asked only where there is one."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from bgs.backbones import reach
from bgs.backbones.reach import check_reachable
from bgs.errors import BackboneError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    (tmp_path / "trained" / "first").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("runs/dmo", "'runs/dmo' is not there; did you mean 'runs/demo'?"),
        ("trained/frist", "'trained/frist' is not there; did you mean 'trained/first'?"),
        ("trained/other", "'trained/other' is not there; check the path"),
        ("./demo", "'./demo' is not there; check the path"),
        ("a/b/c", "'a/b/c' is not there; there is no folder 'a/b' either; check the path"),
    ],
)
def test_what_looks_like_a_path_is_never_asked_for(here, monkeypatch, name, line):
    monkeypatch.setattr(reach, "_connects", lambda _: pytest.fail("the network was touched"))
    with pytest.raises(BackboneError) as error:
        check_reachable(name)
    assert str(error.value) == line


def test_what_is_here_or_downloaded_needs_no_network(here, monkeypatch):
    monkeypatch.setattr(reach, "_connects", lambda _: pytest.fail("the network was touched"))
    check_reachable("runs/demo")
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda name, file: "there" if (name, file) == ("lab/model", "config.json") else None,
    )
    check_reachable("lab/model")


def test_an_id_is_asked_for_only_where_somebody_answers(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(reach, "_connects", lambda host: host == "huggingface.co")
    check_reachable("lab/model")
    monkeypatch.setattr(reach, "_connects", lambda host: False)
    with pytest.raises(BackboneError) as error:
        check_reachable("lab/model")
    assert str(error.value) == (
        "'lab/model' is neither a folder here nor in the cache of downloads, and huggingface.co cannot be reached; "
        "check the name and the connection, or give a folder"
    )


def test_a_host_that_never_answers_costs_seconds_and_a_proxy_is_believed(monkeypatch):
    monkeypatch.setattr(reach, "getproxies", dict)
    monkeypatch.setattr(reach, "SECONDS", 0.1)
    monkeypatch.setattr(socket, "create_connection", _answer_too_late)
    start = time.monotonic()
    assert not reach._connects("nobody.invalid")
    assert time.monotonic() - start < 0.4
    monkeypatch.setattr(reach, "getproxies", lambda: {"https": "http://proxy:3128"})
    assert reach._connects("nobody.invalid")


def _answer_too_late(*_: object, **__: object) -> None:
    time.sleep(0.5)
    raise OSError("timed out")


def test_an_open_port_is_a_connection(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = socket.create_connection
        monkeypatch.setattr(reach, "getproxies", dict)
        monkeypatch.setattr(
            socket, "create_connection", lambda _, **more: connect(("127.0.0.1", port), **more)
        )
        assert reach._connects("localhost")
